"""Mistakes that mypy has to find: a `type: ignore` that is not needed is an error there."""

from __future__ import annotations

import codeflow_engine as codeflow
from codeflow_engine.contracts import Analysis, Analyzer, AnalyzerReport
from codeflow_engine.sandbox import Sandbox

codeflow.Motor()  # type: ignore[attr-defined]  # no such name
codeflow.Engine(tenant=7)  # type: ignore[arg-type]  # a tenant is a text
codeflow.Engine(motor="v8")  # type: ignore[call-arg]  # no such option
codeflow.Engine().review(7)  # type: ignore[arg-type]  # not a change
codeflow.Engine().review(".", "main")  # type: ignore[call-arg]  # the base is given by name


def assign(review: codeflow.Review) -> None:
    """A review is frozen, and its outcome is derived."""
    review.run_id = "other"  # type: ignore[misc]
    review.outcome = codeflow.Outcome.REVIEWED  # type: ignore[misc]


class Silent(Analyzer):
    """An analyzer without its method."""


Silent()  # type: ignore[abstract]


class Wrong(Analyzer):
    """An analyzer whose method is not async."""

    def analyze(self, analysis: Analysis, sandbox: Sandbox) -> AnalyzerReport:  # type: ignore[override]
        """Give nothing."""
        return AnalyzerReport()
