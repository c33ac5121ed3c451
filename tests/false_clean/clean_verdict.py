"""Says how a struck review ended, and what of it breaks the promise."""

from __future__ import annotations

from enum import StrEnum

from clean_desk import Point
from clean_faults import Answers, Fault, Interrupted, Raises
from clean_stand import End

from codeflow_engine import Outcome, Review
from codeflow_engine.domain.coverage import UnitState
from codeflow_engine.domain.run import ReviewJudged, RunFinished, RunStatus
from codeflow_engine.errors import (
    AnalyzerError,
    CodeflowError,
    RunCancelledError,
    RunTimeoutError,
)


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


def final(end: End) -> Review | BaseException | None:
    """Give what whoever has waited for the result was told in the end."""
    if end.again is not None:
        return end.again
    return end.review if end.error is None else end.error


def ending_of(end: End, whole: Review) -> Ending:
    """Tell how a review ended."""
    told = final(end)
    if not isinstance(told, Review):
        return Ending.CANCELLED if isinstance(told, RunCancelledError) else Ending.ERROR
    if told.outcome is not Outcome.REVIEWED:
        return Ending.INCOMPLETE
    if outline(told) == outline(whole):
        return Ending.HARMLESS
    return Ending.TOLD


def problems(
    point: Point, fault: Fault, end: End, whole: Review, *, durable: bool = False
) -> list[str]:
    """List what is wrong about the end of a review; nothing, if the promise is kept."""
    if end.endless:
        return ["it never ended"]
    found = _false_clean(end, whole)
    found += _disagreements(point, fault, end) + _unfinished(point, end, whole)
    if end.repeated:
        found.append(f"executed again: {end.repeated}")
    ending = ending_of(end, whole)
    if ending not in allowed(point, fault, durable=durable):
        told = final(end)
        said = (told.reason or "reviewed") if isinstance(told, Review) else told
        found.append(f"it ended {ending}: {type(told).__name__} {said!r}")
    if ending is Ending.INCOMPLETE:
        found += _unnamed(point, end)
    failed = isinstance(end.later, AnalyzerError | RunCancelledError)
    if point.name == "write[failed]" and not failed:
        found.append(f"it has failed, and another worker made of it {end.later!r}")
    return found


def allowed(point: Point, fault: Fault, *, durable: bool = False) -> set[Ending]:
    """Give the ways in which a review may end when a fault strikes a point."""
    if durable:
        return _allowed_of_passing(point, fault)
    quiet = point.kind in {"observer", "cache"} or point.name.startswith("read_events")
    # The end itself was written before.
    quiet = quiet or (point.kind == "bare" and point.name == "append_events[RunFinished]")
    if point.kind != "bare" and point.name in _OF_OTHERS:
        return _OF_OTHERS[point.name]
    if isinstance(fault, Interrupted):
        return _allowed_of_interruption(point, quiet=quiet)
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
    if point.name == "write[succeeded]" and fault.name.endswith("late"):
        # The success stands in the storage, and whoever waits reads it there.
        return {Ending.HARMLESS}
    # One that goes on when it is told to stop, and answers well, may be in time for the end.
    return ends | {Ending.HARMLESS} if fault.name == "hangs-deaf" else ends


def _allowed_of_interruption(point: Point, *, quiet: bool) -> set[Ending]:
    ends = {Ending.CANCELLED}
    if point.name in {"submit", "put_runs[pending]"}:
        # Closed before the run began: it is refused.
        return ends | {Ending.ERROR}
    if "RunFinished" in point.name or "succeeded" in point.name or quiet:
        return ends | {Ending.HARMLESS}
    return ends


_OF_OTHERS = {
    "append_events[RunFinished]": {Ending.CANCELLED},
    "cancel": {Ending.CANCELLED, Ending.HARMLESS},
    "write[cancelled]": {Ending.CANCELLED, Ending.ERROR},
    "write[failed]": {Ending.ERROR},
}
"""How reviews end that were cancelled, or have failed, before the fault strikes."""


def _allowed_of_passing(point: Point, fault: Fault) -> set[Ending]:
    """Give how a review ends whose durable storage fails for a while."""
    if isinstance(fault, Interrupted):
        # Somebody else goes on with it, and nobody here hears of its end.
        return {Ending.ERROR, Ending.HARMLESS} if "succeeded" in point.name else {Ending.ERROR}
    if point.name == "write[failed]":
        return {Ending.ERROR}
    if point.name == "submit":
        return {Ending.HARMLESS} if fault.name == "hangs-deaf" else {Ending.ERROR}
    return {Ending.HARMLESS}


def _allowed_of_answer(point: Point, fault: Answers) -> set[Ending]:
    if fault.name.startswith("denies"):
        return {Ending.HARMLESS}
    if point.kind == "journal":
        # What is none of its answers is an error of the storage; what it has written although
        # it says something else can be read there.
        inside = "(0." in fault.name  # where nothing may read it
        quiet = inside or fault.legal or fault.name == "lies"
        if quiet or point.name in {"claim", "write[succeeded]"}:
            return {Ending.ERROR, Ending.HARMLESS}
        return {Ending.ERROR}
    if point.kind in {"storage", "bare"} and not point.name.startswith("find_"):
        # What a write answers is no value of a step.
        return {Ending.HARMLESS, Ending.ERROR}
    ends = {Ending.INCOMPLETE}
    if point.kind != "analyzer":
        ends.add(Ending.ERROR)
    if fault.legal:
        return ends | {Ending.HARMLESS, Ending.TOLD}
    # A value of a wrong type that nothing reads has no effect at all.
    return ends | {Ending.HARMLESS}


def _false_clean(end: End, whole: Review) -> list[str]:
    """The promise itself: what is not found was not there, or the review is not complete."""
    reviews = {
        "result": end.review,
        "result of who asks again": end.again,
        "stored review": end.stored,
        "later": end.later,
    }
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
    if end.handle is None or end.status is None:
        return []
    told, status, record = final(end), _status_of(final(end)), end.record
    lost = fault.name == "lies" and point.kind == "journal"
    lost = lost or (point.kind == "bare" and isinstance(fault, Answers) and fault.forgets)
    found = []
    for how, error in end.interrupted:
        if how == "cancel" and error is None and not end.status.is_terminal:
            found.append(f"whoever has cancelled it was told so, and it is {end.status}")
    if not end.status.is_terminal:
        if not isinstance(told, CodeflowError) or isinstance(told, RunCancelledError):
            found.append(f"the result is {told!r}, and the handle says {end.status}")
    elif end.status is not status:
        found.append(f"the result says {status}, the handle {end.status}")
    elif (record is None or record.status is not status) and not (
        lost and (record is None or not record.status.is_terminal)
    ):
        found.append(f"the result says {status}, the record {record}")
    if end.status is RunStatus.FAILED:
        found += _failure_problems(end, end.handle.error or "")
    return found + ([] if lost else _event_problems(point, fault, end))


def _status_of(told: Review | BaseException | None) -> RunStatus:
    if isinstance(told, Review):
        return RunStatus.SUCCEEDED
    if isinstance(told, RunCancelledError):
        return RunStatus.CANCELLED
    return RunStatus.TIMED_OUT if isinstance(told, RunTimeoutError) else RunStatus.FAILED


def _failure_problems(end: End, told: str) -> list[str]:
    found, error = [], final(end)
    if not told.startswith(type(error).__name__):
        found.append(f"{error!r} was raised, and the record tells {told!r}")
    if not isinstance(error, CodeflowError) and "unexpected error" not in told:
        found.append(f"the text of a foreign error is told: {told!r}")
    if type(end.later) is not type(error):
        found.append(f"the run failed with {error!r}, and who asks later gets {end.later!r}")
    return found


def _unfinished(point: Point, end: End, whole: Review) -> list[str]:
    """Look at what comes of a run that was left to others, or whose handle nobody has."""
    if end.record is None or (end.status is not None and end.status.is_terminal):
        return []
    if point.kind == "bare" and not end.record.status.is_terminal:
        return []  # it ends with its process, which is gone
    if end.record.status is RunStatus.FAILED:
        # What could not be awaited was written nevertheless.
        told = final(end)
        causes = [told, told.__cause__] if isinstance(told, BaseException) else []
        is_same = type(end.later) in map(type, causes)
        return [] if is_same else [f"the run has failed, and who asks later gets {end.later!r}"]
    if isinstance(end.later, Review):
        is_whole = outline(end.later) == outline(whole)
        return [] if is_whole else [f"another worker made of it {end.later.outcome}"]
    # Beside a storage that does not outlive the process, its engine cancels it at the end.
    ends = (
        (RunCancelledError, AnalyzerError) if point.name == "write[failed]" else RunCancelledError
    )
    if isinstance(end.later, ends):
        return []
    return [f"another worker made of it {end.later!r}"]


def _event_problems(point: Point, fault: Fault, end: End) -> list[str]:
    """Find out whether events are whole, and whether all tell the same end."""
    if point.name.startswith("read_events"):
        return []
    found = [] if end.follower_ended else ["who follows the events waits for ever"]
    numbers = [event.sequence for event in end.events]
    if numbers != [*range(1, len(numbers) + 1)]:
        found.append(f"events are numbered {numbers}")
    ends = [one for one in (*end.events, *end.observed) if isinstance(one, RunFinished)]
    if end.record is not None and any(one.status is not end.record.status for one in ends):
        found.append(f"the run is {end.record.status}, and its events tell of {ends}")
    if sum(isinstance(event, RunFinished) for event in end.events) > 1:
        found.append("it has ended twice")
    judged = [event for event in end.events if isinstance(event, ReviewJudged)]
    told = final(end)
    if isinstance(told, Review) and judged and judged[-1].outcome is not told.outcome:
        found.append(f"the event says {judged[-1].outcome}")
    assert end.status is not None
    if not end.status.is_terminal or point.name.startswith("append_events"):
        return found
    if point.name == "cancel" and end.status is RunStatus.CANCELLED and _was_refused(end):
        return found  # whoever cancels it again, or closes the engine, tells of its end
    return found + _reader_problems(end) + _observer_problems(point, fault, end)


def _reader_problems(end: End) -> list[str]:
    """Find out whether who reads events of a run that has ended gets all of them."""
    found = []
    last = end.events[-1] if end.events else None
    if not isinstance(last, RunFinished) or last.status is not end.status:
        found.append(f"the run is {end.status}, the last event is {last}")
    if end.follow_error is not None:
        # Until the storage was back, nobody could tell how the stream goes on.
        return found if end.again is not None else [*found, f"a follower got {end.follow_error!r}"]
    if not tuple(end.followed) == tuple(end.reread) == end.events:
        found.append(f"a follower saw other events: {end.followed}, then {end.reread}")
    return found


def _observer_problems(point: Point, fault: Fault, end: End) -> list[str]:
    """Find out whether an observer hears all events, whatever another one makes of them."""
    is_sure = isinstance(fault, Raises | Interrupted) and not fault.name.endswith("late")
    if point.kind in {"journal", "bare"} and not is_sure:
        return []  # what was written without anybody knowing it is told to nobody
    is_same = end.observed == end.events
    return [] if is_same else [f"observers heard {end.observed} of {end.events}"]


def _was_refused(end: End) -> bool:
    """Tell whether whoever has ended the run was told that it was not possible."""
    return any(error is not None for _, error in end.interrupted)


def _unnamed(point: Point, end: End) -> list[str]:
    """Find out whether the reason names the source that failed."""
    told = final(end)
    assert isinstance(told, Review)
    reason = told.reason or ""
    sources = [name for name in ("planted", "second") if name in point.name]
    if sources and not any(f"{name}: " in reason for name in sources):
        return [f"the reason does not name {sources}: {reason!r}"]
    return [] if reason.strip() else ["it is incomplete without a reason"]
