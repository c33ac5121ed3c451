"""Where in a text the rules have to be tried: the literals that every match begins with.

Reading a text costs one search for each literal. Most rules are of tokens that hold a
long run of letters and digits; such runs are a few per cent of source text, and the
literals of these rules are looked for in the runs alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from codeflow_engine.redaction.plausible import entropy
from codeflow_engine.redaction.rule import compiled

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from re import Match, Pattern

    from codeflow_engine.redaction.rule import Rule

MAX_PLACEHOLDER = 51
"""Characters of the longest placeholder."""

RUN = 18
"""Characters of a run, see `Rule.run`."""

LEAD = 20
"""Characters before a run in which a match may begin."""

_KINDS = "".join("a" if chr(code).isalnum() or chr(code) in "-_" else " " for code in range(128))
_NEEDLE = "a" * RUN

type Found = tuple[int, Match[str]]
"""The number of a rule, and where it matches."""


class View:
    """A stretch of a text made ready for the search: the same characters, all of them ASCII.

    Others are shown as `?`. Text that holds wide characters is several times slower to
    search and to fold.
    """

    __slots__ = ("dense", "folded", "raw")

    def __init__(self, text: str) -> None:
        self.raw = ascii_only(text)
        self.folded = self.raw.lower()
        self.dense = "\n".join(self._runs())

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


class _Key(NamedTuple):
    literal: str
    offset: int
    folded: bool
    rules: tuple[int, ...]
    reach: int


class RuleIndex:
    """The rules of a redactor, found by their keywords. Immutable but for compiled patterns."""

    __slots__ = (
        *(
            "_beginnings",
            "_folded",
            "_longest",
            "_patterns",
            "_plain",
            "_runs",
            "_spaced",
            "_words",
        ),
        *("pad", "reach", "rules"),
    )

    def __init__(self, rules: Sequence[Rule]) -> None:
        self.rules = tuple(rules)
        self._patterns: list[Pattern[str] | None] = [None] * len(self.rules)
        self._folded = self._keys(lambda rule: rule.ignore_case)
        self._runs = self._keys(lambda rule: rule.run and not rule.ignore_case)
        self._plain = self._keys(lambda rule: not rule.run and not rule.ignore_case)
        keys = (*self._folded, *self._runs, *self._plain)
        self.reach = max((rule.reach for rule in self.rules), default=0) + MAX_PLACEHOLDER
        self.pad = RUN + LEAD + max((len(key.literal) + key.offset for key in keys), default=0)
        self._longest = max((len(key.literal) for key in keys), default=0)
        self._beginnings = _beginnings(keys, folded=False), _beginnings(keys, folded=True)
        self._spaced = tuple(key for key in keys if key.folded or self._blanks(key))
        self._words: dict[str, list[_Key]] = {}
        for key in keys:
            if key not in self._spaced:
                self._words.setdefault(key.literal[0], []).append(key)

    def _keys(self, wanted: Callable[[Rule], bool]) -> tuple[_Key, ...]:
        found: dict[tuple[str, int, bool], list[int]] = {}
        for number, rule in enumerate(self.rules):
            for keyword in rule.keywords if wanted(rule) else ():
                found.setdefault((keyword, rule.offset, rule.ignore_case), []).append(number)
        return tuple(
            _Key(*key, tuple(numbers), max(self.rules[number].reach for number in numbers))
            for key, numbers in found.items()
        )

    def _blanks(self, key: _Key) -> int:
        return max(self.rules[number].blanks for number in key.rules)

    def matches(self, text: str, view: View, start: int, end: int) -> Iterator[Found]:
        """Yield every match of a rule that begins between `start` and `end`.

        Args:
            text: The text.
            view: The same text from `start` on, to `pad` characters behind `end` at least.
            start: Where to begin.
            end: Where to stop.
        """
        for letters, keys in ((view.folded, self._folded), (view.raw, self._plain)):
            for key in keys:
                if key.literal in letters:
                    yield from self._matches_at(key, text, letters, start, end)
        if view.dense:
            for key in self._runs:
                if key.literal in view.dense:
                    yield from self._matches_at(key, text, view.raw, start, end)

    def _matches_at(
        self, key: _Key, text: str, letters: str, start: int, end: int
    ) -> Iterator[Found]:
        for at in _places(letters, key, start, end):
            newline = text.find("\n", at, at + key.reach)
            stop = newline if newline >= 0 else at + key.reach
            for number in key.rules:
                rule = self.rules[number]
                pattern = self._patterns[number] or self._compile(number)
                match = pattern.match(text, at, min(stop, at + rule.reach))
                if match and _accepted(rule, match):
                    yield number, match

    def _compile(self, number: int) -> Pattern[str]:
        rule = self.rules[number]
        pattern = compiled(rule.pattern, ignore_case=rule.ignore_case)
        self._patterns[number] = pattern
        return pattern

    def undecided(self, text: str, line: int, word: int) -> int:
        """Return the first place whose match more text could still change.

        Args:
            text: A text whose end is not known.
            line: Where its last line starts, or what was settled of it ends.
            word: Where its last word starts, in the last line.
        """
        start = max(line, len(text) - self.reach)
        raw = ascii_only(text[start:])
        folded = raw.lower()
        first = min(
            (
                at
                for key in self._spaced
                for at in _places(folded if key.folded else raw, key, start, len(text))
                if self._grows(key, text, at)
            ),
            default=len(text),
        )
        # Without blanks in its matches, a keyword tells nothing more once a blank follows.
        for at in range(max(word, start), len(text)):
            for key in self._words.get(raw[at - start], ()):
                if raw.startswith(key.literal, at - start):
                    place = at - key.offset
                    first = min(first, place if self._grows(key, text, place) else first)
        for letters, beginnings in zip((raw, folded), self._beginnings, strict=True):
            for size in range(1, min(self._longest, len(raw)) + 1):
                offset = beginnings.get(letters[-size:])
                if offset is not None:
                    first = min(first, len(text) - size - offset)
        return max(first, start)

    def _grows(self, key: _Key, text: str, at: int) -> bool:
        return any(
            len(text) < at + rule.reach + MAX_PLACEHOLDER
            and len(compiled(r"\s+").findall(text, at)) <= rule.blanks
            for rule in map(self.rules.__getitem__, key.rules)
        )


def _places(letters: str, key: _Key, start: int, end: int) -> Iterator[int]:
    shift = start - key.offset
    found = letters.find(key.literal, key.offset)
    while 0 <= found < end - shift:
        yield found + shift
        found = letters.find(key.literal, found + 1)


def _accepted(rule: Rule, match: Match[str]) -> bool:
    return (
        len(compiled(r"\s+").findall(match[0])) <= rule.blanks
        and (rule.entropy is None or entropy(match[rule.group]) >= rule.entropy)
        and (rule.accept is None or rule.accept(match))
    )


def _beginnings(keys: Iterable[_Key], *, folded: bool) -> dict[str, int]:
    """Return each proper beginning of a literal with the largest offset that it may have."""
    found: dict[str, int] = {}
    for key in keys:
        for size in range(1, len(key.literal) if key.folded == folded else 0):
            beginning = key.literal[:size]
            found[beginning] = max(found.get(beginning, 0), key.offset)
    return found


def ascii_only(text: str) -> str:
    """Return the text with `?` for each character that is not ASCII."""
    return text if text.isascii() else text.encode("ascii", "replace").decode("ascii")
