"""Looks into plain JSON data and says where it is not what it should be."""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from typing import Any, Final, NoReturn

__all__ = ["BadReportError", "Node", "parse", "rule_name", "title_of"]

_ODD: Final = re.compile(r"[^A-Za-z0-9._/-]+")
_LONGEST_NAME: Final = 100
_LONGEST_TITLE: Final = 200


class BadReportError(Exception):
    """A report is not of its form; the message holds nothing of the report."""


@dataclass(frozen=True, slots=True)
class Node:
    """An object of the document, and the way to it."""

    value: dict[str, Any]
    place: str

    @classmethod
    def of(cls, value: Any, place: str) -> Node:
        """Wrap what has to be an object."""
        if not isinstance(value, dict):
            raise BadReportError(f"{place} is no object")
        return cls(value, place)

    def text(self, name: str) -> str | None:
        """Give a text; None where it is absent."""
        value = self.value.get(name)
        if value is not None and not isinstance(value, str):
            self._fail(name, "text")
        return value

    def whole(self, name: str) -> int | None:
        """Give a whole number; None where it is absent."""
        value = self.value.get(name)
        if value is not None and type(value) is not int:
            self._fail(name, "whole number")
        return value

    def number(self, name: str) -> float | None:
        """Give a number, also one that is written as text; None where it is absent."""
        value = self.value.get(name)
        if value is None:
            return None
        try:
            found = math.nan if isinstance(value, bool) else float(value)
        except (TypeError, ValueError, OverflowError):
            found = math.nan
        if not math.isfinite(found):
            self._fail(name, "number")
        return found

    def flag(self, name: str) -> bool | None:
        """Give a truth value; None where it is absent."""
        value = self.value.get(name)
        if value is not None and not isinstance(value, bool):
            self._fail(name, "truth value")
        return value

    def node(self, name: str) -> Node:
        """Give an object; an empty one where it is absent."""
        value = self.value.get(name)
        shown = name if name.isascii() and name.isidentifier() else "?"  # it may be the report's
        return Node.of({} if value is None else value, f"{self.place}.{shown}")

    def nodes(self, name: str) -> list[Node]:
        """Give a list of objects; an empty one where it is absent."""
        value = self.value.get(name)
        if value is not None and not isinstance(value, list):
            self._fail(name, "list")
        return [Node.of(item, f"{self.place}.{name}[{at}]") for at, item in enumerate(value or ())]

    def words(self, name: str) -> list[str]:
        """Give the texts of a list; an empty one where it is absent."""
        value = self.value.get(name)
        if value is None:
            return []
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            self._fail(name, "list of texts")
        return value

    def _fail(self, name: str, kind: str) -> NoReturn:
        raise BadReportError(f"{self.place}.{name} is no {kind}")


def parse(text: str, place: str) -> Any:
    """Read a JSON document, strictly: what two readers could take differently is refused."""
    try:
        return json.loads(text, object_pairs_hook=_unique, parse_constant=_refuse)
    except RecursionError:
        raise BadReportError(f"{place} is nested too deeply") from None
    except ValueError:
        raise BadReportError(f"{place} is no JSON") from None


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise BadReportError("an object of the document has a key twice")
    return made


def _refuse(_: str) -> NoReturn:
    raise BadReportError("a number of the document is not finite")


def rule_name(*parts: str | None) -> str:
    """Make the name of a rule of a tool's name and an id; other characters become dashes."""
    named = [_ODD.sub("-", part or "").strip("-/.")[:_LONGEST_NAME] for part in parts]
    return "/".join(part or "unnamed" for part in named)


def title_of(text: str) -> str:
    """Make a title of the first sentence of a text."""
    line = text.strip().split("\n", 1)[0].split(". ", 1)[0].strip().removesuffix(".")
    return line if len(line) <= _LONGEST_TITLE else f"{line[: _LONGEST_TITLE - 1]}…"
