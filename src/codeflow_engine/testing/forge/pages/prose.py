"""Shows Markdown that others wrote: a small part of it, and the rest as text.

Nothing in it becomes a tag but by the functions here; images and addresses other than those of
the web are shown as text. Comments of HTML are hidden, as GitHub hides them. All patterns are
bounded, so that a long line takes linear time.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from codeflow_engine.reports.html.markup import Content, Markup, element, fragment, visible
from codeflow_engine.testing.forge.pages.links import outward

__all__ = ["prose"]

type _Suggest = Callable[[Sequence[str]], Markup]
"""Shows a suggestion, of its lines; none of them takes the code away."""

_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})[ \t]*([^`\n]{0,100})\n?")
_HEADING = re.compile(r" {0,3}(#{1,6})[ \t]+(.*)")
_ITEM = re.compile(r" {0,12}([-*+]|\d{1,9}[.)])[ \t]+(.*)")
_RULE = re.compile(r" {0,3}([-*_])[ \t]*(?:\1[ \t]*){2,}")
_DASHES = re.compile(r"\|?[ \t]*:?-+:?[ \t]*(\|[ \t]*:?-+:?[ \t]*)*\|?[ \t]*")
_DETAILS = re.compile(r"[ \t]*<details( open)?>[ \t]*(.*)", re.IGNORECASE)
_CLOSED = re.compile(r"[ \t]*</details>[ \t]*", re.IGNORECASE)
_SUMMARY = re.compile(r"[ \t]*<summary>(.{0,1000})</summary>[ \t]*", re.IGNORECASE)
_TAG = re.compile(r"</?(?:b|i|em|strong|sub|sup|br|code|kbd)\s{0,5}/?>", re.IGNORECASE)
_INLINE = re.compile(
    r"(?P<code>(?P<ticks>`{1,5})(?!`)(?P<inner>[^`\n]{1,1000})(?P=ticks)(?!`))"
    r"|!?\[(?P<text>[^\[\]\n]{0,500})\]\((?P<url>[^()\s]{1,2000})\)"
    r"|\*\*(?P<bold>[^*\n]{1,1000})\*\*"
    r"|(?<![\w*])[*_](?P<italic>[^*_\n]{1,1000})[*_](?![\w*])"
    r"|(?P<web>https?://[A-Za-z0-9.-]{1,253}[A-Za-z0-9._~%/#?=&+:@-]{0,1000})"
)
_DEEPEST = 20


def prose(text: str, suggest: _Suggest | None = None) -> Markup:
    """Show a body.

    Args:
        text: The Markdown.
        suggest: Shows the suggestions in it, which are only that in comments on code.
    """
    lines = _without_comments(text.replace("\r\n", "\n")).split("\n")
    return element("div", _Blocks(lines, suggest).all(), class_="prose", dir="auto")


def _without_comments(text: str) -> str:
    parts: list[str] = []
    at = 0
    while (start := text.find("<!--", at)) >= 0:
        parts.append(text[at:start])
        stop = text.find("-->", start)
        if stop < 0:
            return "".join(parts)
        at = stop + 3
    return "".join([*parts, text[at:]])


@dataclass(slots=True)
class _Blocks:
    """Reads lines from the top, each once."""

    lines: Sequence[str]
    suggest: _Suggest | None
    at: int = 0
    depth: int = 0

    def all(self) -> list[Content]:
        """Give the blocks up to the end, or up to the end of what is folded."""
        found: list[Content] = []
        while self.at < len(self.lines):
            line = self.lines[self.at]
            if self.depth and _CLOSED.fullmatch(line):
                self.at += 1
                break
            if not line.strip():
                self.at += 1
                continue
            found.append(self._block(line))
        return found

    def _block(self, line: str) -> Content:
        fence, heading = _FENCE.fullmatch(line), _HEADING.fullmatch(line)
        if fence:
            return self._fenced(fence[1], fence[2].strip())
        if heading:
            self.at += 1
            return element(f"h{min(6, len(heading[1]) + 2)}", _inline(heading[2]))
        if _RULE.fullmatch(line):
            self.at += 1
            return element("hr")
        if self.depth < _DEEPEST and (opened := _DETAILS.fullmatch(line)):
            return self._folded(is_open=bool(opened[1]), rest=opened[2])
        if _ITEM.fullmatch(line):
            return self._list()
        if line.lstrip().startswith(">"):
            return self._quoted()
        if "|" in line and self._next_is_dashes():
            return self._table()
        return self._paragraph()

    def _fenced(self, mark: str, kind: str) -> Markup:
        self.at += 1
        inside: list[str] = []
        while self.at < len(self.lines):
            line = self.lines[self.at]
            self.at += 1
            told = line.strip()
            if len(told) >= len(mark) and set(told) == {mark[0]}:
                break
            inside.append(line)
        if kind.split(" ", maxsplit=1)[0] == "suggestion" and self.suggest is not None:
            return self.suggest(inside)
        text = visible("\n".join(inside))
        return element("pre", element("code", text), translate="no")

    def _folded(self, *, is_open: bool, rest: str) -> Markup:
        self.at += 1
        summary = _SUMMARY.fullmatch(rest) if rest.strip() else None
        if summary is None and self.at < len(self.lines):
            summary = _SUMMARY.fullmatch(self.lines[self.at])
            self.at += summary is not None
        self.depth += 1
        inside = self.all()
        self.depth -= 1
        told = _inline(summary[1]) if summary else "Details"
        return element("details", element("summary", told), inside, open=is_open)

    def _list(self) -> Markup:
        items: list[Content] = []
        first = _ITEM.fullmatch(self.lines[self.at])
        numbered = first is not None and first[1][0].isdigit()
        while self.at < len(self.lines) and (item := _ITEM.fullmatch(self.lines[self.at])):
            self.at += 1
            told = [item[2], *self._continued()]
            items.append(element("li", _joined(told)))
        return element("ol" if numbered else "ul", items)

    def _continued(self) -> list[str]:
        """Take the lines that go on with an item."""
        found = []
        while self.at < len(self.lines):
            line = self.lines[self.at]
            if not line.startswith("  ") or not line.strip() or _ITEM.fullmatch(line):
                break
            found.append(line.strip())
            self.at += 1
        return found

    def _quoted(self) -> Markup:
        inside: list[str] = []
        while self.at < len(self.lines) and self.lines[self.at].lstrip().startswith(">"):
            inside.append(self.lines[self.at].lstrip()[1:].removeprefix(" "))
            self.at += 1
        return element("blockquote", element("p", _joined(inside)))

    def _next_is_dashes(self) -> bool:
        below = self.lines[self.at + 1] if self.at + 1 < len(self.lines) else ""
        return "-" in below and _DASHES.fullmatch(below) is not None

    def _table(self) -> Markup:
        head = [element("th", _inline(cell)) for cell in _cells(self.lines[self.at])]
        self.at += 2
        rows: list[Content] = []
        while self.at < len(self.lines) and "|" in self.lines[self.at]:
            cells = _cells(self.lines[self.at])[: len(head)]
            rows.append(element("tr", [element("td", _inline(cell)) for cell in cells]))
            self.at += 1
        return element("table", element("thead", element("tr", head)), element("tbody", rows))

    def _paragraph(self) -> Markup:
        inside = [self.lines[self.at]]
        self.at += 1
        while self.at < len(self.lines):
            line = self.lines[self.at]
            starts = (_FENCE, _HEADING, _ITEM, _DETAILS, _CLOSED)
            if not line.strip() or any(each.fullmatch(line) for each in starts):
                break
            inside.append(line)
            self.at += 1
        return element("p", _joined(inside))


def _cells(line: str) -> list[str]:
    told = line.strip().removeprefix("|").removesuffix("|").replace("\\|", "\0")
    return [cell.strip().replace("\0", "|") for cell in told.split("|")]


def _joined(lines: Sequence[str]) -> Markup:
    parts: list[Content] = []
    for index, line in enumerate(lines):
        parts += ["\n" if index else None, _inline(line.strip())]
    return fragment(parts)


def _inline(text: str) -> Markup:
    text = _TAG.sub("", text)
    parts: list[Content] = []
    at = 0
    for match in _INLINE.finditer(text):
        parts.append(visible(text[at : match.start()]))
        at = match.end()
        if match["code"]:
            parts.append(element("code", visible(match["inner"])))
        elif match["url"]:
            parts.append(outward(match["url"], visible(match["text"])))
        elif match["bold"]:
            parts.append(element("strong", _code_or_text(match["bold"])))
        elif match["italic"]:
            parts.append(element("em", visible(match["italic"])))
        else:
            parts.append(outward(match["web"], visible(match["web"])))
    return fragment(parts, visible(text[at:]))


def _code_or_text(text: str) -> Markup:
    inner = text.strip("`")
    whole = len(text) > 2 and text[0] == text[-1] == "`" and "`" not in inner  # noqa: PLR2004 - two ticks
    return element("code", visible(inner)) if whole else visible(text)
