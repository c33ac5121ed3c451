"""Errors of steps as text, and back.

| raised | comes back |
|---|---|
| a class of `codeflow_engine.errors` | as itself, with its arguments and attributes |
| a subclass of one, from a plugin | as itself where its module is loaded, else as that one |
| a builtin exception whose arguments are plain data | as itself, with these |
| anything else | `StepError` that names its type, without its text |

Secrets are taken out of all texts. Nothing is imported by a name that was stored. The key
`told` holds what a list of steps says of it, for those who show a journal.
"""

from __future__ import annotations

import builtins
import json
import math
import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Any, Final

from codeflow_engine import errors
from codeflow_engine.errors import CodeflowError, SerializationError, StepError
from codeflow_engine.redaction import Redactor

__all__ = ["read_failure", "write_failure"]

_LARGEST: Final = 1_000_000
"""Characters of a whole error; one that would take more is named, and nothing else."""

_LONGEST: Final = 2_000
"""Characters of what a list of steps says."""

_BITS: Final = 4096
"""Of the largest integer that is kept: Python writes none of over 4,300 digits."""

_HALTS: Final = (StopIteration, StopAsyncIteration)
"""Python makes a RuntimeError of them where they leave a coroutine."""

_ODD: Final = re.compile(r"\W")


class _NoFormError(Exception):
    """A part of an error is no plain data."""


def write_failure(error: BaseException, redactor: Redactor) -> str:
    """Write an error as one line of JSON in ASCII, without its traceback and its causes."""
    told = _ours(error, redactor) if isinstance(error, CodeflowError) else _builtin(error, redactor)
    text = json.dumps(told or _unknown(error), separators=(",", ":"))
    return text if len(text) <= _LARGEST else json.dumps(_unknown(error), separators=(",", ":"))


def read_failure(text: str) -> BaseException:
    """Make an error again from what `write_failure` gave.

    Raises:
        SerializationError: The text is damaged.
    """
    try:
        told = json.loads(text)
        if "args" not in told:
            return _named(told["other"])
        arguments = tuple(map(_value, told["args"]))
        if "builtin" in told:
            kind = _builtin_named(told["builtin"])
            return _named(told["builtin"]) if kind is None else kind(*arguments)
        return _restored(told, arguments)
    except (LookupError, TypeError, ValueError, RecursionError, AttributeError):
        raise SerializationError("a stored error is damaged, or of another version") from None


def _ours(error: CodeflowError, redactor: Redactor) -> dict[str, Any] | None:
    try:
        arguments = redactor.scrub(_plain_all(error.args))
    except (_NoFormError, RecursionError):
        return None
    nearest = next(kind for kind in type(error).__mro__ if _tree_named(kind.__name__) is kind)
    told: dict[str, Any] = {"ours": nearest.__name__, "args": arguments}
    told["told"] = ": ".join([type(error).__name__, *map(str, arguments[:1])])[:_LONGEST]
    if nearest is not type(error):
        told["own"] = [type(error).__module__, type(error).__qualname__]
    state = {}
    for name, value in vars(error).items():
        # What a plugin keeps on its errors, such as a response, may be anything.
        with suppress(_NoFormError, RecursionError):
            state[name] = _plain(value)
    return {**told, "state": redactor.scrub(state)}


def _builtin(error: BaseException, redactor: Redactor) -> dict[str, Any] | None:
    kind = _builtin_named(type(error).__name__)
    if kind is not type(error):
        return None
    # The `args` of an OSError lack the name of the file.
    made_of: Any = error.__reduce__()[1] if isinstance(error, OSError) else error.args
    try:
        arguments = redactor.scrub(_plain_all(made_of))
        again = kind(*map(_value, arguments))
    except (_NoFormError, RecursionError, TypeError, ValueError):
        return None
    if type(again) is not kind:
        return None
    # Its text is that of foreign code, which may quote anything: it is for `except` alone.
    return {"builtin": kind.__name__, "args": arguments, "told": kind.__name__}


def _unknown(error: BaseException) -> dict[str, Any]:
    name = _ODD.sub("?", type(error).__name__)[:100]
    return {"other": name, "told": name}


def _named(name: str) -> StepError:
    # The text of a foreign error may quote anything.
    told = _ODD.sub("?", name)[:100]
    return StepError(f"a step raised {told}; its text is not kept, since it may quote secrets")


def _restored(told: dict[str, Any], arguments: tuple[Any, ...]) -> BaseException:
    kind = _tree_named(told["ours"])
    if kind is None:
        return _named(told["ours"])
    if "own" in told:
        module, name = told["own"]
        own = (one for one in _subclasses(kind) if one.__module__ == module)
        kind = next((one for one in own if one.__qualname__ == name), kind)
    state = {name: _value(value) for name, value in told["state"].items()}
    return kind._restore(arguments, state)  # noqa: SLF001 - the way of pickling


def _tree_named(name: str) -> type[CodeflowError] | None:
    found: type[CodeflowError] | None = getattr(errors, name) if name in errors.__all__ else None
    return found


def _builtin_named(name: str) -> type[Exception] | None:
    found = getattr(builtins, name, None)
    if not isinstance(found, type) or not issubclass(found, Exception):
        return None
    return None if issubclass(found, _HALTS) else found


def _subclasses(kind: type[CodeflowError]) -> Iterator[type[CodeflowError]]:
    for one in kind.__subclasses__():
        yield one
        yield from _subclasses(one)


def _plain_all(values: Iterable[Any]) -> list[Any]:
    return [_plain(value) for value in values]


def _plain(value: Any) -> Any:
    """Give what JSON takes; tuples and dicts carry a mark, so that they come back as such."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, int) and value.bit_length() <= _BITS:
        return int(value)
    if isinstance(value, float) and math.isfinite(value):
        return float(value)
    if isinstance(value, tuple):
        return {"tuple": _plain_all(value)}
    if isinstance(value, list):
        return _plain_all(value)
    if isinstance(value, dict) and all(isinstance(key, str) for key in value):
        return {"dict": {str(key): _plain(one) for key, one in value.items()}}
    raise _NoFormError


def _value(plain: Any) -> Any:
    if isinstance(plain, list):
        return [_value(one) for one in plain]
    if isinstance(plain, dict):
        ((mark, inner),) = plain.items()
        if mark == "tuple":
            return tuple(_value(one) for one in inner)
        return {key: _value(one) for key, one in {"dict": inner}[mark].items()}
    return plain
