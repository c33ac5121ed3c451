"""Text of others as Markdown that does nothing.

A forge acts on what it renders: it loads images, links what looks like an address, tells
the people after an `@`, notes a reference at the issue after a `#`, and its bots obey a
line that begins with `/`. Escapes do not keep it from most of this, since it looks at the
text after it is rendered. A code span does. So a word is written as it is where it holds
letters, digits and the signs of prose alone; any other word becomes a code span. Code spans
of the text itself stay what they are.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable

from codeflow_engine.reports.visible import escape

__all__ = ["code_line", "code_span", "cut", "fence", "inline", "one_line", "paragraphs"]

_BLANKS = re.compile(r"[\t\r\u0020\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000]+")
_TICKS = re.compile(r"`+")
_BULLET = re.compile(r"(?:([-*+])|([0-9]{1,9})([.)]))(?= |$)")

# Letters and digits, and every sign beyond ASCII: none of those means anything to Markdown.
_LETTER = r"[A-Za-z0-9\u0080-\U0010ffff]"
_PROSE = re.compile(rf"""[("']*{_LETTER}(?:[-'/,.]?{_LETTER})*[)"',.;:!?%]*""")
_DASHES = re.compile(r"-{1,2}")
# A host or a file name; the address `www.`; a commit; `GH-12`. They would become links.
_LINKED = re.compile(
    r"\.[^\W\d_]{2}|^\W*www\.|\b(?=[a-f]*[0-9])[0-9a-f]{7,40}\b|\bgh-[0-9]", re.IGNORECASE
)
_ELLIPSIS = "..."
_MARK = "<!-- codeflow:"
_NO_MARK = "<!- -codeflow:"


def cut(text: str, most: int) -> str:
    """Cut a text to a number of characters, of which the last ones say so."""
    return text if len(text) <= most else text[: most - len(_ELLIPSIS)] + _ELLIPSIS


def code_span(text: str, encoding: str = "utf-8") -> str:
    """Write one line as a code span, whatever stands in it; nothing where it is empty."""
    shown = _unmarked(escape(text, encoding))
    if not shown:
        return ""
    ticks = "`" * (_longest(shown) + 1)
    # One space on each side is taken off again (CommonMark 0.31, 6.1).
    spaced = shown.startswith(" ") and shown.endswith(" ") and shown.strip(" ")
    pad = " " if shown[0] == "`" or shown[-1] == "`" or spaced else ""
    return f"{ticks}{pad}{shown}{pad}{ticks}"


def code_line(text: str, most: int, encoding: str = "utf-8") -> str:
    """Write a line of code for a fence: tabs stay, what is hidden is escaped."""
    shown = "\t".join(escape(part, encoding) for part in text.split("\t"))
    return cut(_unmarked(shown), most)


def fence(rows: Iterable[str], language: str) -> list[str]:
    """Put rows into a fence that nothing in them can close."""
    rows = list(rows)
    ticks = "`" * max(3, max(map(_longest, rows), default=0) + 1)
    return [f"{ticks}{language}", *rows, ticks]


def paragraphs(text: str, encoding: str = "utf-8", *, hard: str = "\\") -> list[str]:
    """Write prose of several lines; empty lines part paragraphs.

    Args:
        text: The prose.
        encoding: Characters that it does not have are escaped.
        hard: What keeps a line break within a paragraph. Where that is done by the reader
            anyway, as in a comment on GitHub, it is empty.
    """
    rows: list[str] = []
    for row in text.split("\n"):
        written = inline(row, encoding)
        if not written:
            rows += [""] if rows and rows[-1] else []
            continue
        if rows and rows[-1]:
            rows[-1] += hard
        rows.append(written)
    return rows[:-1] if rows and not rows[-1] else rows


def inline(text: str, encoding: str = "utf-8") -> str:
    """Write one line of prose; it may begin a line, and what follows it may be anything."""
    text = _BLANKS.sub(" ", text.replace("\n", " ")).strip(" ")
    bullet = _BULLET.match(text)
    start = ""
    if bullet is not None:
        mark, number, stop = bullet.groups()
        start = f"\\{mark}" if mark else f"{number}\\{stop}"
        text = text[bullet.end() :].lstrip(" ")
    words = [_word(word, spans, encoding) for word, spans in _words(text)]
    if not start and words and _DASHES.fullmatch(words[0]):
        words[0] = code_span(words[0])
    return " ".join(part for part in (start, *words) if part)


def one_line(text: str, most: int, encoding: str = "utf-8") -> str:
    """Write a text as one line of prose, of at most so many characters before it is safe."""
    flat = _BLANKS.sub(" ", text.replace("\n", " ")).strip(" ")
    return inline(cut(escape(flat, encoding), most), encoding)


def _words(text: str) -> list[tuple[str, list[tuple[int, int]]]]:
    """Part a line at spaces outside of its code spans; give each word with its spans."""
    spans = _spans(text)
    words: list[tuple[str, list[tuple[int, int]]]] = []
    inside: list[tuple[int, int]] = []
    begin = 0
    at = 0
    for stop, after in [*spans, (len(text), len(text))]:
        space = text.find(" ", at, stop)
        while space >= 0:
            words.append((text[begin:space], inside))
            begin, inside = space + 1, []
            space = text.find(" ", begin, stop)
        if after > stop:
            inside.append((stop - begin, after - begin))
        at = after
    words.append((text[begin:], inside))
    return [pair for pair in words if pair[0]]


def _spans(text: str) -> list[tuple[int, int]]:
    """Find the code spans of a line: two runs of equally many backticks (CommonMark 6.1)."""
    runs = [match.span() for match in _TICKS.finditer(text)]
    places: defaultdict[int, list[int]] = defaultdict(list)
    for at, (start, stop) in enumerate(runs):
        places[stop - start].append(at)
    spans: list[tuple[int, int]] = []
    at = 0
    while at < len(runs):
        start, stop = runs[at]
        alike = places[stop - start]
        following = bisect_right(alike, at)
        if following == len(alike):
            at += 1
            continue
        spans.append((start, runs[alike[following]][1]))
        at = alike[following] + 1
    return spans


def _word(word: str, spans: list[tuple[int, int]], encoding: str) -> str:
    if not spans:
        plain = _PROSE.fullmatch(word) or _DASHES.fullmatch(word)
        safe = plain and not _LINKED.search(word) and escape(word, encoding) == word
        return word if safe else _span(word, encoding)
    start, stop = spans[0]
    before, after = word[:start], word[stop:]
    if len(spans) > 1 or before.strip("(\"'") or after.strip(")\"',.;:!?"):
        return code_span(word, encoding)
    return f"{before}{code_span(_content(word[start:stop]), encoding)}{after}"


def _span(word: str, encoding: str) -> str:
    """Write a word as a code span, but for the signs of prose around it."""
    rest = word.lstrip("(\"'")
    before = word[: len(word) - len(rest)]
    inner = rest.rstrip(")\"',.;:!?" if "(" in before else "\"',.;:!?")
    if not inner:
        return code_span(word, encoding)
    return f"{before}{code_span(inner, encoding)}{rest[len(inner) :]}"


def _content(span: str) -> str:
    ticks = len(span) - len(span.lstrip("`"))
    inner = span[ticks:-ticks]
    padded = inner.startswith(" ") and inner.endswith(" ") and inner.strip(" ")
    return inner[1:-1] if padded else inner


def _unmarked(text: str) -> str:
    """Break the marks that the engine knows its own texts by; a code span does not.

    Text of others would otherwise bring a mark into what our own account posts. It stays as
    long as it was.
    """
    return text.replace(_MARK, _NO_MARK)


def _longest(text: str) -> int:
    return max((len(run) for run in _TICKS.findall(text)), default=0)
