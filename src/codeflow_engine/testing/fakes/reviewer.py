"""A model that reviews by patterns, well or badly."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Any, Final

from codeflow_engine.domain.chat import ChatRequest, Role
from codeflow_engine.domain.finding import Category, Severity
from codeflow_engine.errors import ConfigurationError
from codeflow_engine.testing.fakes.shown import ShownPart, fenced, parts_of

__all__ = ["Reviewer", "ReviewerHabit"]

_ENDLESS: Final = 5_000_000
_ORDER: Final = "SAY:"
_FINDINGS: Final = "findings:"

_OPENINGS: Final = ("Unsafe use of", "Do not trust", "Risk in", "Defect around", "Look again at")
_CLOSINGS: Final = (
    "It does what it should not, whenever it is reached.",
    "Whoever reaches this line can make it fail.",
    "This goes wrong in ordinary use; take another way.",
)


class ReviewerHabit(StrEnum):
    """A way in which models go wrong."""

    PROSE = "prose"
    """Words around the JSON."""

    ENDLESS = "endless"
    """The same again and again, for 5 MB."""

    SILENT = "silent"
    """It names no part as read."""

    FORGETFUL = "forgetful"
    """It names all parts but the last as read."""

    STRAY_PATHS = "stray-paths"
    """Findings in files that it was not shown."""

    STRAY_PARTS = "stray-parts"
    """Numbers of parts that there are not."""

    INVENTED_LINES = "invented-lines"
    """Quotes of what stands nowhere."""

    INVENTED_FINDINGS = "invented-findings"
    """One more finding about each part, of a line that stands nowhere."""

    BROKEN_EDITS = "broken-edits"
    """Replacements that do not parse."""


class Reviewer:
    r"""Says what is wrong with each added line that matches a pattern; a `Script` of a model.

    ```python
    llm = FakeLLM(Reviewer({"eval": r"\beval\("}))
    ```

    It answers in the form of the strategy `single`: with the lines that match, quoted so that
    they stand at one place, and with all parts as read. Asked by the critic, it agrees with
    every finding. The same question has the same answer, in any order and in any process.

    Args:
        patterns: Regular expressions for added lines, each under the rule of its findings.
        edits: By rule, what takes the place of what matched, as in `re.sub`.
        severity: That of all findings.
        category: That of all findings.
        agrees: Confidence that it has, in what it finds and as the critic.
        seed: With another one it says the same in other words.
        obeys: Whether it does what the change tells it: a line with `SAY: {...}` makes it
            answer with what stands after the colon.
        habits: Ways in which it goes wrong.
    """

    def __init__(
        self,
        patterns: Mapping[str, str],
        *,
        edits: Mapping[str, str] | None = None,
        severity: Severity = Severity.HIGH,
        category: Category = Category.SECURITY,
        agrees: float = 0.9,
        seed: int = 0,
        obeys: bool = False,
        habits: Collection[ReviewerHabit] = (),
    ) -> None:
        self._patterns = {rule: re.compile(pattern) for rule, pattern in patterns.items()}
        self._edits = dict(edits or {})
        self._severity = severity
        self._category = category
        self._agrees = agrees
        self._seed = seed
        self._obeys = obeys
        self._habits = frozenset(habits)

    def __call__(self, request: ChatRequest) -> str:
        """Answer a question.

        Raises:
            ConfigurationError: It is neither the question of a review nor that of the critic.
        """
        lines = fenced(_asked(request))
        order = next((line for line in lines if _ORDER in line), None)
        if self._obeys and order is not None:
            return order.partition(_ORDER)[2].strip()
        wanted = (request.answer_schema or {}).get("properties", {})
        if "verdicts" in wanted:
            return self._written({"verdicts": self._verdicts(lines)})
        if "findings" not in wanted:
            raise ConfigurationError("a Reviewer answers to `single` and to the critic alone")
        parts = parts_of(lines)
        examined = [part.number for part in parts]
        if ReviewerHabit.SILENT in self._habits:
            examined = []
        elif ReviewerHabit.FORGETFUL in self._habits:
            examined = examined[:-1]
        findings = [one for part in parts for one in self._findings(part)]
        return self._written({"findings": findings, "examined": examined})

    def _written(self, told: dict[str, list[Any]]) -> str:
        text = json.dumps(told, ensure_ascii=False)
        if ReviewerHabit.ENDLESS in self._habits:
            most = max(told, key=lambda key: len(json.dumps(told[key])))
            again = told[most] or [0]
            often = _ENDLESS // len(json.dumps(again)) + 1
            text = json.dumps(told | {most: again * often}, ensure_ascii=False)
        if ReviewerHabit.PROSE in self._habits:
            text = f"Here is what I think of this change:\n\n{text}\n\nTell me if you want more."
        return text

    def _verdicts(self, lines: Sequence[str]) -> list[dict[str, Any]]:
        last = max((at for at, line in enumerate(lines) if line == _FINDINGS), default=len(lines))
        numbers = [json.loads(line)["number"] for line in lines[last + 1 :]]
        return [
            {"number": number, "why": "the code shows it", "confidence": self._agrees}
            for number in numbers
        ]

    def _findings(self, part: ShownPart) -> Iterator[dict[str, Any]]:
        for place, row in enumerate(part.new_side):
            for rule, pattern in self._patterns.items():
                if row.is_added and pattern.search(row.text):
                    quote = part.quote(place)
                    edit = self._edits.get(rule)
                    mended = None if edit is None else pattern.sub(edit, quote)
                    yield self._finding(part, rule, quote, mended)
        if ReviewerHabit.INVENTED_FINDINGS in self._habits:
            quote = f"launch_missiles({self._digest(part.path) % 1000})"
            yield self._finding(part, "invented", quote, None)

    def _finding(
        self, part: ShownPart, rule: str, quote: str, mended: str | None
    ) -> dict[str, Any]:
        path, number = part.path, part.number
        if ReviewerHabit.STRAY_PATHS in self._habits:
            path = f"imagined/{self._digest(path) % 1000}.py"
        if ReviewerHabit.STRAY_PARTS in self._habits:
            number += 1_000
        if ReviewerHabit.INVENTED_LINES in self._habits:
            quote = "\n".join(f"{line}  # as I remember it" for line in quote.split("\n"))
        if ReviewerHabit.BROKEN_EDITS in self._habits:
            mended = f"{quote} ((("
        digest = self._digest(rule, quote, path)
        opening = _OPENINGS[digest % len(_OPENINGS)]
        return {
            "part": number,
            "path": path,
            "quote": quote,
            "side": "new",
            "severity": self._severity.value,
            "category": self._category.value,
            "rule": rule,
            "title": f"{opening} {rule.replace('-', ' ')}",
            "message": _CLOSINGS[digest // len(_OPENINGS) % len(_CLOSINGS)],
            "confidence": self._agrees,
            "replacement": mended,
        }

    def _digest(self, *told: str) -> int:
        """Make a number of texts and the seed: what is random about its words."""
        text = "\0".join((str(self._seed), *told))
        data = text.encode("utf-8", "surrogatepass")
        return int.from_bytes(hashlib.sha256(data).digest()[:8])


def _asked(request: ChatRequest) -> str:
    """Give what the user said first: a repair of the answer is asked for after it."""
    return next((one.text for one in request.messages if one.role is Role.USER), "")
