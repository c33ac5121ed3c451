"""Characters that make a text look like another one than it is.

- Bidirectional controls: the order shown is not the order read (Trojan Source,
  CVE-2021-42574).
- Hidden text: whole messages in tag characters (U+E0000) or in variation selectors, which
  nobody sees and every program reads.
- Invisible characters: two names that look the same and are not.
- Terminal controls: a terminal that shows the file does what they say.

In texts for people and in translations most of these have honest uses, so that only what
no script needs is told of there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import TYPE_CHECKING, Final, NamedTuple

from codeflow_engine.providers.analyzer.checks.kinds import is_code, is_prose, is_test
from codeflow_engine.providers.analyzer.checks.sides import Place, SideText, Walk, is_long_line
from codeflow_engine.providers.analyzer.checks.telling import SeverityName, tell

if TYPE_CHECKING:
    from codeflow_engine.domain.finding import RawFinding

__all__ = ["BIDI", "HIDDEN", "INVISIBLE", "TERMINAL", "find_characters", "has_hidden"]

BIDI: Final = "bidi-control"
HIDDEN: Final = "hidden-text"
INVISIBLE: Final = "invisible-character"
TERMINAL: Final = "terminal-control"

# Unicode 16, "Bidirectional Ordering Controls"; marks such as U+200E reorder nothing by
# themselves.
_OPEN: Final = "\u202a\u202b\u202d\u202e"
_ISOLATE: Final = "\u2066\u2067\u2068"
_POP, _POP_ISOLATE = "\u202c", "\u2069"
_OVERRIDES: Final = "\u202d\u202e"
_BIDI: Final = _OPEN + _ISOLATE + _POP + _POP_ISOLATE

_MORE_SELECTORS: Final = "\U000e0100-\U000e01ef"
_SELECTORS: Final = f"\ufe00-\ufe0f{_MORE_SELECTORS}"
_TAGS: Final = "\U000e0000-\U000e007f"
# Joiners have honest uses between letters of other scripts and between emoji.
_WIDTHLESS: Final = (
    "\u00ad\u034f\u115f\u1160\u17b4\u17b5\u180e\u200b\u2060-\u2064\u206a-\u206f\u3164\ufeff\uffa0"
    "\ufff9-\ufffb"
)
_JOINERS: Final = "\u200c\u200d"
_WORD: Final = "A-Za-z0-9_"

_FLAG: Final = "\U0001f3f4"


# Compiled when first needed: names of files are looked at in each change.
@cache
def _any() -> re.Pattern[str]:
    """Give the set of all characters that matter; a pattern of alternatives is slow."""
    return re.compile(
        rf"[{_FLAG}{_TAGS}{_SELECTORS}{_BIDI}{_WIDTHLESS}{_JOINERS}\x00\x08\x1b\x7f\x9b\r]"
    )


@cache
def _one() -> re.Pattern[str]:
    return re.compile(
        # A flag of a region is a black flag, tags, and an end.
        rf"{_FLAG}[\U000e0030-\U000e007a]{{1,8}}\U000e007f"
        rf"|(?P<hidden>[{_TAGS}]+|[{_SELECTORS}]{{4,}}|[{_MORE_SELECTORS}]{{2,}})"
        rf"|(?P<bidi>[{_BIDI}])"
        rf"|(?P<invisible>[{_WIDTHLESS}]|(?<=[{_WORD}])[{_JOINERS}](?=[{_WORD}])"
        rf"|(?<=[A-Za-z_])[{_SELECTORS}])"
        r"|(?P<terminal>[\x00\x08\x1b\x7f\x9b]|\r(?!\n|\Z))"
    )


_BYTE_ORDER_MARK: Final = "\ufeff"


class _Hit(NamedTuple):
    place: Place
    text: str
    severity: SeverityName


def find_characters(path: str, side: SideText) -> Iterator[RawFinding]:
    """Look at the added lines of a hunk; each rule is told of once, with a count."""
    walk = Walk(side)
    first: dict[str, _Hit] = {}
    lines: dict[str, set[int]] = {}
    for rule, match in _hits(side.text):
        place = walk.to(match.start())
        if not place.touched or (match.start() == 0 and place.line == 1 and _is_mark(match[0])):
            continue
        severity = _judge(rule, path, match)
        if severity is None:
            continue
        lines.setdefault(rule, set()).add(place.line)
        held = first.get(rule)
        if held is None or (severity == "high" and held.severity != "high"):
            first[rule] = _Hit(place, match[0], severity)
    for rule, hit in first.items():
        yield _finding(rule, path, hit, len(lines[rule]))


def _hits(text: str) -> Iterator[tuple[str, re.Match[str]]]:
    end = 0
    for found in _any().finditer(text):
        match = _one().match(text, found.start()) if found.start() >= end else None
        if match is not None:
            end = match.end()
            if match.lastgroup is not None:
                yield _RULES[match.lastgroup], match


_RULES: Final = {"hidden": HIDDEN, "bidi": BIDI, "invisible": INVISIBLE, "terminal": TERMINAL}


def _is_mark(text: str) -> bool:
    return text == _BYTE_ORDER_MARK


def has_hidden(name: str) -> bool:
    """Tell whether a name holds a character that is not shown as itself."""
    return any(True for _ in _hits(name))


def _judge(rule: str, path: str, match: re.Match[str]) -> SeverityName | None:
    """Say how bad a hit is; None where it has an honest use."""
    if rule == HIDDEN:
        return "high"
    if rule == BIDI:
        if is_prose(path):
            return "medium" if match[0] in _OVERRIDES else None
        return "low" if is_long_line(match.string, match.start()) else "high"
    if not is_code(path) or is_long_line(match.string, match.start()):
        return None
    if rule == TERMINAL:
        return "low" if is_test(path) else "medium"
    return "high" if _inside_word(match) else "low"


def _inside_word(match: re.Match[str]) -> bool:
    before = match.string[max(match.start() - 1, 0) : match.start()]
    after = match.string[match.end() : match.end() + 1]
    return all(char == "_" or char.isalnum() for char in (before, after))


_WORDS: Final = {
    BIDI: (
        "Bidirectional control character",
        (
            "It changes the order in which the text is shown, so that a reader sees other code "
            "than the compiler does (CVE-2021-42574). Remove it, or write it as an escape."
        ),
    ),
    HIDDEN: (
        "Text in characters that nobody can see",
        "Programs and language models read these characters, people do not. Remove them.",
    ),
    INVISIBLE: (
        "Invisible character",
        "It makes two texts differ that look the same. Remove it, or write it as an escape.",
    ),
    TERMINAL: (
        "Control character for terminals",
        (
            "A terminal that shows this line acts on it, and may hide or forge what stands "
            "there. Write it as an escape, such as \\x1b."
        ),
    ),
}


def _finding(rule: str, path: str, hit: _Hit, lines: int) -> RawFinding:
    title, message = _WORDS[rule]
    codes = ", ".join(f"U+{ord(char):04X}" for char in hit.text[:4])
    more = f" {lines - 1} more lines of this hunk have such characters." if lines > 1 else ""
    return tell(
        rule=rule,
        severity=hit.severity,
        category="security",
        title=f"{title} ({codes})",
        message=f"{message}{more}",
        path=path,
        line=hit.place.line,
        column=hit.place.column,
        end_column=hit.place.column + len(hit.text),
        confidence=0.9,
    )
