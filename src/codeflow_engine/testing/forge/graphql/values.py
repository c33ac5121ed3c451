"""Values that a client gives: those in the document, and those of its variables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from codeflow_engine.testing.forge.graphql.language import Enum, Operation, Variable
from codeflow_engine.testing.forge.graphql.schema import Schema

__all__ = ["InvalidValueError", "coerce", "read_variables", "replace"]

_LARGEST = 2**31 - 1


class InvalidValueError(ValueError):
    """A value is not of its type."""


def coerce(schema: Schema, kind: str, value: Any, *, literal: bool) -> Any:
    """Make a value of a type, of what a client wrote.

    Args:
        schema: The types there are.
        kind: The type, with its marks.
        value: What stands in the document, or in the variables.
        literal: Whether it stands in the document, where enumerations have no quotes.

    Raises:
        InvalidValueError: It is none.
    """
    if kind.endswith("!"):
        if value is None:
            raise InvalidValueError("Expected value to not be null")
        return coerce(schema, kind[:-1], value, literal=literal)
    if value is None:
        return None
    if kind.startswith("["):
        items = value if isinstance(value, list) else [value]
        return [coerce(schema, kind[1:-1], each, literal=literal) for each in items]
    if kind in schema.inputs:
        return _input(schema, kind, value, literal=literal)
    if kind in schema.enums:
        name = value.name if isinstance(value, Enum) else value
        if isinstance(value, Enum) != literal or name not in schema.enums[kind]:
            told = ", ".join(sorted(schema.enums[kind]))
            raise InvalidValueError(f"Expected {name!r} to be one of: {told}")
        return name
    return _scalar(kind, value)


def read_variables(
    schema: Schema, operation: Operation, given: Mapping[str, Any]
) -> dict[str, Any]:
    """Make the values of an operation's variables.

    Raises:
        InvalidValueError: One is missing or not of its type; the message names it.
    """
    values: dict[str, Any] = {}
    for one in operation.variables:
        try:
            if one.name in given:
                values[one.name] = coerce(schema, one.type, given[one.name], literal=False)
            elif one.has_default:
                values[one.name] = coerce(schema, one.type, one.default, literal=True)
            elif one.type.endswith("!"):
                coerce(schema, one.type, None, literal=False)
        except InvalidValueError as fault:
            raise InvalidValueError(
                f"Variable ${one.name} of type {one.type} was provided invalid value ({fault})"
            ) from None
    return values


def replace(value: Any, variables: Mapping[str, Any]) -> Any:
    """Put the values of variables in their places, and names for enumerations."""
    if isinstance(value, Variable):
        return variables.get(value.name)
    if isinstance(value, Enum):
        return value.name
    if isinstance(value, Mapping):
        return {key: replace(each, variables) for key, each in value.items()}
    if isinstance(value, list):
        return [replace(each, variables) for each in value]
    return value


def _input(schema: Schema, kind: str, value: Any, *, literal: bool) -> dict[str, Any]:
    fields = schema.inputs[kind]
    if not isinstance(value, Mapping):
        raise InvalidValueError(f"Expected {kind} to be an object")
    unknown = sorted(value.keys() - fields.keys())
    if unknown:
        raise InvalidValueError(f"InputObject '{kind}' doesn't accept argument '{unknown[0]}'")
    made: dict[str, Any] = {}
    for name, of in fields.items():
        if name in value:
            made[name] = coerce(schema, of, value[name], literal=literal)
        elif of.endswith("!"):
            raise InvalidValueError(f"Argument '{name}' on InputObject '{kind}' is required")
    return made


def _scalar(kind: str, value: Any) -> Any:
    number = isinstance(value, int) and not isinstance(value, bool)
    good: Mapping[str, bool] = {
        "Int": number and abs(value) <= _LARGEST,
        "Boolean": isinstance(value, bool),
        "Float": number or isinstance(value, float),
        "ID": number or isinstance(value, str),
    }
    if not good.get(kind, isinstance(value, str)):
        raise InvalidValueError(f"Could not coerce value {value!r} to {kind}")
    return str(value) if kind == "ID" else value
