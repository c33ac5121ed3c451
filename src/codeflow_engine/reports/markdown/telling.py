"""A description or an answer as Markdown, for a pull request or a file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from codeflow_engine.reports.inert import code_line, fence, one_line, paragraphs
from codeflow_engine.reports.markdown.finding import folded
from codeflow_engine.reports.markdown.ledger import path_span
from codeflow_engine.reports.prose import count
from codeflow_engine.reports.spent import spent
from codeflow_engine.reports.telling import SILENT, dropped, place, reading_line, why_unread

__all__ = ["render"]

_LONGEST_TITLE: Final = 200
_LONGEST_TEXT: Final = 2_000
_LONGEST_LINE: Final = 400
_MOST_LINES: Final = 40
_SHOWN: Final = 10
"""Files that were not read and stand open; more are folded away."""


def render(told: Mapping[str, Any], *, encoding: str = "utf-8") -> str:
    """Render a description or an answer, in its JSON form; ends with a line feed.

    Nothing of what a model or the author of the change has written is Markdown in it.

    Args:
        told: What `to_json` of `Description` or `Answer` gives.
        encoding: Characters that it does not have are escaped.
    """
    parts = _answer(told, encoding) if "question" in told else _description(told, encoding)
    if not told["complete"]:
        parts.insert(0, "\n".join(["> [!WARNING]", f"> {reading_line(told)}"]))
    parts += [_unread(told["unread"], encoding), _counts(told, encoding)]
    return "\n\n".join(part for part in parts if part) + "\n"


def _description(told: Mapping[str, Any], encoding: str) -> list[str]:
    title = one_line(told["title"], _LONGEST_TITLE, encoding) or "A change without a title"
    labels = ", ".join(told["labels"])
    rows = [
        f"- {path_span(one['path'], encoding)}: "
        f"{one_line(one['summary'] or SILENT, _LONGEST_TEXT, encoding)}"
        for one in told["walkthrough"]
    ]
    return [
        f"## {title}",
        f"**Labels:** {labels}" if labels else "",
        "\n".join(paragraphs(told["summary"], encoding)),
        "\n".join(["### Files", "", *rows]) if rows else "",
    ]


def _answer(told: Mapping[str, Any], encoding: str) -> list[str]:
    text = "\n".join(paragraphs(told["text"], encoding)) or "There is no answer."
    quotes = [_quote(quote, encoding) for quote in told["quotes"]]
    rests = "### Rests on" if quotes else "It rests on no lines of the change."
    question = one_line(told["question"], _LONGEST_TEXT, encoding)
    return [f"**Question:** {question}", text, rests, *quotes]


def _quote(quote: Mapping[str, Any], encoding: str) -> str:
    where = place(quote)
    title = path_span(quote["path"], encoding) + (f", {where}" if where else "")
    lines = quote["code"].split("\n") if quote["code"] else []
    first = quote["line"] or 1
    digits = len(str(first + len(lines)))
    # With its number no line of the code begins a line of the report, which bots might obey.
    rows = [
        f"{number:>{digits}} | {code_line(line, _LONGEST_LINE, encoding)}".rstrip()
        for number, line in enumerate(lines[:_MOST_LINES], first)
    ]
    rest = len(lines) - _MOST_LINES
    rows += [f"... {count(rest, 'more line')}"] if rest > 0 else []
    return "\n".join([title, "", *fence(rows, "text")]) if rows else title


def _unread(unread: Sequence[Mapping[str, Any]], encoding: str) -> str:
    rows = [
        f"- {path_span(one['path'], encoding)}: "
        f"{one_line(why_unread(one), _LONGEST_TEXT, encoding)}"
        for one in unread
    ]
    if len(rows) > _SHOWN:
        files = count(len({one["path"] for one in unread}), "file")
        rows = folded(f"Not read: {files}", rows)
        return "\n".join(rows)
    return "\n".join(["### Not read", "", *rows]) if rows else ""


def _counts(told: Mapping[str, Any], encoding: str) -> str:
    rows = []
    if told["unjoined"] is not None:
        rows.append(f"Not joined: {one_line(told['unjoined'], _LONGEST_TEXT, encoding)}")
    if lost := dropped(told):
        rows.append(f"Dropped: {one_line(lost, _LONGEST_TEXT, encoding)}")
    rows.append(f"Models: {spent(told)}")
    return "\\\n".join(rows)
