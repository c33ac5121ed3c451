"""The timeline of a run as one HTML document that stands for itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from codeflow_engine.reports.html import assets
from codeflow_engine.reports.html.head import head
from codeflow_engine.reports.html.markup import Content, Markup, document, element, visible
from codeflow_engine.reports.html.steps import run_verdict, steps_table
from codeflow_engine.reports.html.words import counted, shorten
from codeflow_engine.reports.timeline import Timeline

__all__ = ["render"]

_MOST_STEPS = 2_000
_MOST_TITLE = 120


def render(run: Mapping[str, Any], timeline: Timeline, *, encoding: str = "utf-8") -> str:
    """Render a run as a document that asks for nothing, and has no script.

    It shows how the run stands, what it took and cost, and each step with its attempts, its
    time of waiting and what came of it. The same run gives the same document.

    Args:
        run: What `RunRecord.to_json` gives.
        timeline: Has read the journal and heard the events.
        encoding: Of what the document is written to; it reads the same in each.
    """
    title = shorten(timeline.ending(run), _MOST_TITLE)
    style = assets.parts_style() + assets.run_style()
    body = element(
        "body",
        element(
            "main",
            element("h1", "Run", class_="cf-unseen"),
            run_verdict(run, timeline),
            _facts(run, timeline),
            _steps(timeline),
        ),
    )
    root = element("html", head(title, style), body, lang="en", class_="codeflow")
    return document(root, encoding)


def _facts(run: Mapping[str, Any], timeline: Timeline) -> Markup:
    rows = [
        element("div", element("dt", name.capitalize()), element("dd", visible(told), dir="auto"))
        for name, told in timeline.facts(run)
    ]
    return element("dl", rows, class_="cf-facts")


def _steps(timeline: Timeline) -> Content:
    number = len(timeline.steps)
    if not number:
        return element("p", "No step is known.", class_="cf-nothing")
    left = number - _MOST_STEPS
    note = f"{counted(left, 'earlier step')} left out of this view." if left > 0 else None
    return element(
        "section",
        element("h2", counted(number, "step")),
        element("p", note, class_="cf-note") if note else None,
        steps_table(timeline, most=_MOST_STEPS),
    )
