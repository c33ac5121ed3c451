"""A run as HTML: how it stands, and its steps with a bar for the time of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from codeflow_engine.reports.html.markup import Markup, element, visible
from codeflow_engine.reports.html.shapes import outcome_sign
from codeflow_engine.reports.html.words import counted, duration
from codeflow_engine.reports.timeline import Step, Timeline

__all__ = ["run_verdict", "steps_table"]

_WIDE = 1000
_HIGH = 10
_LEAST = 4
"""Width of the shortest part of a bar, so that it is still seen."""

_GOES_ON = frozenset({"pending", "running", "waiting", "parked"})


def run_verdict(given: Mapping[str, Any], timeline: Timeline, *, line: str | None = None) -> Markup:
    """Say how a run stands.

    Args:
        given: What `RunRecord.to_json` gives.
        timeline: Has heard the events that are known.
        line: Words for the title, in place of those that `timeline` has.
    """
    kind = _kind(given, timeline)
    title = element("p", visible(line or timeline.ending(given)), class_="cf-verdict-title")
    told = [
        visible(f"{given['workflow']} {given['run_id']}: {given['status']}"),
        f", {timeline.counts}" if timeline.steps else None,
    ]
    words = element("div", title, element("p", told, class_="cf-note"))
    sign = outcome_sign(kind) if kind != "running" else None
    return element("div", sign, words, class_=f"cf-verdict cf-is-{kind}")


def steps_table(timeline: Timeline, *, most: int) -> Markup:
    """Draw the last steps, one a row; where their begins are known, along one axis of time."""
    steps = list(timeline.steps.values())[-most:]
    axis = _Axis(steps)
    rows = [_row(step, timeline, axis) for step in steps]
    return element("table", element("tbody", rows), class_="cf-steps")


class _Axis:
    """Where on a bar a step stands, and how wide it is."""

    def __init__(self, steps: Sequence[Step]) -> None:
        begins = [step.begun for step in steps if step.begun is not None]
        ends = [step.ended for step in steps if step.ended is not None]
        self._start: datetime | None = None
        self._whole = max((step.seconds or 0 for step in steps), default=0)
        if begins and ends and len(begins) == len(steps):
            self._start = min(begins)
            self._whole = (max(*begins, *ends) - self._start).total_seconds()

    def place(self, step: Step) -> tuple[int, int] | None:
        """Give begin and width of a step; None where it took no time yet."""
        seconds, at = step.seconds, 0.0
        if self._start is not None and step.begun is not None:
            at = (step.begun - self._start).total_seconds()
            if step.ended is not None:
                seconds = (step.ended - step.begun).total_seconds()
            elif step.waiting:
                seconds = self._whole - at
        if seconds is None or (not seconds and self._start is None):
            return None
        width = max(round(_WIDE * _share(seconds, self._whole)), _LEAST)
        return min(round(_WIDE * _share(at, self._whole)), _WIDE - width), width


def _share(part: float, whole: float) -> float:
    return min(max(part / whole, 0.0), 1.0) if whole > 0 else 0.0


def _kind(given: Mapping[str, Any], timeline: Timeline) -> str:
    """Choose the look of a run; nothing looks clean unless somebody examined something."""
    status, summary = given["status"], given["summary"] or {}
    if status in _GOES_ON:
        return "running"
    if status != "succeeded":
        return "failed"
    outcome = summary.get("outcome")
    if outcome in {"partial", "skipped", "failed"}:
        return str(outcome)
    if outcome != "reviewed" or not timeline.examined:
        return "empty"
    return "found" if summary.get("findings") else "clean"


def _row(step: Step, timeline: Timeline, axis: _Axis) -> Markup:
    told = step.told
    analyzer = timeline.analyzers.get(step.key or "") if step.name == "analyze" else None
    if analyzer is not None and step.error is None:
        told = analyzer.failure or counted(analyzer.findings, "finding")
    failed = step.error is not None or (analyzer is not None and analyzer.failure is not None)
    took = "" if step.elapsed is None else duration(step.elapsed)
    return element(
        "tr",
        element("th", visible(step.title), scope="row"),
        element("td", _bar(axis.place(step)), class_="cf-drawn"),
        element("td", took, class_="cf-count"),
        element("td", visible(told), class_="cf-told", dir="auto"),
        class_=f"cf-step cf-is-{_look(step, failed=failed)}",
    )


def _look(step: Step, *, failed: bool) -> str:
    if step.waiting or step.waits:
        return "waiting"
    if failed:
        return "failed"
    return "done" if step.is_over else "running"


def _bar(place: tuple[int, int] | None) -> Markup:
    track = element("rect", class_="cf-track", width=_WIDE, height=_HIGH)
    part = None
    if place is not None:
        part = element("rect", class_="cf-part", x=place[0], width=place[1], height=_HIGH)
    return element(
        "svg",
        [track, part],
        class_="cf-bar",
        viewBox=f"0 0 {_WIDE} {_HIGH}",
        preserveAspectRatio="none",
        aria_hidden="true",
    )
