"""How a run goes, put together from its events in their JSON form.

The one place that turns events into words: the line of progress on a terminal, the display
in a notebook and the picture of a run all say what this says. Names and reasons come from
plugins and stand here as they are; whoever shows them escapes them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from codeflow_engine.reports.prose import count

__all__ = ["Analyzer", "Step", "Timeline"]


@dataclass(slots=True, kw_only=True)
class Step:
    """A step that has started."""

    name: str
    key: str | None
    seconds: float | None = None
    """How long it took; None while it goes on."""

    error: str | None = None
    """Type of what it raised."""

    @property
    def title(self) -> str:
        """Its name, with what tells it from other steps of that name."""
        return self.name if self.key is None else f"{self.name} {self.key}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Analyzer:
    """What an analyzer that has ended told."""

    findings: int
    examined: int
    """Units that it looked at."""

    failure: str | None

    @property
    def told(self) -> str:
        """What came of it, in words that follow its name."""
        return "has failed" if self.failure else f"has ended, {count(self.findings, 'finding')}"


class Timeline:
    """Hears the events of one run, in order, and knows where it stands."""

    def __init__(self) -> None:
        self.line: str = "starting"
        """What happened last, for a person who waits."""

        self.steps: dict[tuple[str, str | None], Step] = {}
        """Every step that has started, in that order."""

        self.analyzers: dict[str, Analyzer] = {}
        """Those that have ended, by name."""

        self.first: int = 0
        """Number of the first event that was heard; 0 before that."""

        self._units: int | None = None
        self._doing = "reviewing"
        self._scope = ""

    def hear(self, event: Mapping[str, Any]) -> bool:
        """Take in what an event tells; say whether `line` is another one now.

        Args:
            event: What `RunEvent.to_json` gives.
        """
        self.first = self.first or event["sequence"]
        before = self.line
        kind = event["event"]
        if kind == "RunStarted" and event["workflow"] != "review":
            self._doing = f"running {event['workflow']}"
        elif kind == "ChangeFetched":
            units, files = count(event["units"], "unit"), count(event["files"], "file")
            self._units = event["units"]
            self._scope = f" {units} in {files}"
            self.line = f"{self._doing}{self._scope}"
        elif kind == "StepStarted":
            step = Step(name=event["step"], key=event["key"])
            self.steps[event["step"], event["key"]] = step
            self._say(step.title)
        elif kind == "StepFinished":
            self._end_step(event)
        elif kind == "AnalyzerFinished":
            name = event["analyzer"]
            ended = Analyzer(
                findings=event["findings"], examined=event["examined"], failure=event["failure"]
            )
            self.analyzers[name] = ended
            self._say(f"{name} {ended.told}")
        return self.line != before

    @property
    def counts(self) -> str:
        """What is done so far, in numbers."""
        done = sum(step.seconds is not None for step in self.steps.values())
        told = [f"{count(done, 'step')} done"]
        asked = sum(step.name == "analyze" and step.key is not None for step in self.steps.values())
        if asked:
            failed = sum(analyzer.failure is not None for analyzer in self.analyzers.values())
            broken = f" ({failed} failed)" if failed else ""
            told.append(
                f"{len(self.analyzers)} of {count(asked, 'analyzer')} done{broken} "
                f"with {count(self.findings, 'finding')}"
            )
        return ", ".join(told)

    @property
    def examined(self) -> bool:
        """Whether any analyzer has looked at anything."""
        return any(analyzer.examined for analyzer in self.analyzers.values())

    @property
    def findings(self) -> int:
        """Findings that analyzers have told so far, before they are fused."""
        return sum(analyzer.findings for analyzer in self.analyzers.values())

    def ending(self, run: Mapping[str, Any]) -> str:
        """Say in one line how the run stands; one that is not complete reads as nothing else.

        Args:
            run: Its `workflow`, `status`, `error` and `summary`.
        """
        status = run["status"]
        what = "Review" if run["workflow"] == "review" else f"Run of {run['workflow']}"
        if status in {"pending", "running"}:
            return f"{what} {'waits to start' if status == 'pending' else 'under way'}"
        if status != "succeeded":
            why = f": {run['error']}" if run["error"] else ""
            return f"{what.upper()} NOT COMPLETE (run {status}){why}"
        if what != "Review":
            return f"{what} complete"
        return self._verdict(run["summary"] or {})

    def _verdict(self, summary: Mapping[str, Any]) -> str:
        outcome, found = summary.get("outcome"), summary.get("findings", 0)
        if outcome is None:
            return "Review run has succeeded; its outcome is not known here"
        if outcome != "reviewed":
            return f"REVIEW NOT COMPLETE ({outcome}); {count(found, 'finding')}"
        if self._units == 0:
            return "Review complete: the change is empty, there was nothing to review"
        return f"Review complete: {count(found, 'finding') if found else 'no findings'}"

    def _say(self, what: str) -> None:
        self.line = f"{self._doing}{self._scope}: {what}"

    def _end_step(self, event: Mapping[str, Any]) -> None:
        where = event["step"], event["key"]
        # The start may have been heard by somebody else, or no longer be held.
        step = self.steps.setdefault(where, Step(name=event["step"], key=event["key"]))
        step.seconds, step.error = event["seconds"], event["error"]
