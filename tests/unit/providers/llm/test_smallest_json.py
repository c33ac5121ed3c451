"""The smallest JSON that a schema allows."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from codeflow_engine.errors import ConfigurationError
from codeflow_engine.providers.llm.smallest import smallest_json

NAMES = st.sampled_from(["path", "line", "title", "severity", "a b", "é"])
RECURSIVE = {
    "$defs": {
        "node": {
            "type": "object",
            "required": ["next"],
            "properties": {"next": {"anyOf": [{"$ref": "#/$defs/node"}, {"type": "null"}]}},
        }
    },
    "$ref": "#/$defs/node",
}


def numbers(draw: st.DrawFn) -> dict[str, Any]:
    """Draw the schema of a number between bounds that leave room."""
    low = draw(st.integers(-50, 50))
    span = draw(st.integers(4, 90))
    schema: dict[str, Any] = {"type": draw(st.sampled_from(["integer", "number"]))}
    bounds = {
        draw(st.sampled_from(["minimum", "exclusiveMinimum"])): low,
        draw(st.sampled_from(["maximum", "exclusiveMaximum"])): low + span,
    }
    for word in draw(st.sets(st.sampled_from(sorted(bounds)))):
        schema[word] = bounds[word]
    if draw(st.booleans()):
        schema["multipleOf"] = draw(st.sampled_from([1, 2]))
    return schema


@st.composite
def scalars(draw: st.DrawFn) -> dict[str, Any]:
    """Draw the schema of a value without parts."""
    values = st.one_of(st.none(), st.booleans(), st.integers(-9, 9), st.text(max_size=5))
    match draw(st.integers(0, 4)):
        case 0:
            return {"enum": draw(st.lists(values, min_size=1, max_size=4))}
        case 1:
            return {"const": draw(values)}
        case 2:
            return numbers(draw)
        case 3:
            return {"type": draw(st.sampled_from(["boolean", "null", ["null", "string"]]))}
        case _:
            fewest = draw(st.integers(0, 20))
            most = fewest + draw(st.integers(0, 5))
            return {"type": "string", "minLength": fewest, "maxLength": most}


def wider(inner: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    """Draw a schema of parts, each of which allows something."""

    @st.composite
    def objects(draw: st.DrawFn) -> dict[str, Any]:
        held = draw(st.dictionaries(NAMES, inner, max_size=4))
        needed = draw(st.sets(st.sampled_from(sorted(held)))) if held else set()
        fewest = draw(st.integers(0, len(held)))
        closed = draw(st.booleans())
        return {
            "type": "object",
            "properties": held,
            "required": sorted(needed),
            "minProperties": fewest,
            "additionalProperties": not closed,
        }

    @st.composite
    def arrays(draw: st.DrawFn) -> dict[str, Any]:
        fewest = draw(st.integers(0, 3))
        schema = {"type": "array", "items": draw(inner), "minItems": fewest}
        if draw(st.booleans()):
            schema["prefixItems"] = draw(st.lists(inner, min_size=1, max_size=2))
        if draw(st.booleans()):
            schema |= {"contains": {"const": "found"}, "items": True, "maxItems": fewest + 3}
        return schema

    @st.composite
    def combined(draw: st.DrawFn) -> dict[str, Any]:
        parts = draw(st.lists(inner, min_size=1, max_size=3))
        match draw(st.integers(0, 2)):
            case 0:
                return {"anyOf": parts}
            case 1:
                tagged = [
                    {"properties": {"kind": {"const": at}, "of": part}, "required": ["kind", "of"]}
                    for at, part in enumerate(parts)
                ]
                return {"type": "object", "oneOf": tagged}
            case _:
                apart = [
                    {"properties": {f"p{at}": part}, "required": [f"p{at}"]}
                    for at, part in enumerate(parts)
                ]
                return {"type": "object", "allOf": apart}

    return st.one_of(objects(), arrays(), combined())


SCHEMAS = st.recursive(scalars(), wider, max_leaves=12)


def referred(schema: dict[str, Any]) -> dict[str, Any]:
    """Put a schema where a reference leads to it."""
    return {"$defs": {"a/b~c": schema}, "$ref": "#/$defs/a~1b~0c"}


@given(st.one_of(SCHEMAS, SCHEMAS.map(referred)))
def test_a_schema_that_allows_something_is_answered(schema: dict[str, Any]) -> None:
    """Whatever can be met is met, by JSON that another reader of schemas accepts."""
    text = smallest_json(schema)

    jsonschema.Draft202012Validator(schema).validate(json.loads(text))
    assert text == smallest_json(schema)


@given(st.lists(SCHEMAS, min_size=2, max_size=3))
def test_what_schemas_have_in_common_is_true_or_refused(schemas: list[dict[str, Any]]) -> None:
    """A combination that may allow nothing is met truly, or refused with a typed error."""
    for word in ("allOf", "oneOf"):
        schema = {word: schemas}
        try:
            value = json.loads(smallest_json(schema))
        except ConfigurationError:
            continue
        jsonschema.Draft202012Validator(schema).validate(value)


@pytest.mark.parametrize(
    ("schema", "smallest"),
    [
        ({}, "0"),
        ({"type": "object"}, "{}"),
        ({"required": ["a"]}, '{"a":0}'),
        ({"type": "array", "items": {"type": "string"}}, "[]"),
        ({"type": "array", "uniqueItems": True, "minItems": 3}, "[0,1,2]"),
        ({"enum": ["critical", "low"]}, '"critical"'),
        ({"type": "number", "minimum": 0.2, "maximum": 0.9}, "0.2"),
        ({"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1}, "0.5"),
        ({"type": "integer", "exclusiveMinimum": 1.5, "multipleOf": 7}, "7"),
        ({"type": "integer", "maximum": -3}, "-3"),
        ({"allOf": [{"type": "number"}, {"type": "integer", "minimum": 4}]}, "4"),
        ({"anyOf": [{"const": "long"}, {"type": "null"}]}, "null"),
        ({"oneOf": [{"type": "integer"}, {"type": "number"}]}, "0.5"),
        ({"type": "string", "not": {"const": ""}}, '"b"'),
        ({"type": "string", "format": "date"}, '"2000-01-01"'),
        ({"type": "string", "pattern": "^v[0-9]$", "examples": ["v1"]}, '"v1"'),
        ({"if": {"type": "string"}, "then": {"minLength": 2}, "type": "string"}, '"aa"'),
        ({"required": ["a"], "dependentRequired": {"a": ["b"]}}, '{"a":0,"b":0}'),
        (RECURSIVE, '{"next":null}'),
    ],
)
def test_an_answer_is_as_small_as_the_schema_allows(schema: dict[str, Any], smallest: str) -> None:
    """Nothing is in an answer that the schema does not ask for."""
    assert smallest_json(schema) == smallest


@pytest.mark.parametrize(
    ("schema", "told"),
    [
        ({"type": "string", "minLength": 2, "maxLength": 1}, "no value was found"),
        ({"type": "string", "pattern": "^[0-9]{3}-[0-9]{4}$"}, "no value was found"),
        ({"$ref": "https://example.com/other.json"}, "is no place in it"),
        ({"$ref": "#/$defs/nothing"}, "is no place in it"),
        ({"$defs": {"a": {"$ref": "#/$defs/a"}}, "$ref": "#/$defs/a"}, "no value was found"),
        ({"type": "strange"}, "the schema is none"),
        ({"type": "array", "minItems": 10**9}, "no value was found"),
    ],
)
def test_what_cannot_be_met_is_a_configuration_error(schema: dict[str, Any], told: str) -> None:
    """A schema without a value, or without one that is found, is told from an answer."""
    with pytest.raises(ConfigurationError, match=told):
        smallest_json(schema)


def test_a_schema_nested_without_end_is_refused() -> None:
    """Depth that no reader of schemas can follow is a typed error too."""
    schema: dict[str, Any] = {}
    for _ in range(5_000):
        schema = {"type": "array", "minItems": 1, "items": schema}

    with pytest.raises(ConfigurationError, match=r"too deeply|no value was found"):
        smallest_json(schema)
