"""The code of a finding: line numbers, marked lines and columns, and a suggestion as a diff."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from codeflow_engine.reports.html.markup import Content, Markup, element, fragment, visible
from codeflow_engine.reports.html.words import counted
from codeflow_engine.reports.lines import MOST_LINES, edit_of, shown_lines
from codeflow_engine.reports.visible import escape_path

__all__ = ["excerpt", "suggestion"]

_MOST_CHARACTERS = 400
"""Characters shown of one line."""

_CHARACTERS_BEFORE = 40
"""Of these, those before what it is shown for: a narrow box shows both without scrolling."""

_ELLIPSIS = "\u2026"

type _Span = tuple[int, int]
"""The first character of a part of a line, and the one after its last."""


def excerpt(finding: Mapping[str, Any]) -> Markup | None:
    """Show the code around a finding; nothing where it has no evidence."""
    evidence = finding["evidence"]
    if evidence is None or not evidence["lines"]:
        return None
    start, lines = evidence["start_line"], evidence["lines"]
    first = finding["line"] or 0
    last = max(first, finding["end_line"] or first)
    shown = shown_lines(finding)
    rows: list[Markup | None] = [_left_out(shown.start)]
    for index in shown:
        number = start + index
        hit = first <= number <= last
        column = evidence["column"] if number == first else None
        if column is None:
            text = _cut(lines[index])
        else:
            stop = evidence["end_column"] or column + 1
            text = _cut(lines[index], (column - 1, stop - 1))
        rows.append(_row(number, ">" if hit else " ", text, kind="hit" if hit else "near"))
    rows.append(_left_out(len(lines) - shown.stop))
    return _listing(rows, f"Code of {escape_path(finding['path'])} from line {start + shown.start}")


def suggestion(finding: Mapping[str, Any]) -> Markup | None:
    """Show a suggestion as a small diff; the old lines where the evidence has them."""
    edit = edit_of(finding)
    if edit is None:
        return None
    old, new = edit.old, edit.new
    changed = (
        [_changed(*pair) for pair in zip(old, new, strict=False)] if len(old) == len(new) else []
    )
    rows: list[Markup | None] = []
    for kind, mark, side in (("old", "-", old), ("new", "+", new)):
        for index, line in enumerate(side[:MOST_LINES]):
            span = changed[index][kind == "new"] if changed else None
            rows.append(_row(edit.start + index, mark, _cut(line, span), kind=kind))
        rows.append(_left_out(len(side) - MOST_LINES))
    told = f"Suggestion: {edit.told}"
    return element(
        "figure",
        element("figcaption", told),
        _listing(rows, told) if old or new else None,
        class_="cf-suggestion",
    )


def _listing(rows: Sequence[Markup | None], label: str) -> Markup:
    code = element("code", rows)
    return element("pre", code, class_="cf-code", role="group", aria_label=label, translate="no")


def _row(number: int, mark: str, text: Markup, *, kind: str) -> Markup:
    name = {"old": "del", "new": "ins"}.get(kind, "span")
    return element(
        name,
        element("span", number, class_="cf-number"),
        element("span", mark, class_="cf-mark"),
        element("span", text, class_="cf-text"),
        "\n",
        class_=f"cf-line cf-{kind}",
    )


def _left_out(lines: int) -> Markup | None:
    if lines <= 0:
        return None
    return element("span", f"{_ELLIPSIS} {counted(lines, 'more line')}\n", class_="cf-line cf-more")


def _cut(line: str, span: _Span | None = None) -> Markup:
    """Show a line, or the part of it around a span of its characters, which is marked."""
    begin, stop = 0, len(line)
    start, end = span or (0, 0)
    start = min(start, len(line))
    if len(line) > _MOST_CHARACTERS:
        begin = max(0, min(start - _CHARACTERS_BEFORE, len(line) - _MOST_CHARACTERS))
        stop = begin + _MOST_CHARACTERS
    text: Content = _show(line[begin:stop])
    if span is not None:
        end = min(max(end, start + 1), stop)
        # A finding behind the end of its line, or in an empty one, marks the blank there.
        marked = _show(line[start:end]) if start < len(line) else " "
        text = [
            _show(line[begin:start]),
            element("mark", marked),
            _show(line[max(start, end) : stop]),
        ]
    return fragment(_dots() if begin else None, text, _dots() if stop < len(line) else None)


def _show(text: str) -> Markup:
    return visible(text, keep="\t")


def _dots() -> Markup:
    return element("span", _ELLIPSIS, class_="cf-dots", title="more of this line is not shown")


def _changed(old: str, new: str) -> tuple[_Span | None, _Span | None]:
    """Find the part of two lines that differs: what stands before and after it is equal."""
    shorter = min(len(old), len(new))
    if max(len(old), len(new)) > _MOST_CHARACTERS:
        return None, None
    before = _equal(old, new)
    after = min(_equal(old[::-1], new[::-1]), shorter - before)
    if before + after == 0:
        return None, None
    one, other = ((before, len(line) - after) for line in (old, new))
    return (one if one[1] > one[0] else None), (other if other[1] > other[0] else None)


def _equal(one: str, other: str) -> int:
    """Count the characters that two texts begin with alike."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((index for index, (a, b) in pairs if a != b), min(len(one), len(other)))
