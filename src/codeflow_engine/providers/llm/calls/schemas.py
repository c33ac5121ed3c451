"""Which JSON Schemas a model can be held to strictly."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

__all__ = ["is_strict"]

_KEYWORDS: Final = frozenset(
    {
        *("type", "properties", "required", "additionalProperties", "items", "enum", "const"),
        *("anyOf", "$ref", "$defs", "definitions", "title", "description", "pattern", "format"),
        *("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
        *("minItems", "maxItems"),
    }
)
"""What OpenAI's guide to structured outputs lists as supported under `strict`."""

_DEEP: Final = 10
"""Levels of objects in objects; the same guide's limit."""


def is_strict(schema: Mapping[str, Any]) -> bool:
    """Say whether OpenAI takes a schema with `strict`; with another one it answers 400.

    Each object has to name all its properties as required and to allow no others, and no
    keyword may stand in it that the guide does not list.
    """
    return schema.get("type") == "object" and "anyOf" not in schema and _fits(schema, 0)


def _fits(schema: Any, deep: int) -> bool:
    if not isinstance(schema, Mapping) or not _KEYWORDS.issuperset(schema) or deep > _DEEP:
        return False
    parts: list[Any] = []
    if schema.get("type") == "object" or "properties" in schema:
        properties = schema.get("properties", {})
        if not _is_closed(schema, properties):
            return False
        parts += properties.values()
    for name in ("$defs", "definitions"):
        parts += _values(schema.get(name))
    any_of = schema.get("anyOf", ())
    parts += any_of if isinstance(any_of, Sequence) else [None]
    parts += [schema["items"]] if "items" in schema else []
    return all(_fits(part, deep + 1) for part in parts)


def _is_closed(schema: Mapping[str, Any], properties: Any) -> bool:
    if not isinstance(properties, Mapping) or schema.get("additionalProperties") is not False:
        return False
    required = schema.get("required", ())
    return isinstance(required, Sequence) and set(required) == set(properties)


def _values(named: Any) -> list[Any]:
    return list(named.values()) if isinstance(named, Mapping) else []
