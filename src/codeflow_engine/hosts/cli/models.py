"""Models on the command line: their names, whether they answer, and what they would be sent."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from codeflow_engine.reports.prose import count

if TYPE_CHECKING:
    from decimal import Decimal

    from codeflow_engine.domain.model import Trial
    from codeflow_engine.domain.preview import ChangePreview, FilePreview

__all__ = ["Models", "dry_run", "told"]

Models = Annotated[
    list[str] | None,
    typer.Option(
        "--llm",
        metavar="MODEL",
        help="Name a model, such as openai:gpt-5.1; may be repeated, in the order of asking. "
        "[default: as in the settings]",
    ),
]


def told(trial: Trial) -> str:
    """Say how it went to ask a model."""
    place = "" if trial.endpoint is None else f" at {trial.endpoint}"
    if trial.error is not None:
        return f"{trial.model}{place}: {trial.error}"
    seconds = f"in {trial.seconds:.1f} s"
    return f"{trial.model}{place}: {trial.answered_by} answered {seconds}, {_money(trial.cost_usd)}"


def dry_run(preview: ChangePreview) -> Iterator[tuple[str, str, str, str]]:
    """Give the rows of a table of what would be sent: tokens, cost, to whom, and the file."""
    for file in preview.files:
        cost = _money(file.usd) if file.models else ""
        yield f"{file.tokens:,}", cost, _target(file), file.path + _secrets(file)
    for path in preview.excluded:
        yield "", "", "nobody: excluded", path
    yield f"{preview.tokens:,}", _money(preview.usd), "in all", _summary(preview)


def _target(file: FilePreview) -> str:
    return file.models[0] if file.models else "nobody: withheld"


def _secrets(file: FilePreview) -> str:
    return f" ({count(file.secrets, 'secret')} left out)" if file.secrets else ""


def _summary(preview: ChangePreview) -> str:
    sent = sum(bool(file.models) for file in preview.files)
    return (
        f"{count(sent, 'file')} of {count(len(preview.files) + len(preview.excluded), 'file')}; "
        f"tokens are estimated on the high side, and prompts and answers come on top"
    )


def _money(usd: Decimal | None) -> str:
    return "cost not known" if usd is None else f"{usd:.4f} USD"
