"""The form in which a model is asked for its findings; `prompts/inspect.md` describes it.

It keeps to what the strict modes of all vendors know: each property is required, no other is
allowed, and there are no limits in it. Severity and category are plain texts: a model that
calls a severity `major` has said enough, and a list of words would have the whole answer asked
for, and paid, again.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from codeflow_engine.domain.diff import Side
from codeflow_engine.domain.finding import Category, Severity

__all__ = ["FORM"]


def _text(description: str) -> dict[str, Any]:
    return {"type": "string", "description": description}


def _one_of(words: type[Severity | Category | Side]) -> dict[str, Any]:
    return _text(f"one of: {', '.join(words)}")


def _object(properties: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": dict(properties),
        "required": list(properties),
        "additionalProperties": False,
    }


_FINDING: Final = _object(
    {
        "part": {"type": "integer", "description": "number of the part"},
        "path": _text("the file, as the part names it"),
        "quote": _text("the wrong lines, copied character by character, without marks"),
        "side": _one_of(Side),
        "severity": _one_of(Severity),
        "category": _one_of(Category),
        "rule": _text("the kind of defect, in kebab-case"),
        "title": _text("one line that says what is wrong"),
        "message": _text("why it is wrong, when it shows, and what to do"),
        "confidence": {"type": "number", "description": "from 0 to 1"},
        "replacement": {
            "description": "whole lines in place of the quoted ones, or null",
            "anyOf": [{"type": "string"}, {"type": "null"}],
        },
    }
)

FORM: Final[Mapping[str, Any]] = _object(
    {
        "findings": {"type": "array", "items": _FINDING},
        "examined": {
            "type": "array",
            "description": "numbers of all parts that were read to their end",
            "items": {"type": "integer"},
        },
    }
)
"""JSON Schema of an answer."""
