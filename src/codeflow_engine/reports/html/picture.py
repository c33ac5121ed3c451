"""The summary as a picture: findings by severity and by file, and what was covered.

Each bar stands in a table or a list that says the same in words and numbers.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from codeflow_engine.reports.html.markup import Content, Markup, element, visible
from codeflow_engine.reports.html.shapes import coverage_state, severity, severity_counts
from codeflow_engine.reports.html.words import counted, shorten
from codeflow_engine.reports.summary import by_file, count_severities, is_live
from codeflow_engine.reports.visible import escape_path

__all__ = ["coverage_picture", "file_picture", "severity_picture", "summary_picture"]

_WIDE, _HIGH = 1000, 10
_LEAST = 8
"""Width of the smallest part of a bar, so that one among thousands is still seen."""

_GAP = 3
_STRIPS = {"excluded": ((3, 4),), "failed": ((0, 4), (6, 4))}
"""Where the strips of a part begin and how high they are: a form to know it by, as its shape."""

_MOST_FILES = 8
_MOST_PATH = 80
_MOST_SOURCES = 6
_MOST_NAME = 40

_COVERAGE = ("reviewed", "excluded", "skipped", "failed")


def summary_picture(
    review: Mapping[str, Any], *, targets: Mapping[str, str] | None = None
) -> Markup:
    """Draw the whole summary of a review.

    Args:
        review: A review that conforms to the schema.
        targets: Ids of elements of the same document, by the path that links there.
    """
    live = [finding for finding in review["findings"] if is_live(finding)]
    files = file_picture(live, targets=targets) if live else None
    parts = [severity_picture(live), coverage_picture(review["coverage"]), files]
    return element("div", parts, class_="cf-picture")


def severity_picture(findings: Sequence[Mapping[str, Any]]) -> Markup:
    """Draw the number of findings of each severity."""
    counts = count_severities(findings)
    most = max(*counts.values(), 1)
    rows = [
        element(
            "tr",
            element("th", severity(name), scope="row"),
            element("td", _bar([(name, number)], most), class_="cf-drawn"),
            element("td", f"{number:,}", class_="cf-count"),
            class_=None if number else "cf-none",
        )
        for name, number in counts.items()
    ]
    return _figure("Findings by severity", _table(rows), counted(len(findings), "finding"))


def file_picture(
    findings: Sequence[Mapping[str, Any]], *, targets: Mapping[str, str] | None = None
) -> Markup:
    """Draw the number of findings of the worst files, parted by severity."""
    groups = sorted(by_file(findings), key=lambda group: _badness(group[1]))
    shown = groups[:_MOST_FILES]
    most = max((len(group) for _, group in shown), default=1)
    rows = []
    for path, group in shown:
        counts = count_severities(group)
        rows.append(
            element(
                "tr",
                element("th", _path(path, targets), scope="row"),
                element("td", _bar(list(counts.items()), most), class_="cf-drawn"),
                element("td", severity_counts(counts), class_="cf-parts"),
                element("td", f"{len(group):,}", class_="cf-count"),
            )
        )
    rest = groups[_MOST_FILES:]
    if rest:
        told = counted(len(rest), "more file")
        number = sum(len(group) for _, group in rest)
        cells = [
            element("th", told, scope="row"),
            element("td", colspan=2),
            element("td", f"{number:,}", class_="cf-count"),
        ]
        rows.append(element("tr", cells, class_="cf-rest"))
    return _figure("Findings by file", _table(rows), counted(len(groups), "file"), kind="cf-wide")


def _badness(findings: Sequence[Mapping[str, Any]]) -> list[int]:
    """Rank a file: it is worse by what it has more of in the worst severity that differs."""
    return [-number for number in count_severities(findings).values()]


def coverage_picture(coverage: Mapping[str, Any]) -> Markup:
    """Draw what became of the units of a change."""
    units = coverage["units"]
    parts = [(state, coverage[state]) for state in _COVERAGE]
    rows = [
        element(
            "li", coverage_state(state, f"{number:,} {state}"), class_=None if number else "cf-none"
        )
        for state, number in parts
    ]
    bar = _bar(parts, units) if units else element("p", "No units", class_="cf-nothing")
    content = [bar, element("ul", rows, class_="cf-legend"), _examined(coverage)]
    return _figure("Coverage", content, counted(units, "unit"))


def _examined(coverage: Mapping[str, Any]) -> Markup | None:
    """Say how many units each source examined, the busiest first."""
    sources = Counter(name for entry in coverage["entries"] for name in set(entry["by"]))
    ordered = sorted(sources.items(), key=lambda item: (-item[1], item[0]))
    shown = [
        element("li", visible(shorten(name, _MOST_NAME)), " ", element("b", f"{number:,}"))
        for name, number in ordered[:_MOST_SOURCES]
    ]
    if len(ordered) > _MOST_SOURCES:
        shown.append(element("li", f"and {len(ordered) - _MOST_SOURCES:,} more"))
    if not shown:
        return None
    title = element("p", "Units examined by", class_="cf-note")
    return element("div", title, element("ul", shown), class_="cf-examined")


def _figure(title: str, content: Content, total: str, *, kind: str = "") -> Markup:
    caption = element(
        "figcaption", element("span", title), element("span", total, class_="cf-total")
    )
    return element("figure", caption, content, class_=f"cf-figure {kind}".strip())


def _table(rows: Sequence[Markup]) -> Markup:
    return element("table", element("tbody", rows), class_="cf-bars")


def _path(path: str, targets: Mapping[str, str] | None) -> Markup:
    shown = escape_path(path) or '""'
    if len(shown) > _MOST_PATH:
        shown = f"{shown[: _MOST_PATH // 2]}\u2026{shown[-_MOST_PATH // 2 :]}"
    if targets is None or path not in targets:
        return element("span", shown, class_="cf-path")
    return element("a", shown, class_="cf-path", href=f"#{targets[path]}")


def _bar(parts: Sequence[tuple[str, int]], most: int) -> Markup:
    """Draw the parts of a bar that would be full at `most`."""
    drawn: list[Markup] = [element("rect", class_="cf-track", width=_WIDE, height=_HIGH)]
    present = [(name, number) for name, number in parts if number]
    room = _WIDE - _GAP * max(0, len(present) - 1) - _LEAST * len(present)
    at = 0
    for name, number in present:
        width = _LEAST + room * number // max(most, 1)
        drawn += [
            element("rect", class_=f"cf-part cf-is-{name}", x=at, y=y, width=width, height=high)
            for y, high in _STRIPS.get(name, ((0, _HIGH),))
        ]
        at += width + _GAP
    return element(
        "svg",
        drawn,
        class_="cf-bar",
        viewBox=f"0 0 {_WIDE} {_HIGH}",
        preserveAspectRatio="none",
        aria_hidden="true",
    )
