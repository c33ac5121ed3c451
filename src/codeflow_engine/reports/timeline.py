"""How a run goes, put together from its events and its journal in their JSON form.

The one place that turns them into words: the line of progress on a terminal, the display in
a notebook and the picture of a run all say what this says. Names and reasons come from
plugins and stand here as they are; whoever shows them escapes them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from codeflow_engine.reports.prose import count, duration, moment
from codeflow_engine.reports.spent import spent

__all__ = ["Analyzer", "Step", "Timeline"]

_WAITS: Final = {"sleep": "sleeps", "receive": "waits for a signal", "child": "waits for a run"}
"""Kinds of steps that wait and do nothing, and what they do."""

_UNENDED: Final = {
    "pending": "waits to start",
    "running": "under way",
    "waiting": "waits",
    "parked": "is parked: a plugin, or a version of its workflow, is missing here",
}
_LAST: Final = datetime.max.replace(tzinfo=UTC)
_HIDDEN: Final = frozenset({"emit"})
"""Kinds of steps that nobody waits for."""


@dataclass(slots=True, kw_only=True)
class Step:
    """A step that has started."""

    name: str
    key: str | None
    seconds: float | None = None
    """How long it took; None while it goes on."""

    error: str | None = None
    """What it raised: its type, and its message where that is known."""

    kind: str = "work"
    """As in `StepKind`."""

    attempts: int = 1
    begun: datetime | None = None
    """When it was first asked for."""

    ended: datetime | None = None
    """When it was over; None while it goes on."""

    waiting: bool = False
    """Whether it waits now: for its time, a signal, or its next attempt."""

    wakes: datetime | None = None
    """Until when it waits, at the latest."""

    @property
    def title(self) -> str:
        """Its name, with what tells it from other steps of that name."""
        return self.name if self.key is None else f"{self.name} {self.key}"

    @property
    def is_over(self) -> bool:
        """Whether it has returned or raised."""
        return self.ended is not None or self.seconds is not None

    @property
    def waits(self) -> bool:
        """Whether it does nothing but wait."""
        return self.kind in _WAITS

    @property
    def elapsed(self) -> float | None:
        """Seconds from its begin to its end, with all attempts; None while it goes on."""
        if self.begun is None or self.ended is None:
            return self.seconds
        return max((self.ended - self.begun).total_seconds(), 0.0)

    @property
    def waited(self) -> float | None:
        """Seconds of these in which it did nothing; None where that is not known."""
        elapsed = self.elapsed
        if elapsed is None or self.waits:
            return elapsed
        return None if self.seconds is None else max(elapsed - self.seconds, 0.0)

    @property
    def told(self) -> str:
        """What came of it, in words that follow its name."""
        parts = [self._state(), *([f"{self.attempts} attempts"] if self.attempts > 1 else [])]
        waited = self.waited
        if waited is not None and self.attempts > 1:
            parts.append(f"waited {duration(waited)}")
        return ", ".join(parts)

    def _state(self) -> str:
        if self.waiting:
            what = _WAITS.get(self.kind, "waits for its next attempt")
            until = "" if self.wakes is None else f" until {moment(self.wakes)}"
            return f"{what}{until}" + (f" after {self.error}" if self.error else "")
        if self.error is not None:
            return self.error
        if self.is_over:
            return "waited" if self.waits else "done"
        return "goes on"


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

        self._attempts: Counter[tuple[str, str | None]] = Counter()
        self._worked: Counter[tuple[str, str | None]] = Counter()
        """Attempts that have ended, and the seconds that they took, by step."""

        self._resumed = 0
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
            self._begin_step(event)
        elif kind == "StepFinished":
            self._end_step(event)
        elif kind == "RunWaiting":
            self._say(f"waits {_awaited(event['signals'], event['wake_at'])}")
        elif kind == "RunResumed":
            self._resumed += 1
            self._say("taken up again")
        elif kind == "AnalyzerFinished":
            name = event["analyzer"]
            ended = Analyzer(
                findings=event["findings"], examined=event["examined"], failure=event["failure"]
            )
            self.analyzers[name] = ended
            self._say(f"{name} {ended.told}")
        elif kind == "ChunkInspected":
            self._say(f"models: {event['number']} of {event['chunks']} chunks, {spent(event)}")
        return self.line != before

    def read(self, records: Iterable[Mapping[str, Any]]) -> None:
        """Take in what the journal holds of the steps, which says more than events do.

        Args:
            records: What `StepRecord.to_json` gives, of all steps that it has.
        """
        shown = [record for record in records if record["kind"] not in _HIDDEN]
        unnamed = Counter(record["name"] for record in shown if record["key"].startswith("#"))
        heard = self.steps
        self.steps = {}
        for record in sorted(shown, key=lambda record: record["position"]):
            key = _shown_key(record["key"], alone=unnamed[record["name"]] == 1)
            where = record["name"], key
            self.steps[where] = step = _recorded(record, key)
            heard.pop(where, None)
            # Of an attempt whose process was gone nobody has told how long it took.
            if step.ended is not None and not step.waits:
                whole = self._attempts[where] == step.attempts
                alone = step.elapsed if step.attempts == 1 else None
                step.seconds = self._worked[where] if whole else alone
        # What goes on is not in the journal yet; neither is what is done anew each time. Of
        # steps that stand there by their numbers, events tell nothing that could be told apart.
        repeated = {(name, None) for name, number in unnamed.items() if number > 1}
        self.steps |= {where: step for where, step in heard.items() if where not in repeated}
        self.steps = dict(sorted(self.steps.items(), key=lambda one: one[1].begun or _LAST))

    @property
    def waited(self) -> float:
        """Seconds in which the run did nothing but wait, in steps that are over."""
        spans = sorted(
            (step.begun, step.ended)
            for step in self.steps.values()
            if step.waits and step.begun is not None and step.ended is not None
        )
        total, reached = 0.0, None
        for begun, ended in spans:
            start = begun if reached is None else max(begun, reached)
            total += max((ended - start).total_seconds(), 0.0)
            reached = ended if reached is None else max(ended, reached)
        return total

    def facts(self, run: Mapping[str, Any]) -> list[tuple[str, str]]:
        """Say how long a run took, what it waited for, and what it has cost.

        Args:
            run: What `RunRecord.to_json` gives.
        """
        created, started, updated = (
            datetime.fromisoformat(run[name]) if run.get(name) else None
            for name in ("created_at", "started_at", "updated_at")
        )
        facts = []
        if created and started:
            facts.append(("queued", duration(max((started - created).total_seconds(), 0))))
        if started and updated and run["status"] not in _UNENDED:
            facts.append(("took", duration(max((updated - started).total_seconds(), 0))))
        if self.waited:
            facts.append(("waited", duration(self.waited)))
        if run["status"] == "waiting":
            facts.append(("waits", _awaited(run["waits_for"], run["wake_at"])))
        if self._resumed:
            facts.append(("resumed", count(self._resumed, "time")))
        if run.get("recoveries"):
            times = count(run["recoveries"], "time")
            facts.append(("recovered", f"{times} since its last finished step"))
        return [*facts, ("cost", spent(run["summary"]))]

    @property
    def counts(self) -> str:
        """What is done so far, in numbers."""
        done = sum(step.is_over for step in self.steps.values())
        told = [f"{count(done, 'step')} done"]
        asked = sum(step.name == "analyze" and step.key is not None for step in self.steps.values())
        # Without events nobody knows what analyzers have told.
        if asked and self.first:
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
        if status in _UNENDED:
            return f"{what} {_UNENDED[status]}"
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

    def _begin_step(self, event: Mapping[str, Any]) -> None:
        name, key = event["step"], event["key"]
        self.steps[name, key] = step = Step(name=name, key=key, begun=_moment(event.get("at")))
        self._say(step.title)

    def _end_step(self, event: Mapping[str, Any]) -> None:
        where = event["step"], event["key"]
        # The start may have been heard by somebody else, or no longer be held.
        step = self.steps.setdefault(where, Step(name=event["step"], key=event["key"]))
        step.seconds, step.error = event["seconds"], event["error"]
        step.ended = _moment(event.get("at"))
        self._attempts[where] += 1
        self._worked[where] += event["seconds"]


def _recorded(record: Mapping[str, Any], key: str | None) -> Step:
    waiting = record["state"] == "waiting"
    return Step(
        name=record["name"],
        key=key,
        error=record["error"],
        kind=record["kind"],
        attempts=record["attempts"],
        begun=datetime.fromisoformat(record["started_at"]),
        ended=None if waiting else datetime.fromisoformat(record["finished_at"]),
        waiting=waiting,
        wakes=_moment(record["wake_at"]),
    )


def _shown_key(key: str, *, alone: bool) -> str | None:
    """Give the key as events have it; None for the only step of its name without one."""
    if key.startswith("#"):
        return None if alone else key
    # One that its author has written like a number keeps its mark.
    return key if key.startswith("=#") else key[1:]


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def _awaited(signals: Sequence[str], wake_at: str | None) -> str:
    until = _moment(wake_at)
    what = f"for {', '.join(signals)}" if signals else ""
    when = "" if until is None else f"until {moment(until)}"
    return " ".join(filter(None, [what, when])) or "for somebody to resume it"
