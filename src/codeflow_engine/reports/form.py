"""The form of a review, checked and put in order against the shipped schema."""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Mapping
from importlib import resources
from typing import Any, NoReturn

from codeflow_engine.errors import SerializationError

__all__ = ["conform", "load_schema"]

type _Place = tuple[_Place | None, str | int]
"""A key and the place that holds it: a path that is only written out for a message."""

_ROOT: _Place = (None, "review")
_KINDS = {
    type(None): "null",
    str: "string",
    bool: "boolean",
    int: "integer",
    dict: "object",
    list: "array",
    tuple: "array",
}
_LARGEST = 2**53 - 1
"""The largest whole number that every JSON reader keeps exactly (RFC 7493, 2.2)."""

_TYPES = {
    "array": "a list",
    "boolean": "true or false",
    "integer": "a whole number",
    "null": "null",
    "number": "a finite number",
    "object": "an object",
    "string": "text",
}


def load_schema() -> dict[str, Any]:
    """Read the JSON Schema (draft 2020-12) of the review's JSON form."""
    text = resources.files(__package__).joinpath("review.schema.json").read_bytes()
    schema: dict[str, Any] = json.loads(text)
    return schema


def conform(review: Mapping[str, Any]) -> dict[str, Any]:
    """Copy a review with its keys in the order of the schema; counted reasons are sorted.

    Raises:
        SerializationError: The review does not have the form of the schema, or its outcome
            or its counts are not those of its ledger. The message names the place and never
            quotes a value.
    """
    schema = load_schema()
    plain: dict[str, Any] = _Walk(schema["$defs"]).copy(review, schema, _ROOT)
    _check_ledger(plain)
    return plain


class _Walk:
    """Copies a value along the schema; knows the keywords that the schema uses."""

    def __init__(self, definitions: Mapping[str, Any]) -> None:
        self._definitions = definitions

    def copy(self, value: Any, schema: Mapping[str, Any], where: _Place) -> Any:
        if "$ref" in schema:
            name = schema["$ref"].removeprefix("#/$defs/")
            return self.copy(value, self._definitions[name], where)
        if "anyOf" in schema:
            # The only alternative in use: a definition, or null.
            return None if value is None else self.copy(value, schema["anyOf"][0], where)
        kind = _kind_of(value)
        _check_kind(kind, schema["type"], where)
        if kind == "object":
            return self._copy_object(value, schema, where)
        if kind == "array":
            items = schema["items"]
            return [self.copy(v, items, (where, i)) for i, v in enumerate(value)]
        _check_scalar(value, schema, where)
        return value

    def _copy_object(
        self, value: Mapping[Any, Any], schema: Mapping[str, Any], where: _Place
    ) -> dict[str, Any]:
        if not all(isinstance(key, str) for key in value):
            _refuse(where, "has a key that is not text")
        extra = schema["additionalProperties"]
        if extra is not False:
            return {k: self.copy(value[k], extra, (where, "*")) for k in sorted(value)}
        known: Mapping[str, Any] = schema["properties"]
        missing = [key for key in schema["required"] if key not in value]
        if missing:
            _refuse(where, f"lacks {', '.join(missing)}")
        unknown = sum(key not in known for key in value)
        if unknown:
            _refuse(where, f"has {unknown} unknown keys")
        return {
            key: self.copy(value[key], part, (where, key))
            for key, part in known.items()
            if key in value
        }


def _kind_of(value: Any) -> str:
    known = _KINDS.get(type(value))
    if known is not None:
        return known
    if isinstance(value, float):
        return "number" if math.isfinite(value) else "infinite"
    if isinstance(value, str):
        return "string"
    return "object" if isinstance(value, Mapping) else "unknown"


def _check_kind(kind: str, allowed: str | list[str], where: _Place) -> None:
    names = [allowed] if isinstance(allowed, str) else allowed
    if kind not in names and not (kind == "integer" and "number" in names):
        _refuse(where, f"is not {' or '.join(_TYPES[name] for name in names)}")


def _check_scalar(value: Any, schema: Mapping[str, Any], where: _Place) -> None:
    if "enum" in schema and value not in schema["enum"]:
        _refuse(where, f"is none of {', '.join(map(str, schema['enum']))}")
    if value is None:
        return
    if isinstance(value, int) and abs(value) > _LARGEST:
        _refuse(where, "is too large for JSON")
    if "minimum" in schema and value < schema["minimum"]:
        _refuse(where, f"is less than {schema['minimum']}")
    if "maximum" in schema and value > schema["maximum"]:
        _refuse(where, f"is more than {schema['maximum']}")
    if "pattern" in schema and re.fullmatch(schema["pattern"], value) is None:
        _refuse(where, f"does not match {schema['pattern']}")


def _check_ledger(review: Mapping[str, Any]) -> None:
    """Refuse a review that says of itself something else than its ledger says."""
    place = (_ROOT, "coverage")
    coverage = review["coverage"]
    entries = coverage["entries"]
    states = Counter(entry["state"] for entry in entries)
    counts = {
        "units": len(entries),
        "hunks": sum(entry["hunk"] is not None for entry in entries),
        **{state: states[state] for state in ("reviewed", "excluded", "skipped", "failed")},
    }
    wrong = [name for name, count in counts.items() if coverage[name] != count]
    if wrong:
        _refuse(place, f"counts other {', '.join(wrong)} than its entries hold")
    for index, entry in enumerate(entries):
        where = ((place, "entries"), index)
        if entry["state"] == "reviewed" and not entry["by"]:
            _refuse(where, "is reviewed by nobody")
        if entry["state"] != "reviewed" and not (entry["reason"] or "").strip():
            _refuse(where, "gives no reason")
    outcome = _derive(states, examined=any(entry["by"] for entry in entries))
    if review["outcome"] != outcome:
        _refuse((_ROOT, "outcome"), f"is not {outcome}, which its coverage means")


def _derive(states: Mapping[str, int], *, examined: bool) -> str:
    if not states["skipped"] and not states["failed"]:
        return "reviewed"
    if examined:
        return "partial"
    return "failed" if states["failed"] else "skipped"


def _refuse(where: _Place, problem: str) -> NoReturn:
    raise SerializationError(f"not a review: {_write(where)} {problem}")


def _write(where: _Place) -> str:
    parent, key = where
    if parent is None:
        return str(key)
    return _write(parent) + (f"[{key}]" if isinstance(key, int) else f".{key}")
