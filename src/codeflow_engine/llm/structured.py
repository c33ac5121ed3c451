"""Answers that have to follow a form are read and checked here, whatever a provider promises."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Hashable, Iterator, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from codeflow_engine.errors import ConfigurationError

if TYPE_CHECKING:
    from jsonschema.protocols import Validator

__all__ = ["MisfitError", "checked", "require_schema"]

_LARGEST: Final = 1_000_000
"""Characters; no model of today writes as many at once, and to read JSON holds up every thread."""

_FENCE: Final = "```"
_OPENS: Final = re.compile(r"```[A-Za-z]*[ \t\r]*")
_OPENING: Final = re.compile(r"[\[{]")
_BEGINS: Final = re.compile(r'\{\s*["}]|\[\s*[\[{"\]]')
"""What hardly is anything but the beginning of JSON: `items[0]` and `[a link](...)` are."""

_DIGITS: Final = 308
"""Digits of a whole number that a float still holds, as some rules of a schema make one of it."""

_TOLD: Final = 3
"""Misfits that are named: enough to mend the answer by."""


class MisfitError(Exception):
    """An answer does not follow its form; says where, and quotes nothing of it."""


def checked(text: str, schema: Mapping[str, Any]) -> str:
    """Read the JSON of an answer, check it, and write it anew.

    Around it there may be a fence or prose; inside of it nothing is mended.

    It belongs into a thread: both imports and large answers would hold up an event loop.

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
    fenced, around = _blocks(told)
    if len(fenced) == 1:
        if _BEGINS.search(around):
            raise MisfitError("it holds JSON outside of its block of code, too")
        try:
            return _parse(fenced[0])
        except ValueError as error:
            raise MisfitError(_Reason.of(error)) from None
    opening = _OPENING.search(told)
    if opening is None or fenced:
        raise MisfitError("it holds more than one block of code" if fenced else reason)
    return _within_prose(told, opening.start(), reason)


def _blocks(told: str) -> tuple[list[str], str]:
    """Give the blocks of code, and what stands around them.

    Line by line: an expression that looks for the end of each of 10,000 blocks without one takes
    a minute for 64 KB.
    """
    if _FENCE not in told:
        return [], told
    blocks: list[str] = []
    around: list[str] = []
    block: list[str] | None = None
    for line in told.split("\n"):
        if block is None:
            if _OPENS.fullmatch(line):
                block = []
            else:
                around.append(line)
        elif line.rstrip() == _FENCE:
            blocks.append("\n".join(block))
            block = None
        else:
            block.append(line)
    return blocks, "\n".join([*around, *(block or ())])


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


def _int(told: str) -> int:
    if len(told) > _DIGITS:
        raise _RefusedValueError("its JSON holds a number beyond all limits")
    return int(told)


_DECODER: Final = json.JSONDecoder(
    object_pairs_hook=_pairs, parse_constant=_constant, parse_float=_float, parse_int=_int
)


def _parse(text: str) -> Any:
    return _DECODER.decode(text.strip())


def require_schema(schema: Mapping[str, Any]) -> None:
    """Look whether a schema is one, before anything is paid for an answer that follows it.

    It belongs into a thread, as `checked` does.

    Raises:
        ConfigurationError: It is none.
    """
    _validator(_written(schema))


def _check(value: Any, schema: Mapping[str, Any]) -> None:
    from referencing.exceptions import Unresolvable

    errors = _validator(_written(schema)).iter_errors(value)
    try:
        misfits = [_place(error) for error, _ in zip(errors, range(_TOLD), strict=False)]
    except Unresolvable:
        raise ConfigurationError("the schema of the answer refers to what is not in it") from None
    if misfits:
        raise MisfitError("; ".join(misfits))


def _written(schema: Mapping[str, Any]) -> str:
    try:
        return json.dumps(schema, sort_keys=True, default=dict)
    except (TypeError, ValueError, RecursionError):
        raise ConfigurationError("the schema of the answer is no JSON") from None


@lru_cache(maxsize=64)
def _validator(written: str) -> Validator:
    # jsonschema costs 0.1 s to import, and only structured answers need it.
    from jsonschema import Draft202012Validator, SchemaError
    from jsonschema.validators import extend, validator_for
    from referencing import Registry

    schema = json.loads(written)
    kind = validator_for(schema, default=Draft202012Validator)
    try:
        kind.check_schema(schema)
    except SchemaError as error:
        place = "".join(f"/{part}" for part in error.absolute_path)
        raise ConfigurationError(
            f"the schema of the answer is none: {place or 'its root'} breaks {error.validator!r}"
        ) from None
    # With a registry of its own it looks nothing up elsewhere.
    made: Validator = extend(kind, {"uniqueItems": _unique})(  # type: ignore[no-untyped-call]
        schema, registry=Registry()
    )
    return made


def _unique(_: Validator, wanted: Any, value: Any, __: Any) -> Iterator[Exception]:
    """Look for items that are alike; jsonschema's own way takes 90 s for 60 KB of objects."""
    from jsonschema import ValidationError

    if wanted and isinstance(value, list) and len({*map(_likeness, value)}) < len(value):
        yield ValidationError("items are alike")


def _likeness(value: Any) -> Hashable:
    """Give what is equal for equal JSON, where 1 and 1.0 are equal, and 1 and true are not."""
    if isinstance(value, dict):
        return dict, frozenset((name, _likeness(one)) for name, one in value.items())
    if isinstance(value, list):
        return list, tuple(map(_likeness, value))
    return isinstance(value, bool), value


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
