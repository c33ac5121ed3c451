"""A JSON Schema as alternatives: flat schemas without references and combinations."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any, Final

from codeflow_engine.errors import ConfigurationError

__all__ = ["TYPES", "Flat", "flatten", "infer_types"]

type Flat = dict[str, Any]
"""Keywords that hold together for one value; `$ref`, `allOf`, `anyOf` and `oneOf` are in it."""

TYPES: Final = ("number", "string", "array", "object", "null", "boolean")
"""The types of JSON, those of the shorter values first; `integer` is one more in a schema."""

_SPOKEN_OF: Final = {
    "object": {
        *("properties", "required", "additionalProperties", "minProperties", "maxProperties"),
        *("patternProperties", "propertyNames", "dependentRequired"),
    },
    "array": {"items", "prefixItems", "minItems", "maxItems", "contains", "uniqueItems"},
    "string": {"minLength", "maxLength", "pattern", "format"},
    "number": {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"},
}
_LARGER: Final = {
    *("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties", "minContains"),
}
_SMALLER: Final = {
    *("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties", "maxContains"),
}
_BY_NAME: Final = {"properties", "patternProperties"}
_BOTH: Final = {"items", "additionalProperties", "propertyNames", "contains"}
_COMBINES: Final = {"$ref", "allOf", "anyOf", "oneOf", "if", "then", "else"}


def flatten(schema: Any, root: Any, seen: tuple[str, ...] = ()) -> Iterator[Flat]:
    """Give what a schema allows as alternatives, in the order in which it names them.

    Whatever fits the schema fits one of them. The reverse is not so, as `not`, `oneOf` and
    more say what a flat schema cannot: whoever makes a value has it judged by the schema.

    Args:
        schema: A part of `root`.
        root: The whole schema, in which references point.
        seen: References on the way here; one that leads to itself allows nothing.
    """
    if schema is False:
        return
    if not isinstance(schema, Mapping):
        yield {}
        return
    own = {word: value for word, value in schema.items() if word not in _COMBINES}
    at: list[Iterator[Flat]] = [iter([own])]
    for parts in _parts(schema, root, seen):
        at.append(_product(at.pop(), parts))
    yield from at[0]


def _parts(schema: Mapping[str, Any], root: Any, seen: tuple[str, ...]) -> Iterator[list[Flat]]:
    """Give the groups of alternatives of which one each has to hold beside the others."""
    reference = schema.get("$ref")
    if isinstance(reference, str):
        if reference in seen:
            yield []
        else:
            yield list(flatten(_resolve(reference, root), root, (*seen, reference)))
    for each in schema.get("allOf", ()):
        yield list(flatten(each, root, seen))
    for word in ("anyOf", "oneOf"):
        if word in schema:
            yield [flat for each in schema[word] for flat in flatten(each, root, seen)]
    if "if" in schema:
        met = {"allOf": [schema["if"], schema.get("then", True)]}
        unmet = schema.get("else", True)
        yield [flat for each in (met, unmet) for flat in flatten(each, root, seen)]


def _product(left: Iterator[Flat], right: list[Flat]) -> Iterator[Flat]:
    return (merged for one in left for two in right if (merged := _merge(one, two)) is not None)


def _resolve(reference: str, root: Any) -> Any:
    """Follow a reference within the schema; one that leads elsewhere is never fetched."""
    elsewhere = ConfigurationError(
        f"echo cannot answer: the schema refers to {reference!r}, which is no place in it"
    )
    if reference != "#" and not reference.startswith("#/"):
        raise elsewhere
    at = root
    for step in reference.split("/")[1:]:
        name = step.replace("~1", "/").replace("~0", "~")
        if isinstance(at, Mapping) and name in at:
            at = at[name]
        elif isinstance(at, list) and name.isdecimal() and int(name) < len(at):
            at = at[int(name)]
        else:
            raise elsewhere
    return at


def _merge(left: Flat, right: Flat) -> Flat | None:
    """Put two flat schemas together; None where no value can fit both."""
    merged = dict(left)
    for word, value in right.items():
        merged[word] = _both(word, merged[word], value) if word in merged else value
    if merged.get("type") == [] or merged.get("enum") == []:
        return None
    return merged


def _both(word: str, left: Any, right: Any) -> Any:  # noqa: C901 - one list of words
    if left == right and type(left) is type(right):
        return left
    if word == "type":
        return _common_types(left, right)
    if word == "enum":
        return [value for value in left if value in right]
    if word in _LARGER:
        return max(left, right)
    if word in _SMALLER:
        return min(left, right)
    if word == "multipleOf" and isinstance(left, int) and isinstance(right, int):
        return math.lcm(left, right)
    if word == "required":
        return list(dict.fromkeys([*left, *right]))
    if word == "dependentRequired":
        names = [*left, *right]
        return {name: [*left.get(name, ()), *right.get(name, ())] for name in names}
    if word in _BY_NAME:
        shared = {name: {"allOf": [left[name], right[name]]} for name in left if name in right}
        return {**left, **right, **shared}
    if word in _BOTH:
        return {"allOf": [left, right]}
    if word == "prefixItems":
        pairs = [{"allOf": list(pair)} for pair in zip(left, right, strict=False)]
        return [*pairs, *left[len(pairs) :], *right[len(pairs) :]]
    return left or right


def _common_types(left: Any, right: Any) -> list[str]:
    ones, others = _listed(left), _listed(right)
    found = [one for one in ones if one in others]
    # A number of one side and an integer of the other have integers in common.
    for numbers, integers in ((ones, others), (others, ones)):
        if "number" in numbers and "integer" in integers and "integer" not in found:
            found.append("integer")
    return found


def _listed(types: Any) -> list[str]:
    return [types] if isinstance(types, str) else list(types)


def infer_types(flat: Flat) -> list[str]:
    """List the types that a value may have; those first that the schema speaks of.

    `{"required": ["a"]}` allows 0 too, since its words bind objects alone. Whoever wrote it
    thought of an object.
    """
    if "type" in flat:
        return _listed(flat["type"])
    spoken = [kind for kind, words in _SPOKEN_OF.items() if words & flat.keys()]
    return spoken + [kind for kind in TYPES if kind not in spoken]
