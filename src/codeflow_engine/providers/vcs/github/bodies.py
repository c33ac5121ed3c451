"""Posted text that fits: within GitHub's limits, cut where it may be, and ended as Markdown ends.

GitHub takes 65,536 characters in one body and says 422 to more. Whether a character outside of
the basic plane counts once or twice it does not say: here it counts twice.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from codeflow_engine.domain.marker import MARKER_ROOM, Marker, find_markers

__all__ = [
    "BUDGET",
    "LIMIT",
    "ROOM",
    "clean",
    "cut",
    "end_marker",
    "fenced",
    "in_code",
    "mark",
    "measure",
    "suggestion_block",
    "unmarked",
]

LIMIT: Final = 65_536
"""Most characters that GitHub takes, with everything in them."""

BUDGET: Final = 60_000
"""Most characters that we send, marker and all."""

ROOM: Final = BUDGET - MARKER_ROOM
"""Most characters of a text that a marker comes behind."""

_LEFT_OUT: Final = "*The rest is left out here: it is longer than GitHub takes.*"
_UNFIT: Final = re.compile("[\ud800-\udfff\x00]")
_FENCE: Final = re.compile(r"( {0,3})(`{3,}|~{3,})([^\n]*)")
_TICKS: Final = re.compile(r"`+")
_OUTER: Final = re.compile(r"^(?:#{1,6} |<details)")


def clean(text: str) -> str:
    """Replace what no body can hold: lone surrogates and NUL."""
    return _UNFIT.sub("\ufffd", text)


def measure(text: str) -> int:
    """Count characters as a host may count them at most: in units of UTF-16."""
    return len(text) + sum(map("\uffff".__lt__, text)) if not text.isascii() else len(text)


def mark(text: str, marker: Marker) -> str:
    """Put a marker behind a text, on a line of its own."""
    return f"{text.rstrip()}\n\n{marker.write()}".lstrip()


def end_marker(text: str) -> Marker | None:
    """Give the marker that a body of ours ends with.

    One that stands anywhere else was not put there by `mark`, but came in with quoted text.
    """
    last = text.rstrip().rpartition("\n")[2]
    found = find_markers(last)
    return found[0] if len(found) == 1 and found[0].write() == last.strip() else None


def unmarked(text: str) -> str:
    """Give a body without the marker that it ends with, with plain line ends."""
    plain = text.replace("\r\n", "\n").rstrip()
    return plain.rpartition("\n")[0].rstrip() if end_marker(plain) else plain


def fenced(text: str, info: str = "") -> str:
    """Put a text into a block of code that nothing in it can end."""
    longest = max((len(found) for found in _TICKS.findall(text)), default=0)
    fence = "`" * max(3, longest + 1)
    lines = text if not text or text.endswith("\n") else f"{text}\n"
    return f"{fence}{info}\n{lines}{fence}"


def suggestion_block(text: str) -> str:
    """Give the block that replaces the lines which a comment stands on; no text deletes them."""
    return fenced(text, "suggestion")


def in_code(text: str) -> str:
    """Show a path, or another short text, as code on one line, whatever it holds."""
    plain = "".join(one if one.isprintable() else ascii(one)[1:-1] for one in text)
    longest = max((len(found) for found in _TICKS.findall(plain)), default=0)
    ticks = "`" * (longest + 1)
    pad = " " if longest or not plain.strip() else ""
    return f"{ticks}{pad}{plain}{pad}{ticks}"


def cut(text: str, room: int) -> str:
    """Shorten a text, at the end of a section if that leaves half of the room or more.

    What the cut leaves open is closed: blocks of code, and what unfolds.

    Args:
        text: Markdown.
        room: Most characters of what is given back, by `measure`; 200 at least.
    """
    if measure(text) <= room:
        return text
    most = room - len(_LEFT_OUT) - 2
    while True:
        kept = _first(text, most)
        whole = f"{kept}{_endings(kept)}\n\n{_LEFT_OUT}"
        over = measure(whole) - room
        if over <= 0:
            return whole
        most -= over


def _first(text: str, most: int) -> str:
    """Give the longest beginning that ends well and has no more than so many characters."""
    # No more than `most` characters can be less than `most` units.
    head = text[: max(most, 0)]
    while measure(head) > most:
        head = head[: len(head) - max(1, (measure(head) - most) // 2)]
    ends = list(_ends(head))
    for rank in (0, 1):
        places = [place for place, found in ends if found <= rank and place * 2 >= len(head)]
        if places:
            return head[: places[-1]].rstrip()
    newline = head.rfind("\n")
    return head[:newline].rstrip() if newline * 2 >= len(head) else head


def _ends(text: str) -> Iterator[tuple[int, int]]:
    """Give where sections (0) and paragraphs (1) end, outside of code."""
    place, blank, fence = 0, False, ""
    for line in text.split("\n"):
        if not fence and place:
            if _OUTER.match(line):
                yield place, 0
            elif blank and line.strip():
                yield place, 1
        fence = _step(fence, line)
        blank = not line.strip()
        place += len(line) + 1


def _step(fence: str, line: str) -> str:
    """Give the fence that is open after a line; it begins with the spaces before it.

    What is indented further stands in a list or is code anyhow, and ends with that.
    """
    found = _FENCE.fullmatch(line)
    if found is None:
        return fence
    indent, ticks, rest = found.groups()
    if not fence:
        return indent + ticks if ticks[0] == "~" or "`" not in rest else ""
    opened = fence.lstrip(" ")
    closes = ticks[0] == opened[0] and len(ticks) >= len(opened) and not rest.strip()
    return "" if closes else fence


def _endings(text: str) -> str:
    fence, unfolded = "", 0
    for line in text.split("\n"):
        if not fence:
            unfolded += line.count("<details") - line.count("</details>")
        fence = _step(fence, line)
    return (f"\n{fence}" if fence else "") + "\n\n</details>" * max(unfolded, 0)
