"""Says how a struck review ended, and what of it breaks the promise."""

from __future__ import annotations

from enum import StrEnum

from clean_desk import Point
from clean_faults import Answers, Fault, Interrupted
from clean_stand import End

from codeflow_engine import Outcome, Review
from codeflow_engine.domain.coverage import UnitState
from codeflow_engine.domain.run import ReviewJudged, RunFinished, RunStatus
from codeflow_engine.errors import CodeflowError, RunCancelledError


class Ending(StrEnum):
    """How a review that was struck can end without breaking the promise."""

    ERROR = "error"
    """An error, and a run that failed with that reason."""

    CANCELLED = "cancelled"
    INCOMPLETE = "incomplete"
    """A review that says by its outcome and its reason what is missing."""

    HARMLESS = "harmless"
    """A complete review, in all that it says the one of the undisturbed run."""

    TOLD = "told"
    """A complete review that has all findings, or counts as dropped what is not there."""


def outline(review: Review) -> dict[str, object]:
    """Give all that two reviews of the same change have in common."""
    plain = review.to_json()
    return {name: plain[name] for name in plain if name not in {"run_id", "timing"}}


def ending_of(end: End, whole: Review) -> Ending:
    """Tell how a review ended."""
    if end.review is None:
        if isinstance(end.error, RunCancelledError):
            return Ending.CANCELLED
        return Ending.ERROR
    if end.review.outcome is not Outcome.REVIEWED:
        return Ending.INCOMPLETE
    if outline(end.review) == outline(whole):
        return Ending.HARMLESS
    return Ending.TOLD


def problems(point: Point, fault: Fault, end: End, whole: Review) -> list[str]:
    """List what is wrong about the end of a review; nothing, if the promise is kept."""
    if end.endless:
        return ["it never ended"]
    found = _false_clean(end, whole)
    found += _disagreements(point, fault, end)
    ending = ending_of(end, whole)
    if ending not in allowed(point, fault):
        told = end.error if end.review is None else end.review.reason or "reviewed"
        found.append(f"it ended {ending}: {type(end.error).__name__} {told!r}")
    if ending is Ending.INCOMPLETE:
        found += _unnamed(point, end)
    return found


def allowed(point: Point, fault: Fault) -> set[Ending]:
    """Give the ways in which a review may end when a fault strikes a point."""
    quiet = point.kind in {"observer", "cache"} or point.name.startswith("read_events")
    if isinstance(fault, Interrupted):
        ends = {Ending.CANCELLED}
        if point.kind == "storage" and point.name == "put_runs[pending]":
            # Closed before the run began: it is refused.
            return ends | {Ending.ERROR}
        if "RunFinished" in point.name or "succeeded" in point.name or quiet:
            return ends | {Ending.HARMLESS}
        return ends
    if point.kind == "hook":
        legal = isinstance(fault, Answers) and fault.legal
        return {Ending.TOLD, Ending.HARMLESS} if legal else {Ending.HARMLESS}
    if quiet:
        hangs = fault.name.startswith("hangs") and point.kind == "cache"
        return {Ending.INCOMPLETE, Ending.HARMLESS} if hangs else {Ending.HARMLESS}
    if isinstance(fault, Answers):
        return _allowed_of_answer(point, fault)
    ends = {Ending.ERROR}
    if point.kind == "analyzer" or point.name.startswith("read_files[analyze"):
        ends = {Ending.INCOMPLETE}
    if point.name == "append_events[RunFinished]":
        ends = {Ending.HARMLESS}
    # One that goes on when it is told to stop, and answers well, may be in time for the end.
    return ends | {Ending.HARMLESS} if fault.name == "hangs-deaf" else ends


def _allowed_of_answer(point: Point, fault: Answers) -> set[Ending]:
    if point.kind == "storage" and not point.name.startswith("find_"):
        # What a write answers is looked at by nobody.
        return {Ending.HARMLESS}
    ends = {Ending.INCOMPLETE}
    if point.kind != "analyzer":
        ends.add(Ending.ERROR)
    if fault.legal:
        return ends | {Ending.HARMLESS, Ending.TOLD}
    # A value of a wrong type that nothing reads has no effect at all.
    return ends | {Ending.HARMLESS}


def _false_clean(end: End, whole: Review) -> list[str]:
    """The promise itself: what is not found was not there, or the review is not complete."""
    reviews = {"result": end.review, "stored review": end.stored, "later": end.later}
    found = []
    for name, review in reviews.items():
        if not isinstance(review, Review) or review.outcome is not Outcome.REVIEWED:
            continue
        if name == "stored review" and end.record and end.record.status != RunStatus.SUCCEEDED:
            continue  # a run that failed has no result, whatever lies in the storage
        told = sum(n for why, n in review.dropped.items() if why.startswith("dropped by plugin"))
        known = {(one.path, one.line) for one in whole.findings}
        here = {(one.path, one.line) for one in review.findings}
        if len(lost := known - here) > told:
            found.append(f"FALSE CLEAN: the {name} is complete without {sorted(lost, key=repr)}")
        if review.coverage.units != whole.coverage.units:
            found.append(f"FALSE CLEAN: the {name} has {review.coverage.units} units")
        looked = review.coverage.count(UnitState.REVIEWED)
        if looked < whole.coverage.count(UnitState.REVIEWED):
            found.append(f"FALSE CLEAN: the {name} has {looked} units reviewed")
        if any(set(one.by) != {"planted", "second"} for one in _reviewed(review)):
            found.append(f"FALSE CLEAN: the {name} is complete, and not everybody looked")
    return found


def _reviewed(review: Review) -> list[object]:
    return [one for one in review.coverage.entries if one.state == UnitState.REVIEWED]


def _disagreements(point: Point, fault: Fault, end: End) -> list[str]:
    """Compare what the handle, the record, the events and the result say."""
    if end.run is None:
        begun = end.record is not None and end.record.status != RunStatus.PENDING
        return ["a run goes on that nobody has a handle of"] if begun else []
    status = RunStatus.SUCCEEDED if end.review is not None else RunStatus.FAILED
    if isinstance(end.error, RunCancelledError):
        status = RunStatus.CANCELLED
    found = []
    if end.run.status is not status:
        found.append(f"the result says {status}, the handle {end.run.status}")
    broken = point.kind == "storage"
    if not broken and (end.record is None or end.record.status is not status):
        found.append(f"the result says {status}, the record {end.record}")
    if broken and end.record and end.record.status is not status:
        gone = fault.name == "forgets" or fault.name.startswith(("raises", "hangs"))
        if not (gone and not end.record.status.is_terminal):
            found.append(f"the result says {status}, the record {end.record.status}")
    if status is RunStatus.FAILED:
        found += _failure_problems(end, end.run.record.error or "")
    return found + _event_problems(point, fault, end, status)


def _failure_problems(end: End, told: str) -> list[str]:
    found = []
    if not told.startswith(type(end.error).__name__):
        found.append(f"{end.error!r} was raised, and the record tells {told!r}")
    if not isinstance(end.error, CodeflowError) and "unexpected error" not in told:
        found.append(f"the text of a foreign error is told: {told!r}")
    if isinstance(end.later, Review):
        found.append("the run failed, and who asks later gets a review")
    return found


def _event_problems(point: Point, fault: Fault, end: End, status: RunStatus) -> list[str]:
    found = []
    if not end.follower_ended and not point.name.startswith("read_events"):
        found.append("who follows the events waits for ever")
    numbers = [event.sequence for event in end.events]
    lost = fault.name == "forgets" or point.name == "append_events[RunFinished]"
    forgetful = point.name.startswith("read_events") or (
        point.name.startswith("append_events") and lost
    )
    if numbers != [*range(1, len(numbers) + 1)] and not forgetful:
        found.append(f"events are numbered {numbers}")
    last = end.events[-1] if end.events else None
    if not forgetful:
        if not isinstance(last, RunFinished) or last.status is not status:
            found.append(f"the result says {status}, the last event is {last}")
        if end.follow_error is not None or tuple(end.followed) != end.events:
            found.append(f"a follower saw other events: {end.follow_error!r}")
    judged = [event for event in end.events if isinstance(event, ReviewJudged)]
    if end.review is not None and judged and judged[-1].outcome is not end.review.outcome:
        found.append(f"the event says {judged[-1].outcome}")
    return found


def _unnamed(point: Point, end: End) -> list[str]:
    """Find out whether the reason names the source that failed."""
    assert end.review is not None
    reason = end.review.reason or ""
    sources = [name for name in ("planted", "second") if name in point.name]
    if sources and not any(f"{name}: " in reason for name in sources):
        return [f"the reason does not name {sources}: {reason!r}"]
    return [] if reason.strip() else ["it is incomplete without a reason"]
