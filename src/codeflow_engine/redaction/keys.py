"""The literals that every match begins with, and the text made ready to look for them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from codeflow_engine.redaction.rule import compiled

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from codeflow_engine.redaction.rule import Rule

MAX_PLACEHOLDER = 51
"""Characters of the longest placeholder."""

RUN = 18
"""Characters of a run, see `Rule.run`."""

LEAD = 20
"""Characters before a run in which its keyword may begin."""

UUID = 112 + 36
"""Characters from the beginning of a keyword to the end of its UUID, see `Rule.uuid`."""

# It begins with a literal, so that the search for it is no slower than that for a keyword.
_UUID = rf"-{3 * '[0-9A-Fa-f]{4}-'}"
_KINDS = "".join("a" if chr(code).isalnum() or chr(code) in "-_" else " " for code in range(128))
_NEEDLE = "a" * RUN


class Key(NamedTuple):
    """A literal with the rules that it is a keyword of."""

    literal: str
    offset: int
    folded: bool
    """Whether it is looked for in lower-case text."""

    rules: tuple[int, ...]
    """The rules' numbers."""

    reach: int
    """The longest reach of these rules."""

    blanks: int
    """The most blanks that these rules allow."""

    def places(self, letters: str, start: int, end: int) -> Iterator[int]:
        """Yield each place from `start` to `end` where a match may begin.

        Args:
            letters: The text from `start` on, in lower case if the literal is.
            start: Offset of these letters in the text.
            end: Where to stop.
        """
        shift = start - self.offset
        found = letters.find(self.literal, self.offset)
        while 0 <= found < end - shift:
            yield found + shift
            found = letters.find(self.literal, found + 1)


def keys_of(rules: Sequence[Rule], wanted: Callable[[Rule], bool]) -> tuple[Key, ...]:
    """Return the keywords of the wanted ones among some rules."""
    found: dict[tuple[str, int, bool], list[int]] = {}
    for number, rule in enumerate(rules):
        for keyword in rule.keywords if wanted(rule) else ():
            found.setdefault((keyword, rule.offset, rule.ignore_case), []).append(number)
    return tuple(
        Key(
            *key,
            rules=tuple(numbers),
            reach=max(rules[number].reach for number in numbers),
            blanks=max(rules[number].blanks for number in numbers),
        )
        for key, numbers in found.items()
    )


class View:
    """A stretch of a text made ready for the search: the same characters, all of them ASCII.

    Others are shown as `?`. Text that holds wide characters is several times slower to
    search and to fold.
    """

    __slots__ = ("dense", "folded", "raw")

    def __init__(self, text: str) -> None:
        self.raw: str = ascii_only(text)
        self.folded: str = self.raw.lower()
        self.dense: str = "\n".join(self._runs())

    @property
    def holds_uuid(self) -> bool:
        """Whether a UUID may stand in it: that is a run, too."""
        return compiled(_UUID).search(self.dense) is not None

    def _runs(self) -> Iterator[str]:
        kinds = self.raw.translate(_KINDS)
        start = kinds.find(_NEEDLE)
        while start >= 0:
            end = kinds.find(" ", start + RUN)
            end = end if end >= 0 else len(kinds)
            # Long names in camel case are letters alone, which no token is.
            if not self.raw[start:end].isalpha():
                yield self.raw[max(start - LEAD, 0) : end]
            start = kinds.find(_NEEDLE, end)


def ascii_only(text: str) -> str:
    """Return the text with `?` for each character that is not ASCII."""
    return text if text.isascii() else text.encode("ascii", "replace").decode("ascii")
