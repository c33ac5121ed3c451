"""A model that makes things up: lines, files, parts, edits, words for everything."""

from __future__ import annotations

import json
import random
from typing import Any

from codeflow_engine.domain.chat import ChatRequest, Role
from codeflow_engine.testing.fakes.shown import ShownPart, fenced, parts_of

__all__ = ["Fabulist"]

_EACH = 9
"""Findings about each part."""


class Fabulist:
    """A `Script` of a model, which keeps what it has said.

    Args:
        seed: Of what it makes up.
    """

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self.said: dict[str, dict[str, Any]] = {}
        """Its findings that say anything, by their titles, each of which is another one."""

        self.empty = 0
        """How many more say nothing."""

    def __call__(self, request: ChatRequest) -> str:
        """Answer a question."""
        asked = next(one.text for one in request.messages if one.role is Role.USER)
        chance = random.Random(f"{self._seed} {asked}")  # noqa: S311 - it hides nothing
        lines = fenced(asked)
        parts = parts_of(lines)
        removed = [line[1:] for line in lines if line[:1] == "-"]
        told = [
            _Tale(chance, part, parts, removed).tell(len(self.said) + number)
            for part in parts
            for number in range(_EACH)
        ]
        for one in told:
            if one["title"]:
                one["title"] = f"Tale {len(self.said)}"
                self.said[one["title"]] = one
            else:
                self.empty += 1
        examined = [part.number for part in parts]
        answer = json.dumps({"findings": told, "examined": examined}, ensure_ascii=False)
        return chance.choice(
            [answer, f"Well:\n\n{answer}\n\nThat is all.", f"```json\n{answer}\n```"]
        )


class _Tale:
    """One finding."""

    def __init__(
        self,
        chance: random.Random,
        part: ShownPart,
        parts: list[ShownPart],
        removed: list[str],
    ) -> None:
        self._chance = chance
        self._part = part
        self._parts = parts
        self._removed = removed

    def tell(self, number: int) -> dict[str, Any]:
        """Make it up."""
        pick = self._chance.choice
        quote = self._quote()
        silent = self._chance.random() < 0.04
        return {
            "part": pick([self._part.number] * 8 + [0, -3, 999, 10**20, len(self._parts)]),
            "path": pick([self._part.path] * 8 + self._paths()),
            "quote": quote,
            "side": pick(["new", "new", "new", "old", "OLD ", "left", ""]),
            "severity": pick(["high", "critical", "Major", "catastrophe", ""]),
            "category": pick(["security", "bug", "feng shui"]),
            "rule": "" if silent else pick(["off-by-one", "Off By One!", "\u202e", "r" * 500]),
            "title": "" if silent else f"Tale {number}",
            "message": ""
            if silent
            else pick(["It is wrong.", "w " * 3000, "\x1b[2J", "line\nline"]),
            "confidence": pick([0.5, 1, -7, 1e300]),
            "replacement": self._replacement(quote),
        }

    def _paths(self) -> list[str]:
        path = self._part.path
        others = [part.path for part in self._parts]
        return [*others, path.upper(), f"./{path}", f"/{path}", "imagined.py", "", f"{path}\n"]

    def _quote(self) -> str:
        rows = [row.text for row in self._part.new_side] or [""]
        at = self._chance.randrange(len(rows))
        alone = self._part.quote(at) if self._part.new_side else ""
        line = rows[at]
        other = self._chance.choice(self._parts).new_side
        return self._chance.choice(
            [
                *[line, "\n".join(rows[at : at + 3]), alone] * 3,
                f"+{line}",
                f"  {line.strip()}   ",
                line[2:-2],
                line[:1],
                line.replace("e", "3"),
                f"{at + 1}: {line}",
                f"{line}\n...\n{rows[-1]}",
                "\n".join(rows),
                "\n".join(reversed(rows)),
                *([self._chance.choice(self._removed)] * 3 if self._removed else []),
                other[0].text if other else "",
                "launch_missiles()",
                "",
                "\n\n",
                "}",
            ]
        )

    def _replacement(self, quote: str) -> str | None:
        pad = " " * (len(quote) - len(quote.lstrip(" ")))
        return self._chance.choice(
            [
                *[None] * 3,
                *[f"{pad}mended = 1"] * 3,
                f"{pad}mended = 1\n{pad}again = 2\r\n",
                quote,
                f"{quote} (((",
                f"{pad}import evil_package",
                f"{pad}key = '[redacted:configured]'",
                f"{pad}hidden = '\u200b'",
                f"{pad}\ud800",
                "  ",
                "x = 1\n" * 500,
                f"{pad}x = '{'y' * 30_000}'",
                f"+{pad}marked = 1",
                "def",
            ]
        )
