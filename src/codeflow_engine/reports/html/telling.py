"""Descriptions and answers as pieces of HTML in a page of somebody else, such as a notebook."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from codeflow_engine.reports.html.fragment import left_out, path_of, root
from codeflow_engine.reports.html.markup import Content, Markup, element, visible
from codeflow_engine.reports.html.prose import prose
from codeflow_engine.reports.html.words import counted, shorten
from codeflow_engine.reports.spent import spent
from codeflow_engine.reports.telling import SILENT, dropped, place, reading_line, why_unread

__all__ = ["answer", "description"]

_MOST_FILES: Final = 100
_MOST_QUOTES: Final = 50
_MOST_LINES: Final = 40
_MOST_CHARACTERS: Final = 400
"""Characters shown of one line."""

_MOST_TITLE: Final = 300


def description(told: Mapping[str, Any]) -> str:
    """Show a description; `told` is what `Description.to_json` gives."""
    title = shorten(told["title"].strip(), _MOST_TITLE) or "A change without a title"
    labels = ", ".join(told["labels"])
    files = [
        [
            element("p", path_of(one["path"]), class_="cf-of"),
            prose(one["summary"]) or element("p", SILENT, class_="cf-note"),
        ]
        for one in told["walkthrough"][:_MOST_FILES]
    ]
    return root(
        _alarm(told),
        element("p", visible(title), class_="cf-change", dir="auto"),
        element("p", labels, class_="cf-ends") if labels else None,
        prose(told["summary"]),
        files,
        left_out(len(told["walkthrough"]) - _MOST_FILES, "file", "description.walkthrough"),
        _end(told, "description.unread"),
    )


def answer(told: Mapping[str, Any]) -> str:
    """Show an answer with the lines that it rests on; `told` is what `Answer.to_json` gives."""
    quotes = told["quotes"]
    rests: Content = [_quote(quote) for quote in quotes[:_MOST_QUOTES]]
    if not quotes:
        rests = element("p", "It rests on no lines of the change.", class_="cf-note")
    return root(
        _alarm(told),
        element("p", visible(told["question"]), class_="cf-change", dir="auto"),
        prose(told["text"]) or element("p", "There is no answer.", class_="cf-note"),
        rests,
        left_out(len(quotes) - _MOST_QUOTES, "quote", "answer.quotes"),
        _end(told, "answer.unread"),
    )


def _alarm(told: Mapping[str, Any]) -> Markup | None:
    if told["complete"]:
        return None
    words = element("p", reading_line(told), class_="cf-verdict-title")
    return element("div", element("div", words), class_="cf-verdict cf-is-partial")


def _quote(quote: Mapping[str, Any]) -> list[Content]:
    where = place(quote)
    told = element("span", f" {where}", class_="cf-total") if where else None
    lines = quote["code"].split("\n") if quote["code"] else []
    rows: list[Content] = [
        element("span", visible(shorten(line, _MOST_CHARACTERS), keep="\t"), "\n", class_="cf-line")
        for line in lines[:_MOST_LINES]
    ]
    rest = len(lines) - _MOST_LINES
    if rest > 0:
        rows.append(element("span", f"\u2026 {counted(rest, 'more line')}\n", class_="cf-line"))
    title = element("p", path_of(quote["path"]), told, class_="cf-of")
    code = element("pre", element("code", rows), class_="cf-code", translate="no") if rows else None
    return [title, code]


def _end(told: Mapping[str, Any], whole: str) -> list[Content]:
    """Show what was not read, and what the models took."""
    lost = dropped(told)
    rows = [
        "" if told["unjoined"] is None else f"Not joined: {told['unjoined']}",
        f"Dropped: {lost}" if lost else "",
        f"Models: {spent(told)}",
    ]
    return [
        _unread(told["unread"], whole, opened=not told["complete"]),
        [element("p", visible(row), class_="cf-note", dir="auto") for row in rows if row],
    ]


def _unread(unread: Sequence[Mapping[str, Any]], whole: str, *, opened: bool) -> Markup | None:
    if not unread:
        return None
    rows = [
        element("li", path_of(one["path"]), " ", element("span", visible(why_unread(one))))
        for one in unread[:_MOST_FILES]
    ]
    files = counted(len({one["path"] for one in unread}), "file")
    return element(
        "details",
        element("summary", f"Not read: {files}"),
        element("ul", rows),
        left_out(len(unread) - _MOST_FILES, "file", whole),
        class_="cf-more-of",
        open=opened,
    )
