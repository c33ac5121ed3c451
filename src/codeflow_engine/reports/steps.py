"""The steps of a run as lines of text: when each began, how long it took, what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from codeflow_engine.reports.prose import count, duration, item
from codeflow_engine.reports.style import Color, Style
from codeflow_engine.reports.timeline import Step, Timeline
from codeflow_engine.reports.visible import escape

__all__ = ["render"]

_WIDE = 13
"""Cells of a time; the longest that is usual is `99 min 59 s`."""

_MOST = 500
"""Steps that are listed; of more, the last ones."""


def render(run: Mapping[str, Any], timeline: Timeline, style: Style | None = None) -> str:
    """Render a run as text that ends with a line feed.

    The first line says how the run stands. Each step has its begin, counted from that of
    the first one, and the time that it took.

    Args:
        run: What `RunRecord.to_json` gives.
        timeline: Has read the journal and heard the events.
        style: How the text looks.
    """
    style = style or Style()
    ending = escape(timeline.ending(run), style.encoding)
    lines = [style.paint(ending, _color(run["status"]))]
    steps = list(timeline.steps.values())
    start = min((step.begun for step in steps if step.begun), default=None)
    if steps:
        lines += ["", f"{'BEGAN':>{_WIDE}}{'TOOK':>{_WIDE}}  STEP"]
    left = len(steps) - _MOST
    if left > 0:
        lines.append(f"{'':>{2 * _WIDE}}  {count(left, 'earlier step')} not shown")
    for step in steps[-_MOST:]:
        label = f"{_began(step, start):>{_WIDE}}{_took(step):>{_WIDE}}  "
        lines += item(label, f"{step.title}: {step.told}".replace("\n", " "), style)
    lines.append("")
    for name, told in timeline.facts(run):
        lines += item(f"{name}: ", told, style)
    return "\n".join(lines) + "\n"


def _began(step: Step, start: datetime | None) -> str:
    if step.begun is None or start is None:
        return ""
    return f"+{duration(max((step.begun - start).total_seconds(), 0.0))}"


def _took(step: Step) -> str:
    return "" if step.elapsed is None else duration(step.elapsed)


def _color(status: str) -> Color | None:
    if status in {"failed", "timed_out", "dead", "cancelled"}:
        return Color.BOLD_RED
    return Color.BOLD
