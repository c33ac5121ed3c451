"""The codec beside an event loop: what may take long is done in a worker thread."""

from __future__ import annotations

import asyncio
from concurrent.futures import Executor
from typing import Any, Final

from codeflow_engine.runs import codec

__all__ = ["decoded", "encoded", "is_small"]

_SMALL: Final = 64 * 1024
"""Bytes that are read or written in less time than the way to a thread and back takes on a
busy loop: the thread waits for the interpreter's lock, for up to five milliseconds."""

_FEW: Final = 16


async def encoded(value: Any, kind: Any, threads: Executor) -> bytes:
    """Write a value, as `codec.encode` does."""
    if is_small(value):
        return codec.encode(value, kind)
    loop = asyncio.get_running_loop()
    return await loop.run_in_executor(threads, codec.encode, value, kind)


async def decoded(kind: Any, data: bytes, threads: Executor) -> Any:
    """Read a value, as `codec.decode` does."""
    if len(data) < _SMALL // _FEW:
        return codec.decode(kind, data)
    loop = asyncio.get_running_loop()
    return await loop.run_in_executor(threads, codec.decode, kind, data)


def is_small(value: Any, most: int = _SMALL) -> bool:
    """Say whether a value is plain data of a few parts, of less than so many bytes."""
    if isinstance(value, str | bytes):
        return len(value) < most
    if isinstance(value, dict):
        return len(value) <= _FEW and all(_is_leaf(part, most) for part in value.values())
    if isinstance(value, list | tuple):
        return len(value) <= _FEW and all(_is_leaf(part, most) for part in value)
    return _is_leaf(value, most)


def _is_leaf(value: Any, most: int) -> bool:
    if isinstance(value, str):
        return len(value) < most // _FEW
    return value is None or isinstance(value, bool | int | float)
