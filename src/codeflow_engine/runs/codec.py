r"""Values of steps as bytes, and back: equal to what they were, and of the same types.

The type that a function declares to return says how its values are written. The form is one
line of JSON in ASCII, and behind it all `bytes` of the value, one after the other; in the
JSON stand their lengths. So a diff of many megabytes is copied, and nothing else.

| declared | comes back |
|---|---|
| None, bool, int, float, str, bytes, Decimal, date, time, timedelta | as it was |
| datetime | as it was, with the offset that its zone had then |
| enumerations, dataclasses, `Diff` | a dataclass through its constructor, with all checks |
| list, tuple, set, frozenset, dict, with their parts | in the order that they had |
| `Sequence`, `Mapping`, `Set` and the like | the builtin classes alone stand for these |
| `X \| Y`, `Literal`, `NewType`, `Annotated`, aliases | as what they stand for |
| nothing, `Any`, `object` | None, bool, int, float, str, lists and dicts of them: plain data |

What would come back as something else is refused when it is written: subclasses of all of
these, numbers that are not finite, and every other class.
"""

from __future__ import annotations

import inspect
import json
import sys
import typing
from collections.abc import Awaitable, Callable, Coroutine
from functools import lru_cache, partial
from types import FunctionType, MethodType
from typing import Any, Final, NoReturn
from weakref import ref

from codeflow_engine.errors import ConfigurationError, SerializationError
from codeflow_engine.redaction import MARK
from codeflow_engine.runs.forms import form_of
from codeflow_engine.runs.leaves import Tail

__all__ = ["MAX_BYTES", "decode", "encode", "returned", "taken"]

MAX_BYTES: Final = 320 * 1024 * 1024
"""The most that one value may take, encoded: the largest patch of a review, and room beside it."""

_write_json = json.JSONEncoder(allow_nan=False, check_circular=False, separators=(",", ":")).encode


def returned(function: Callable[..., Any]) -> Any:
    """Find the type of what a function gives, by its return annotation alone.

    Partials, bound methods, callable objects and wrapped functions are seen through; of an
    awaitable counts what it is awaited for. A function without the annotation gives `Any`,
    which stands for plain data.

    Raises:
        ConfigurationError: The annotation cannot be resolved, or values of it have no form.
    """
    worker = _worker(function)
    if worker is None:
        return Any
    return _resolve(worker) if _is_of_a_cell(worker) else _resolved(ref(worker))


def taken(function: Callable[..., Any]) -> Any:
    """Find the type of what a function takes last, by the annotation of that parameter.

    It is seen through as by `returned`, and `Any` stands for plain data here, too.

    Raises:
        ConfigurationError: The annotation cannot be resolved, or values of it have no form.
    """
    worker = _worker(function)
    if not isinstance(worker, FunctionType):
        return Any
    return _resolve_taken(worker) if _is_of_a_cell(worker) else _resolved_taken(ref(worker))


def encode(value: Any, kind: Any, *, limit: int = MAX_BYTES) -> bytes:
    """Write a value of a type.

    Args:
        value: Checked all the way down.
        kind: What it is declared to be, as `returned` gives it.
        limit: Bytes that it may take.

    Raises:
        SerializationError: It would not come back as it is, or is too large; says where,
            and quotes nothing.
    """
    blobs: list[bytes] = []
    try:
        line = _write_json(form_of(kind).write(value, blobs)).encode("ascii")
    except SerializationError:
        raise
    except RecursionError:
        raise SerializationError("it is nested too deeply, or contains itself") from None
    except ValueError:
        # Python writes no integer of over 4,300 digits (sys.set_int_max_str_digits).
        raise SerializationError("a number of too many digits") from None
    size = len(line) + 1 + sum(map(len, blobs))
    if size > limit:
        raise SerializationError(f"it takes {size} bytes, and may take {limit}")
    return b"".join((line, b"\n", *blobs))


def decode(kind: Any, data: bytes) -> Any:
    """Read a value of a type from what `encode` gave.

    Raises:
        SerializationError: The data is damaged, or written for another type. Keys that a
            dataclass does not have are refused; one that is missing gets its default.
    """
    if data.startswith(MARK):
        raise SerializationError(
            "a stored value holds a secret that this engine is not configured with: whoever had "
            "it when the run was stored can go on with it"
        )
    form = form_of(kind)
    end = data.find(b"\n")
    if end < 0:
        raise SerializationError("a stored value is cut off")
    tail = Tail(memoryview(data)[end + 1 :])
    try:
        value = form.read(_read_json(data[:end].decode("ascii")), tail)
    except SerializationError as error:
        raise SerializationError(f"a stored value cannot be read: {error.message}") from None
    except (ValueError, RecursionError):
        raise SerializationError("a stored value is damaged: no JSON") from None
    if not tail.is_empty:
        raise SerializationError("a stored value is damaged: more bytes than it has")
    return value


def _refuse_constant(_: str) -> NoReturn:
    raise SerializationError("a number that is not finite")


_read_json = json.JSONDecoder(parse_constant=_refuse_constant).decode


def _worker(function: Any) -> FunctionType | type[Any] | None:
    """Find the function or class behind a callable; None where it is not written in Python."""
    while function is not None:
        if isinstance(function, partial):
            function = function.func
        elif isinstance(function, MethodType):
            function = function.__func__
        elif isinstance(function, FunctionType):
            if not hasattr(function, "__wrapped__"):
                return function
            # What a decorator copies resolves where the function was written.
            function = function.__wrapped__
        elif isinstance(function, type):
            made: type[Any] = function
            return made
        else:
            called = getattr(type(function), "__call__", None)  # noqa: B004 - it is wanted itself
            function = called if isinstance(called, FunctionType) else None
    return None


def _is_of_a_cell(worker: FunctionType | type) -> bool:
    """Say whether it stands in a notebook, where a cell may define a class of its name anew."""
    return worker.__module__ == "__main__" and "__file__" not in getattr(worker, "__globals__", {})


@lru_cache(maxsize=1024)
def _resolved(worker: ref[Any]) -> Any:
    """Resolve once for each function, and hold none: it may hold much itself."""
    found: Any = worker()
    return _resolve(found)


@lru_cache(maxsize=1024)
def _resolved_taken(worker: ref[FunctionType]) -> Any:
    """Do the same with what it takes; each time takes about 100 us."""
    found: Any = worker()
    return _resolve_taken(found)


def _resolve_taken(worker: FunctionType) -> Any:
    code = worker.__code__
    names = code.co_varnames[: code.co_argcount]
    return _checked(worker, names[-1], "takes") if names else Any


def _resolve(worker: FunctionType | type) -> Any:
    if isinstance(worker, type):
        _check_form(worker, f"what {_told(worker)} makes")
        return worker
    kind = _checked(worker, "return", "returns")
    return kind if inspect.iscoroutinefunction(worker) else _awaited(kind)


def _checked(function: FunctionType, name: str, verb: str) -> Any:
    """Resolve one annotation of a function, and see that values of it have a form."""
    stated = _annotations(function)
    if name not in stated:
        return Any
    told = _told(function)
    try:
        kind = _evaluate(stated[name], function)
    except (NameError, AttributeError, TypeError, SyntaxError, ValueError, LookupError) as error:
        raise ConfigurationError(
            f"the annotation of what {told} {verb} cannot be resolved ({type(error).__name__}): "
            "the journal keeps it by that, so import what it names at the top of the module, "
            "outside of TYPE_CHECKING, and define it outside of functions"
        ) from None
    _check_form(_awaited(kind), f"what {told} {verb}")
    return kind


def _check_form(kind: Any, told: str) -> None:
    try:
        form_of(kind)
    except SerializationError as error:
        raise ConfigurationError(
            f"{told} cannot be kept in the journal: {error.message}; use a dataclass or plain "
            "data, or do this outside of a step"
        ) from None


def _told(worker: FunctionType | type) -> str:
    return f"{worker.__module__}.{worker.__qualname__}"


def _annotations(function: FunctionType) -> dict[str, Any]:
    if sys.version_info >= (3, 14):
        from annotationlib import Format, get_annotations

        # The other annotations may name what exists for type checkers alone.
        return get_annotations(function, format=Format.FORWARDREF)
    return function.__annotations__


def _evaluate(stated: Any, function: FunctionType) -> Any:
    """Resolve one annotation, where the function was written."""

    def only() -> None: ...

    only.__annotations__ = {"return": stated}
    names = {one.__name__: one for one in function.__type_params__}
    return typing.get_type_hints(only, function.__globals__, names)["return"]


def _awaited(kind: Any) -> Any:
    origin = typing.get_origin(kind)
    return typing.get_args(kind)[-1] if origin in {Awaitable, Coroutine} else kind
