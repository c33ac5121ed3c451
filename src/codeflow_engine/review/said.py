"""What models say in forms: JSON Schemas that all vendors take, and texts within bounds.

The forms keep to what the strict modes of all vendors know: each property is required, no other
is allowed, and there are no limits in them. Words of a list are plain texts: a model that calls a
label otherwise has said enough, and a list would have the whole answer asked for, and paid, again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from codeflow_engine.redaction import Redactor
from codeflow_engine.review.readable import readable_text

__all__ = ["form", "items", "number", "one_of", "shortened", "text", "words"]

_CUT: Final = "…"


def form(**properties: Mapping[str, Any]) -> dict[str, Any]:
    """Make the schema of an object."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def items(of: Mapping[str, Any], description: str) -> dict[str, Any]:
    """Make the schema of a list."""
    return {"type": "array", "items": of, "description": description}


def text(description: str) -> dict[str, Any]:
    """Make the schema of a text."""
    return {"type": "string", "description": description}


def one_of(names: Iterable[str]) -> dict[str, Any]:
    """Make the schema of one word of a list."""
    return text(f"one of: {', '.join(names)}")


def number(description: str) -> dict[str, Any]:
    """Make the schema of a whole number."""
    return {"type": "integer", "description": description}


def words(said: str, most: int, redactor: Redactor, *, lines: bool = True) -> str:
    """Give what a model said without secrets, without what nobody sees, and not too long.

    Args:
        said: Any text.
        most: Characters that are kept.
        redactor: Knows the secrets; they are looked for before anything is cut.
        lines: Whether it may have several lines.
    """
    told = readable_text(said, redactor).strip()
    return shortened(told if lines else " ".join(told.split()), most)


def shortened(told: str, most: int) -> str:
    """Cut a text visibly where it has more characters than there is room for."""
    return told if len(told) <= most else told[: most - 1].rstrip() + _CUT
