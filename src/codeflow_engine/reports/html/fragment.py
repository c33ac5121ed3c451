"""Values as pieces of HTML that stand in a page of somebody else, such as a notebook.

A fragment brings its style along, whose rules hold inside of it alone. It has no script, no
ids and no addresses, and where its style is taken away it still reads in the right order.
It is bounded: it shows the first findings, and says how many it leaves out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from importlib import resources
from typing import Any

from codeflow_engine.reports.form import conform
from codeflow_engine.reports.html import assets
from codeflow_engine.reports.html.coverage import ledger
from codeflow_engine.reports.html.facts import change_line
from codeflow_engine.reports.html.finding import finding_card
from codeflow_engine.reports.html.markup import Content, Markup, element, embed
from codeflow_engine.reports.html.picture import coverage_picture, summary_picture
from codeflow_engine.reports.html.steps import run_verdict, steps_table
from codeflow_engine.reports.html.verdict import banner
from codeflow_engine.reports.html.words import counted, tally
from codeflow_engine.reports.summary import (
    by_file,
    count_severities,
    coverage_line,
    live_and_settled,
)
from codeflow_engine.reports.timeline import Timeline
from codeflow_engine.reports.visible import escape_path

__all__ = ["coverage", "finding", "left_out", "path_of", "review", "root", "run"]

_MOST_FINDINGS = 50
_MOST_SETTLED = 20
_MOST_UNITS = 200
_MOST_STEPS = 60

_STYLES = ("steps.css", "fragment.css")
_WORST_FIRST = ("failed", "skipped", "excluded", "reviewed")


def review(given: Mapping[str, Any]) -> str:
    """Show a review: verdict, picture, the first findings with their code, and the ledger.

    Args:
        given: What `Review.to_json` gives.

    Raises:
        SerializationError: The review has another form, or contradicts its own ledger.
    """
    plain = conform(given)
    live, settled = live_and_settled(plain)
    return root(
        banner(plain, heading="p"),
        change_line(plain),
        summary_picture(plain),
        _files(live),
        _settled(settled),
        _units(plain["coverage"], folded=True),
        element("p", coverage_line(plain), class_="cf-note"),
    )


def finding(given: Mapping[str, Any]) -> str:
    """Show one finding, open; `given` is what `Finding.to_json` gives."""
    path = element("p", path_of(given["path"]), class_="cf-of")
    return root(path, finding_card(given, opened=True))


def coverage(given: Mapping[str, Any]) -> str:
    """Show a ledger with its picture; `given` is what `Coverage.to_json` gives."""
    return root(coverage_picture(given), _units(given, folded=False))


def run(
    given: Mapping[str, Any],
    timeline: Timeline,
    *,
    line: str | None = None,
    folded: bool = False,
) -> str:
    """Show how a run stands: its status, its steps so far, and how it ended.

    Args:
        given: What `RunRecord.to_json` gives.
        timeline: Has heard the events that are known.
        line: Words for the title, in place of those that `timeline` has.
        folded: Whether the steps are hidden until somebody opens them.
    """
    return root(
        run_verdict(given, timeline, line=line),
        _steps(given, timeline, folded=folded),
    )


def root(*content: Content) -> str:
    """Put content into a fragment, with its style."""
    style = embed("style", assets.parts_style() + _style())
    return str(element("div", style, content, class_="codeflow cf-fragment", lang="en"))


@cache
def _style() -> str:
    folder = resources.files(__package__)
    return "".join(folder.joinpath(name).read_text("utf-8") for name in _STYLES)


def path_of(path: str) -> Markup:
    """Show a path."""
    return element("span", escape_path(path) or '""', class_="cf-path")


def _files(live: Sequence[Mapping[str, Any]]) -> list[Content]:
    """Show the first findings by file; the worst file comes first."""
    shown: list[Content] = []
    room = _MOST_FINDINGS
    for path, group in by_file(live):
        if room <= 0:
            break
        told = f" {counted(len(group), 'finding')} ({tally(count_severities(group))})"
        shown.append(
            element("p", path_of(path), element("span", told, class_="cf-total"), class_="cf-of")
        )
        shown.extend(finding_card(one) for one in group[:room])
        room -= len(group)
    shown.append(left_out(len(live) - _MOST_FINDINGS, "finding", "review.to_dataframe()"))
    return shown


def _settled(settled: Sequence[Mapping[str, Any]]) -> Markup | None:
    if not settled:
        return None
    told = f"{counted(len(settled), 'finding')} resolved or dismissed, which count nowhere"
    cards = [
        [element("p", path_of(one["path"]), class_="cf-of"), finding_card(one)]
        for one in settled[:_MOST_SETTLED]
    ]
    return element(
        "details",
        element("summary", told),
        cards,
        left_out(len(settled) - _MOST_SETTLED, "finding", "review.to_dataframe()"),
        class_="cf-more-of",
    )


def _units(given: Mapping[str, Any], *, folded: bool) -> Content:
    """Show the ledger; where it is long, the units that are not covered come first."""
    entries = given["entries"]
    rest: Content = None
    if len(entries) > _MOST_UNITS:
        entries = sorted(entries, key=lambda entry: _WORST_FIRST.index(entry["state"]))
        whole = "coverage.to_dataframe()"
        rest = left_out(
            len(entries) - _MOST_UNITS, "unit", whole, of="this list, not counted in it"
        )
    units = [ledger({**given, "entries": entries[:_MOST_UNITS]}), rest]
    if not folded or given["skipped"] or given["failed"]:
        return units
    told = element("summary", f"The ledger of {counted(given['units'], 'unit')}")
    return element("details", told, units, class_="cf-more-of")


def left_out(number: int, noun: str, whole: str, *, of: str = "this view") -> Markup | None:
    """Say how many are not shown, and what has them all; nothing where none are left out."""
    if number <= 0:
        return None
    told = f"{counted(number, f'more {noun}')} left out of {of}; "
    return element("p", told, element("code", whole), " has them all.", class_="cf-note cf-rest")


def _steps(given: Mapping[str, Any], timeline: Timeline, *, folded: bool) -> Content:
    if not timeline.steps:
        told = "None of its events are at hand; run.to_dataframe() reads those that are stored."
        return element("p", told, class_="cf-note") if given["status"] != "pending" else None
    left = len(timeline.steps) - _MOST_STEPS
    earlier = timeline.first > 1 or left > 0
    note = "Earlier steps are not shown; run.to_dataframe() reads them." if earlier else None
    return element(
        "details",
        element("summary", counted(len(timeline.steps), "step")),
        element("p", note, class_="cf-note") if note else None,
        steps_table(timeline, most=_MOST_STEPS),
        class_="cf-more-of",
        open=not folded,
    )
