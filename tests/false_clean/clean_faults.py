"""What can go wrong in a call: it raises, hangs, is cut off, or answers something else."""

from __future__ import annotations

import asyncio
import copy
import errno
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from typing import Any, Final

from clean_desk import Call, Desk, Point

from codeflow_engine.errors import (
    AnalyzerError,
    CodeflowError,
    ProviderUnavailableError,
    StorageFullError,
    StorageUnavailableError,
)

PAUSE: Final = 0.1
"""Seconds that a call is under way while the review is ended from outside."""

_OWN: Final[Mapping[str, Callable[[], CodeflowError]]] = {
    "storage": lambda: StorageFullError("no space is left"),
    "journal": lambda: StorageFullError("no space is left"),
    "bare": lambda: StorageFullError("no space is left"),
    "vcs": lambda: ProviderUnavailableError("the host is away"),
}


@dataclass(frozen=True)
class Raises:
    """Raises, with the call undone or done."""

    name: str
    make: Callable[[], BaseException]
    after: bool = False

    async def strike(self, call: Call, desk: Desk) -> Any:
        if self.after:
            await call()
        raise self.make()


@dataclass(frozen=True)
class Hangs:
    """Never answers; or answers only when it is cancelled, as if nothing had been."""

    name: str
    deaf: bool = False

    async def strike(self, call: Call, desk: Desk) -> Any:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            if not self.deaf:
                raise
            return await call()


@dataclass(frozen=True)
class Interrupted:
    """Is under way while the review is ended from outside."""

    name: str
    how: str
    """`cancel` the run, or `close` its engine."""

    deaf: bool = False
    """Whether it goes on when it is told to stop, and answers as if nothing had been."""

    async def strike(self, call: Call, desk: Desk) -> Any:
        assert desk.interrupt is not None
        desk.helpers.add(asyncio.ensure_future(desk.interrupt(self.how)))
        try:
            await asyncio.sleep(PAUSE)
        except asyncio.CancelledError:
            if not self.deaf:
                raise
        return await call()


@dataclass(frozen=True)
class Answers:
    """Answers something else than it should; the call itself is done, or forgotten."""

    name: str
    change: Callable[[Any], Any]
    forgets: bool = False
    legal: bool = False
    """Whether the answer is one that the types allow."""

    async def strike(self, call: Call, desk: Desk) -> Any:
        return self.change(None if self.forgets else await call())


@dataclass(frozen=True)
class Pretends(Answers):
    """Answers writes as if they had been made, or refused; does them, or forgets them."""

    is_made: bool = False

    async def strike(self, call: Call, desk: Desk) -> Any:
        if not self.forgets:
            await call()
        (writes,) = call.asked  # type: ignore[attr-defined]
        return tuple(self.is_made for _ in writes)


type Fault = Raises | Hangs | Interrupted | Answers


def faults_of(point: Point, answer: Any) -> list[Fault]:
    """List all faults of a point whose answer is known from a review that went well."""
    own = _OWN.get(point.kind, lambda: AnalyzerError("it is broken"))
    faults: list[Fault] = [
        Raises("raises-own", own),
        Raises("raises-own-late", own, after=True),
        Raises("raises-foreign", lambda: ValueError("foreign")),
        Raises("raises-no-space", lambda: OSError(errno.ENOSPC, "No space left on device")),
        Raises("raises-recursion", RecursionError),
        Raises("raises-memory", MemoryError),
        Raises("raises-timeout", TimeoutError),
        Raises("raises-cancelled", asyncio.CancelledError),
        Hangs("hangs"),
        Hangs("hangs-deaf", deaf=True),
        Interrupted("cancelled", "cancel"),
        Interrupted("cancelled-deaf", "cancel", deaf=True),
        Interrupted("closed", "close"),
    ]
    faults += [
        Raises("raises-exit", SystemExit),
        Raises("raises-panic", lambda: _Panic("a panic of an extension")),
    ]
    if point.kind in {"storage", "journal", "bare"}:
        faults += _of_storages(point, answer)
    if answer is not None:
        faults.append(Answers("answers-none", lambda _: None))
    faults += [
        Answers("answers-number", lambda _: 42),
        Answers("answers-text", lambda _: "text"),
        Answers("answers-object", lambda _: object()),
        Answers("forgets", lambda _: empty(answer), forgets=True, legal=True),
    ]
    faults += [
        Answers(name, lambda value, path=path, put=put: alter(value, path, put), legal=legal)
        for name, path, put, legal in alterations(answer)
    ]
    if point.kind == "hook":
        return [fault for fault in faults if isinstance(fault, Raises | Answers)]
    return faults


def _of_storages(point: Point, answer: Any) -> Iterator[Fault]:
    """List what storages do, and no other backend."""

    def away() -> StorageUnavailableError:
        return StorageUnavailableError("the storage is away")

    yield Raises("raises-away", away)
    yield Raises("raises-away-late", away, after=True)
    if not point.name.startswith("write"):
        yield Answers("lies", lambda _: answer, forgets=True)
        return
    yield Pretends("lies", _same, forgets=True, is_made=True)
    yield Pretends("denies", _same)
    yield Pretends("denies-undone", _same, forgets=True)


def _same(answer: Any) -> Any:
    return answer


class _Panic(BaseException):
    """What is neither an `Exception` nor an end of the program."""


type _Path = tuple[Any, ...]
type _Alteration = tuple[str, _Path, Callable[[Any], Any], bool]


def empty(value: Any) -> Any:
    """Give the empty value of the same type."""
    if isinstance(value, tuple | list | dict | frozenset | set | str | bytes | int | float):
        return type(value)()
    if is_dataclass(value):
        made = value
        for field in fields(value):
            item = getattr(value, field.name)
            if isinstance(item, tuple | dict | frozenset) or (
                is_dataclass(item) and field.name != "change"
            ):
                made = alter(made, (field.name,), empty)
        return made
    return None


def alterations(value: Any, path: _Path = (), depth: int = 4) -> Iterator[_Alteration]:
    """List what can be lost from a value, or be of a wrong type inside of it."""
    where = ".".join(map(str, path))
    if isinstance(value, tuple | dict | frozenset) and value:
        yield f"loses({where})", path, _without_last, True
        yield f"loses-all({where})", path, empty, True
        yield f"repeats({where})", path, _twice, True
    if depth == 0:
        return
    if is_dataclass(value) and not isinstance(value, type):
        for field in fields(value):
            item = getattr(value, field.name)
            inner = (*path, field.name)
            yield f"wrong({'.'.join(map(str, inner))})", inner, lambda _: object(), False
            if item is not None:
                yield f"none({'.'.join(map(str, inner))})", inner, lambda _: None, True
            yield from alterations(item, inner, depth - 1)
    elif isinstance(value, tuple) and value:
        yield f"wrong({where}.0)", (*path, 0), lambda _: object(), False
        yield from alterations(value[0], (*path, 0), depth - 1)
    elif isinstance(value, dict) and value:
        key = next(iter(value))
        yield f"wrong({where}.first)", (*path, key), lambda _: object(), False
        if is_dataclass(value[key]):
            yield from alterations(value[key], (*path, key), depth - 1)


def alter(value: Any, path: _Path, put: Callable[[Any], Any]) -> Any:
    """Give a copy of a value that differs at one place; no constructor is asked."""
    if not path:
        return put(value)
    at, rest = path[0], path[1:]
    if isinstance(value, tuple):
        return (*value[:at], alter(value[at], rest, put), *value[at + 1 :])
    if isinstance(value, dict):
        # Keys of one review, such as fingerprints, may be others in the next one.
        key = at if at in value else next(iter(value))
        return value | {key: alter(value[key], rest, put)}
    made = copy.copy(value)
    object.__setattr__(made, at, alter(getattr(value, at), rest, put))
    return made


def _without_last(value: Any) -> Any:
    if isinstance(value, dict):
        return dict(list(value.items())[:-1])
    return type(value)(sorted(value, key=repr)[:-1] if isinstance(value, frozenset) else value[:-1])


def _twice(value: Any) -> Any:
    return (*value, *value) if isinstance(value, tuple) else value
