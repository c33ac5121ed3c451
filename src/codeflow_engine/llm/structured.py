"""Answers that have to follow a form are read and checked here, whatever a provider promises."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from typing import Any, Final

from codeflow_engine.errors import ConfigurationError

__all__ = ["MisfitError", "checked", "require_schema"]

_LARGEST: Final = 5_000_000
"""Characters; no form of ours asks for as many."""

_FENCE: Final = re.compile(r"^```[A-Za-z]*[ \t]*\n(.*?)\n?^```[ \t]*$", re.DOTALL | re.MULTILINE)
_OPENING: Final = re.compile(r"[\[{]")
_TOLD: Final = 3
"""Misfits that are named: enough to mend the answer by."""


class MisfitError(Exception):
    """An answer does not follow its form; says where, and quotes nothing of it."""


def require_schema(schema: Mapping[str, Any]) -> None:
    """See that answers can be checked by a schema, before one is paid for.

    Raises:
        ConfigurationError: It is no JSON Schema.
    """
    from jsonschema import SchemaError
    from jsonschema.validators import validator_for

    told: Any = schema
    try:
        validator_for(schema).check_schema(told)
    except SchemaError:
        raise ConfigurationError("the schema of the answer is none: SchemaError") from None
    except RecursionError:
        raise ConfigurationError("the schema of the answer is nested too deeply") from None


def checked(text: str, schema: Mapping[str, Any]) -> str:
    """Read the JSON of an answer, check it, and write it anew.

    Around it there may be a fence or prose; inside of it nothing is mended.

    Args:
        text: What the model said.
        schema: JSON Schema that it has to follow.

    Returns:
        The JSON alone, without duplicate keys or numbers that JSON does not have.

    Raises:
        MisfitError: There is no JSON, there is more than one, or it does not follow the schema.
        ConfigurationError: The schema is none, or refers to another place.
    """
    if len(text) > _LARGEST:
        raise MisfitError(f"it is longer than {_LARGEST:,} characters")
    try:
        value = _read(text)
        _check(value, schema)
        return json.dumps(value, ensure_ascii=False)
    except RecursionError:
        raise MisfitError("its JSON is nested too deeply") from None


def _read(text: str) -> Any:
    told = text.strip().removeprefix("\ufeff")
    try:
        return _parse(told)
    except ValueError as error:
        reason = _Reason.of(error)
    fenced = _FENCE.findall(told)
    if len(fenced) == 1:
        try:
            return _parse(fenced[0])
        except ValueError as error:
            raise MisfitError(_Reason.of(error)) from None
    opening = _OPENING.search(told)
    if opening is None or fenced:
        raise MisfitError("it holds more than one block of code" if fenced else reason)
    return _within_prose(told, opening.start(), reason)


def _within_prose(told: str, start: int, reason: str) -> Any:
    """Read the only JSON value inside of other words."""
    try:
        value, end = _DECODER.raw_decode(told, start)
    except ValueError as error:
        # What the whole is refused for says more, where the whole is JSON.
        raise MisfitError(_Reason.of(error) if start else reason) from None
    if _OPENING.search(told, end):
        raise MisfitError("it holds more than one JSON value")
    return value


class _Reason:
    """What is said of an answer that is no JSON."""

    @staticmethod
    def of(error: ValueError) -> str:
        if isinstance(error, json.JSONDecodeError):
            return f"it is not JSON: {error.msg.lower()} at character {error.pos}"
        return str(error) if isinstance(error, _RefusedValueError) else "it is not JSON"


class _RefusedValueError(ValueError):
    """JSON that no two readers would understand alike."""


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise _RefusedValueError("an object of its JSON has the same key twice")
    return found


def _constant(_: str) -> Any:
    raise _RefusedValueError("its JSON holds a number that is none, such as NaN")


def _float(told: str) -> float:
    number = float(told)
    if not math.isfinite(number):
        raise _RefusedValueError("its JSON holds a number beyond all limits")
    return number


_DECODER: Final = json.JSONDecoder(
    object_pairs_hook=_pairs, parse_constant=_constant, parse_float=_float
)


def _parse(text: str) -> Any:
    return _DECODER.decode(text.strip())


def _check(value: Any, schema: Mapping[str, Any]) -> None:
    # jsonschema costs 0.1 s to import, and only structured answers need it.
    from jsonschema import SchemaError
    from jsonschema.validators import validator_for
    from referencing import Registry
    from referencing.exceptions import Unresolvable

    kind = validator_for(schema)
    try:
        # With a registry of its own it looks nothing up elsewhere.
        errors = kind(schema, registry=Registry()).iter_errors(value)
        misfits = [_place(error) for error, _ in zip(errors, range(_TOLD), strict=False)]
    except (SchemaError, Unresolvable) as error:
        told = type(error).__name__
        raise ConfigurationError(f"the schema of the answer is none: {told}") from None
    if misfits:
        raise MisfitError("; ".join(misfits))


def _place(error: Any) -> str:
    """Name where an answer does not fit, by the words of the schema and not of the answer."""
    place = "$" + "".join(
        f"[{part}]" if isinstance(part, int) else f".{_name(part)}" for part in error.absolute_path
    )
    wanted = error.validator_value
    if error.validator in {"type", "enum", "const", "required"}:
        return f"{place}: {error.validator} has to be {json.dumps(wanted)[:200]}"
    return f"{place}: it breaks {error.validator!r}"


def _name(part: str) -> str:
    return part if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]{0,39}", part) else "(a key)"
