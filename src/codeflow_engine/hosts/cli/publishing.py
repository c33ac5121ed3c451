"""Publishing at the command line: the plan before anything is written, the receipts after."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

from codeflow_engine.errors import CodeflowError, ConfigurationError
from codeflow_engine.hosts.cli.change import GITHUB, LOCAL, pages_of
from codeflow_engine.hosts.cli.exits import Exit
from codeflow_engine.hosts.cli.terminal import encoding_of, say, say_error
from codeflow_engine.reports import plan as report

if TYPE_CHECKING:
    from codeflow_engine.domain.effect import Plan
    from codeflow_engine.domain.review import Review
    from codeflow_engine.settings import Settings
    from codeflow_engine.sync import Engine

__all__ = ["apply_plan", "publish_review", "see_host"]


def see_host(named: str, *, is_patch: bool, replays: bool) -> None:
    """See before a review begins that there is somewhere to publish it.

    Args:
        named: Name of the VCS backend.
        is_patch: Whether a bare patch is reviewed.
        replays: Whether everything is answered from a recording.

    Raises:
        ConfigurationError: There is not.
    """
    if replays:
        raise ConfigurationError("--publish and --replay exclude each other")
    if is_patch or named == LOCAL:
        raise ConfigurationError(
            "--publish needs a change that stands on a host: a pull request, as owner/repo#42 "
            "or by its address"
        )


def publish_review(engine: Engine, review: Review, *, settings: Settings, dry_run: bool) -> Exit:
    """Publish a review of which the report is written already; tell what is done.

    Whatever keeps it from being published is told, and keeps the exit status from being 0.
    """
    try:
        apply_plan(engine, engine.plan(review), say, settings=settings, dry_run=dry_run)
    except CodeflowError as error:
        say_error(f"the review is not published: {error.message}")
        return Exit.INCOMPLETE
    return Exit.OK


def apply_plan(
    engine: Engine,
    plan: Plan,
    tell: Callable[[str], object],
    *,
    settings: Settings,
    dry_run: bool,
) -> None:
    """Tell a plan, apply it unless nothing is to be written, and tell what became of it.

    Raises:
        CodeflowError: It could not be applied, or only a part of it.
    """
    from codeflow_engine.domain.encoding import to_plain

    plain = plan.to_json()
    encoding = encoding_of(sys.stderr)
    tell(report.render(plain, encoding=encoding).removesuffix("\n"))
    if dry_run:
        tell("nothing is written, since this is a dry run")
        return
    receipts = [to_plain(receipt) for receipt in engine.apply(plan)]
    web = pages_of(settings, os.environ) if plan.provider == GITHUB else None
    tell(report.receipts(plain, receipts, web=web, encoding=encoding).removesuffix("\n"))
