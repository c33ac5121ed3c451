"""Names of Latin letters in which some letters are of another script and look the same.

Only letters that nobody can tell apart count, after the data of Unicode Technical
Standard 39; and only a name that would be plain ASCII if they were what they look like.
So neither a formula's delta nor a Russian name with an English end is told of.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import TYPE_CHECKING, Final

from codeflow_engine.providers.analyzer.checks.sides import SideText, Walk, is_long_line
from codeflow_engine.providers.analyzer.checks.telling import tell

if TYPE_CHECKING:
    from codeflow_engine.domain.finding import RawFinding

__all__ = ["CONFUSABLE", "find_confusables", "spoofed"]

CONFUSABLE: Final = "confusable-name"

_LATIN: Final = {
    # Cyrillic, small and capital
    **dict(
        zip(
            "\u0430\u0435\u043e\u0440\u0441\u0443\u0445\u0456"
            "\u0458\u0455\u04bb\u0501\u051b\u051d\u04cf\u0410"
            "\u0412\u0415\u041a\u041c\u041d\u041e\u0420\u0421"
            "\u0422\u0423\u0425\u0406\u0408\u0405\u051a\u051c",
            "aeopcyxijshdqwlABEKMHOPCTYXIJSQW",
            strict=True,
        )
    ),
    # Greek, without the small letters that formulas use beside Latin ones
    **dict(
        zip(
            "\u03bf\u03f3\u0391\u0392\u0395\u0396\u0397\u0399"
            "\u039a\u039c\u039d\u039f\u03a1\u03a4\u03a5\u03a7",
            "ojABEZHIKMNOPTYX",
            strict=True,
        )
    ),
    # Armenian
    **dict(
        zip(
            "\u0585\u057d\u0570\u0578\u0581",
            "ouhng",
            strict=True,
        )
    ),
    # Fullwidth
    **{chr(0xFF21 + i): chr(0x41 + i) for i in range(26)},
    **{chr(0xFF41 + i): chr(0x61 + i) for i in range(26)},
}
_ALIKE: Final = "".join(_LATIN)
_NOT_WORD: Final = re.compile(r"\W")
_LIMIT: Final = 64
"""Characters on each side of a lookalike that are read as one name with it.

A pattern for the whole name would read a long run of letters once for each of them.
"""


@cache
def _foreign() -> re.Pattern[str]:
    return re.compile(rf"[{_ALIKE}]+")


def spoofed(name: str) -> bool:
    """Tell a name that mixes ASCII letters with letters of other scripts that look alike."""
    foreign = [char for char in name if not char.isascii()]
    return (
        bool(foreign)
        and all(char in _LATIN for char in foreign)
        and any(char.isascii() and char.isalpha() for char in name)
    )


def find_confusables(path: str, side: SideText) -> Iterator[RawFinding]:
    """Look at the names in the added lines of a hunk; each line is told of once."""
    walk = Walk(side)
    told = 0
    for match in _foreign().finditer(side.text):
        start, end = _name_around(side.text, match.start(), match.end())
        name = side.text[start:end]
        if not spoofed(name) or is_long_line(side.text, start):
            continue
        place = walk.to(match.start())
        if not place.touched or place.line == told:
            continue
        told = place.line
        column = place.column - (match.start() - start)
        alien = next(char for char in name if not char.isascii())
        yield tell(
            rule=CONFUSABLE,
            severity="high",
            category="security",
            title="A name mixes letters that look alike",
            message=(
                f"It holds U+{ord(alien):04X}, which only looks like {_LATIN[alien]!r}, so that it "
                "is another name than it seems to be. Write it in one script."
            ),
            path=path,
            line=place.line,
            column=column,
            end_column=column + len(name),
            confidence=0.8,
        )


def _name_around(text: str, start: int, end: int) -> tuple[int, int]:
    low = max(start - _LIMIT, 0)
    before = _NOT_WORD.search(text[low:start][::-1])
    after = _NOT_WORD.search(text, end, end + _LIMIT)
    return (
        start - before.start() if before else low,
        after.start() if after else min(end + _LIMIT, len(text)),
    )
