"""Mistakes that both checkers have to find, and at the same place.

A `type: ignore` that mypy does not need is an error there, and a `pyright: ignore` that
pyright does not need is one there.
"""

from __future__ import annotations

from collections.abc import Sequence

import codeflow_engine as codeflow
from codeflow_engine.contracts import VCS, Analysis, Analyzer, AnalyzerReport
from codeflow_engine.domain.change import Change, ChangeRequest, FileContent
from codeflow_engine.domain.diff import Side
from codeflow_engine.plugins.registry import PluginRegistry
from codeflow_engine.sandbox import Sandbox
from codeflow_engine.testing.faults import raises

codeflow.Motor()  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType]  # no such name
codeflow.Engine(tenant=7)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  # a tenant is a text
codeflow.Engine(motor="v8")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]  # no such option
codeflow.Engine().review(7)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  # not a change
codeflow.Engine().review(".", "main")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]  # the base is given by name
codeflow.Change("title")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]  # values take keywords only


def assign(review: codeflow.Review, finding: codeflow.Finding) -> None:
    """A review is frozen, its outcome is derived, and its findings are a tuple."""
    review.run_id = "other"  # type: ignore[misc]  # pyright: ignore[reportAttributeAccessIssue]
    review.outcome = codeflow.Outcome.REVIEWED  # type: ignore[misc]  # pyright: ignore[reportAttributeAccessIssue]
    review.findings.append(finding)  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType]


def forget_none(review: codeflow.Review) -> tuple[str, int]:
    """What may be missing is not used as if it were there."""
    title = review.reason.title()  # type: ignore[union-attr]  # pyright: ignore[reportOptionalMemberAccess]
    return title, review.worst().rank  # type: ignore[union-attr]  # pyright: ignore[reportOptionalMemberAccess]


async def mix(engine: codeflow.AsyncEngine) -> None:
    """What is asynchronous is awaited, and only that."""
    engine.review(".").outcome  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType]  # noqa: B018 - the mistake
    await codeflow.Engine().review(".")  # type: ignore[misc]  # pyright: ignore[reportGeneralTypeIssues]
    with engine:  # type: ignore[attr-defined]  # pyright: ignore[reportGeneralTypeIssues]
        pass


class Silent(Analyzer):
    """An analyzer without its method."""


Silent()  # type: ignore[abstract]  # pyright: ignore[reportAbstractUsage]


class Wrong(Analyzer):
    """An analyzer whose method is not async."""

    def analyze(self, analysis: Analysis, sandbox: Sandbox) -> AnalyzerReport:  # type: ignore[override]  # pyright: ignore[reportIncompatibleMethodOverride]
        """Give nothing."""
        return AnalyzerReport()


class Halved(VCS):
    """A host that does not take what the contract hands it."""

    async def fetch_change(self, request: ChangeRequest) -> Change:  # type: ignore[override]  # pyright: ignore[reportIncompatibleMethodOverride]
        """Have no sandbox."""
        raise NotImplementedError

    async def read_files(
        self, change: Change, paths: Sequence[str], *, side: Side, limit: int, sandbox: Sandbox
    ) -> tuple[FileContent, ...]:
        """Have no file."""
        return ()


def register(registry: PluginRegistry) -> None:
    """Offers are made under names, with options that exist."""
    registry.add_vcs(Halved)  # type: ignore[call-arg, arg-type]  # pyright: ignore[reportCallIssue]
    registry.add_vcs("halved", Halved, schema=("halved",))  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]


raises("on_event", "no error")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
raises("on_event", OSError, sometimes=True)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
