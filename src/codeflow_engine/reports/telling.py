"""Descriptions and answers as reports: what a model says of a change, and what it has not read.

All that they say is data of the change's author as much as of the model: nothing in it does
anything where it is shown. Whatever is not complete says so in the first line and in the last.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from codeflow_engine.errors import ConfigurationError
from codeflow_engine.reports.cells import lay_out
from codeflow_engine.reports.prose import count, item, paragraph
from codeflow_engine.reports.spent import spent
from codeflow_engine.reports.style import Color, Style
from codeflow_engine.reports.visible import escape_json, escape_path

__all__ = ["FORMATS", "SILENT", "dropped", "place", "reading_line", "render", "why_unread"]

FORMATS: Final = ("text", "json", "markdown")

SILENT: Final = "The model says nothing of it."
"""What stands for a file that a model was shown and did not speak of."""

_NARROW: Final = "    "
_MOST_LINES: Final = 40
"""Lines of a quote that are shown."""


def render(told: Mapping[str, Any], format: str, *, style: Style | None = None) -> str:  # noqa: A002 - the word of the command line
    """Render a description or an answer, in its JSON form, as text that ends with a line feed.

    Args:
        told: What `to_json` of `Description` or `Answer` gives.
        format: One of `FORMATS`.
        style: How text looks; of the other formats its encoding counts alone.

    Raises:
        ConfigurationError: There is no such format; the message names those that there are.
    """
    style = style or Style()
    if format == "json":
        text = json.dumps(told, ensure_ascii=False, indent=2, allow_nan=False)
        return escape_json(text, style.encoding) + "\n"
    if format == "markdown":
        from codeflow_engine.reports.markdown import telling

        return telling.render(told, encoding=style.encoding)
    if format != "text":
        raise ConfigurationError(f"no format is named {format!r}; known: {', '.join(FORMATS)}")
    parts = _answer(told, style) if "question" in told else _description(told, style)
    blocks = [*parts, _unread(told["unread"], style), _counts(told, style)]
    if not told["complete"]:
        alarm = [style.paint(reading_line(told), Color.ALARM)]
        blocks = [alarm, *blocks, alarm]
    return "\n\n".join("\n".join(block) for block in blocks if block) + "\n"


def reading_line(told: Mapping[str, Any]) -> str:
    """Say in one line how much was read, and whether it was put together."""
    what = "ANSWER" if "question" in told else "DESCRIPTION"
    gaps = {one["path"] for one in told["unread"] if one["kind"] in {"budget", "failure"}}
    files = count(told["change"]["files"], "file")
    parts = [f"{len(gaps)} of {files} not read, or not all of it"] if gaps else []
    if told["unjoined"] is not None:
        parts.append("nobody has put together what was said of its parts")
    if not told["complete"]:
        return f"{what} NOT COMPLETE: {'; '.join(parts)}"
    left = len({one["path"] for one in told["unread"]})
    return f"complete: {files}, {left} left out" if left else f"complete: {files}"


def why_unread(one: Mapping[str, Any]) -> str:
    """Say how much of a file was not read, and why."""
    part = "" if one["units"] == one["of"] else f"{one['units']} of {count(one['of'], 'unit')}, "
    return f"{part}{one['reason']}"


def place(quote: Mapping[str, Any]) -> str:
    """Say which lines of its file a quote has; nothing where the file has none."""
    first, last = quote["line"], quote["end_line"]
    if first is None:
        return ""
    told = f"line {first}" if last is None or last <= first else f"lines {first}-{last}"
    return told if quote["side"] == "new" else f"{told} before the change"


def dropped(told: Mapping[str, Any]) -> str:
    """Say what was said and not kept; empty where all was."""
    return "; ".join(f"{number} {reason}" for reason, number in told["dropped"].items() if number)


def _description(told: Mapping[str, Any], style: Style) -> list[list[str]]:
    title = paragraph(told["title"] or "A change without a title", style, "")
    blocks = [[style.paint(row, Color.BOLD) for row in title]]
    if told["labels"]:
        blocks[0] += item("labels: ", ", ".join(told["labels"]), style)
    blocks.append(paragraph(told["summary"], style, ""))
    rows: list[str] = []
    for one in told["walkthrough"]:
        rows.append(f"  {escape_path(one['path'], style.encoding)}")
        rows += paragraph(one["summary"] or SILENT, style, _NARROW)
    return [*blocks, ["files:", *rows] if rows else []]


def _answer(told: Mapping[str, Any], style: Style) -> list[list[str]]:
    rows: list[str] = []
    for quote in told["quotes"]:
        path = escape_path(quote["path"], style.encoding)
        where = place(quote)
        rows.append(f"  {path}, {where}" if where else f"  {path}")
        rows += _code(quote["code"], style)
    return [
        [style.paint(row, Color.BOLD) for row in item("question: ", told["question"], style)],
        paragraph(told["text"] or "There is no answer.", style, ""),
        ["rests on:", *rows] if rows else ["rests on: no lines of the change"],
    ]


def _code(code: str, style: Style) -> list[str]:
    lines = code.split("\n") if code else []
    mark = f"{_NARROW}| "
    rows = [
        f"{mark}{lay_out(line, style.code_room(len(mark)), encoding=style.encoding).text}".rstrip()
        for line in lines[:_MOST_LINES]
    ]
    rest = len(lines) - _MOST_LINES
    return [*rows, f"{mark}... {count(rest, 'more line')}"] if rest > 0 else rows


def _unread(unread: Sequence[Mapping[str, Any]], style: Style) -> list[str]:
    if not unread:
        return []
    rows = [f"not read: {count(len({one['path'] for one in unread}), 'file')}"]
    for one in unread:
        rows.append(f"  {escape_path(one['path'], style.encoding)}")
        rows += paragraph(" ".join(why_unread(one).split()), style, _NARROW)
    return rows


def _counts(told: Mapping[str, Any], style: Style) -> list[str]:
    rows = paragraph(reading_line(told), style, "") if told["complete"] else []
    labelled = {
        "not joined: ": told["unjoined"],
        "dropped: ": dropped(told) or None,
        "models: ": spent(told),
    }
    for label, text in labelled.items():
        if text is not None:
            rows += item(label, " ".join(text.split()), style)
    return rows
