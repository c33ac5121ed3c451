"""The ledger: what became of every unit of the change, what is not covered first."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from codeflow_engine.reports.html.markup import Content, Markup, element, fragment, visible
from codeflow_engine.reports.html.prose import quoted
from codeflow_engine.reports.html.shapes import coverage_state
from codeflow_engine.reports.html.words import counted
from codeflow_engine.reports.visible import escape_path

__all__ = ["ledger"]

_STATES = {
    "failed": ("failed", "a source that was asked did not examine them"),
    "skipped": ("skipped", "nobody examined them"),
    "excluded": ("excluded by policy", "left out by the policy of the base revision"),
    "reviewed": ("reviewed", "every source that was asked examined them"),
}
"""The states of a unit, the worst first, in words."""

_OPEN = frozenset({"failed", "skipped"})

type _Group = tuple[str, tuple[str, ...]]
"""A reason, and who examined the units that have it."""


def ledger(coverage: Mapping[str, Any]) -> Markup:
    """Show every unit of a change by state, reason and file, in parts that open."""
    entries: defaultdict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for entry in coverage["entries"]:
        entries[entry["state"]].append(entry)
    parts = [_part(state, entries[state]) for state in _STATES if entries[state]]
    if not parts:
        return element("p", "The change has no units.", class_="cf-nothing")
    return fragment(parts)


def _part(state: str, entries: Sequence[Mapping[str, Any]]) -> Markup:
    told, meaning = _STATES[state]
    summary = element(
        "summary",
        coverage_state(state, told),
        element("span", counted(len(entries), "unit"), class_="cf-total"),
        element("span", meaning, class_="cf-meaning"),
    )
    return element(
        "details",
        summary,
        [_group(reason, by, units) for (reason, by), units in _grouped(entries)],
        class_=f"cf-ledger cf-is-{state}",
        open=state in _OPEN,
    )


def _grouped(
    entries: Iterable[Mapping[str, Any]],
) -> list[tuple[_Group, list[Mapping[str, Any]]]]:
    """Group units by reason and examiners, the most frequent first."""
    groups: defaultdict[_Group, list[Mapping[str, Any]]] = defaultdict(list)
    for entry in entries:
        groups[entry["reason"] or "", tuple(entry["by"])].append(entry)
    return sorted(groups.items(), key=lambda group: (-len(group[1]), group[0]))


def _group(reason: str, by: tuple[str, ...], units: Sequence[Mapping[str, Any]]) -> Markup:
    told: list[Content] = []
    if reason:
        told.append(element("span", quoted(reason), class_="cf-why", dir="auto"))
    if by:
        names = [[", " if index else "", visible(name)] for index, name in enumerate(by)]
        told.append(element("span", "examined by ", names, class_="cf-by"))
    told.append(element("span", counted(len(units), "unit"), class_="cf-total"))
    files: defaultdict[str, Counter[int | None]] = defaultdict(Counter)
    for unit in units:
        files[unit["path"]][unit["hunk"]] += 1
    rows = [
        element(
            "li",
            element("span", escape_path(path) or '""', class_="cf-path"),
            " ",
            element("span", _hunks(hunks), class_="cf-hunks"),
        )
        for path, hunks in files.items()
    ]
    return element("div", element("p", told), element("ul", rows), class_="cf-group")


def _hunks(found: Counter[int | None]) -> str:
    """Name hunks as ranges, counted from 1: `hunks 1-3, 7`."""
    numbers = sorted(index + 1 for index in found if index is not None)
    ranges: list[list[int]] = []
    for number in numbers:
        if ranges and number == ranges[-1][1] + 1:
            ranges[-1][1] = number
        else:
            ranges.append([number, number])
    told = ", ".join(str(a) if a == b else f"{a}-{b}" for a, b in ranges)
    parts = ["whole file"] if None in found else []
    if numbers:
        parts.append(f"hunk {told}" if len(numbers) == 1 else f"hunks {told}")
    return ", ".join(parts)
