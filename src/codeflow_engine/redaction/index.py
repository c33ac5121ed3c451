"""Try the rules where their keywords stand.

Reading a text costs one search for each literal. Most rules are of tokens that hold a
long run of letters and digits; such runs are a few per cent of source text, and the
literals of these rules are looked for in the runs alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from codeflow_engine.redaction.keys import LEAD, RUN, UUID, Key, View, keys_of
from codeflow_engine.redaction.plausible import entropy
from codeflow_engine.redaction.rule import compiled

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from re import Match, Pattern

    from codeflow_engine.redaction.rule import Rule

type Found = tuple[int, Match[str]]
"""The number of a rule, and where it matches."""


class RuleIndex:
    """The rules of a redactor, found by their keywords. Immutable but for compiled patterns."""

    __slots__ = ("_folded", "_patterns", "_plain", "_runs", "_uuids", "keys", "pad", "rules")

    def __init__(self, rules: Sequence[Rule]) -> None:
        self.rules: tuple[Rule, ...] = tuple(rules)
        self._patterns: list[Pattern[str] | None] = [None] * len(self.rules)
        self._folded = keys_of(self.rules, lambda rule: rule.ignore_case and not rule.uuid)
        self._uuids = keys_of(self.rules, lambda rule: rule.uuid)
        self._runs = keys_of(self.rules, lambda rule: rule.run and not rule.ignore_case)
        self._plain = keys_of(self.rules, lambda rule: not rule.run and not rule.ignore_case)
        self.keys: tuple[Key, ...] = (*self._folded, *self._uuids, *self._runs, *self._plain)
        longest = max((len(key.literal) + key.offset for key in self.keys), default=0)
        self.pad: int = max(RUN + LEAD, UUID) + longest

    def matches(self, text: str, view: View, start: int, end: int) -> Iterator[Found]:
        """Yield every match of a rule that begins between `start` and `end`.

        Args:
            text: The text.
            view: The same text from `start` on, to `pad` characters behind `end` at least.
            start: Where to begin.
            end: Where to stop.
        """
        uuids = self._uuids if view.holds_uuid else ()
        for letters, keys in (
            (view.folded, (*self._folded, *uuids)),
            (view.raw, self._plain),
        ):
            for key in keys:
                if key.literal in letters:
                    yield from self._matches_of(key, text, letters, start, end)
        if view.dense:
            for key in self._runs:
                if key.literal in view.dense:
                    yield from self._matches_of(key, text, view.raw, start, end)

    def _matches_of(
        self, key: Key, text: str, letters: str, start: int, end: int
    ) -> Iterator[Found]:
        for at in key.places(letters, start, end):
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


def _accepted(rule: Rule, match: Match[str]) -> bool:
    return (
        len(compiled(r"\s+").findall(match[0])) <= rule.blanks
        and (rule.entropy is None or entropy(match[rule.group]) >= rule.entropy)
        and (rule.accept is None or rule.accept(match))
    )
