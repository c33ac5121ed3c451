"""Results kept by content, so that a file is looked at once.

A cache may forget, and may hold anything: what is not exactly what was put there is a miss.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from itertools import batched
from typing import Any, Final

from codeflow_engine.contracts.cache import Cache

__all__ = ["TTL", "digest", "load", "save"]

TTL: Final = 14 * 86_400.0
"""Seconds that a result is kept: a fortnight of work on one change."""

_AT_ONCE: Final = 256
_LIMIT: Final = 1024 * 1024
"""Longest result that is kept; reading it back takes five milliseconds."""

_SEAL: Final = 64
"""Characters of the digest that stands before a result."""


def digest(*parts: Any) -> str:
    """Make a key of plain JSON data and bytes: nothing else enters into the result."""
    key = hashlib.sha256()
    for part in parts:
        data = part if isinstance(part, bytes) else _dump(part)
        key.update(b"%d:" % len(data))
        key.update(data)
    return f"analyzer:{key.hexdigest()}"


async def load(cache: Cache, keys: Sequence[str]) -> dict[str, Any]:
    """Read the results that are there and whole."""
    found: dict[str, Any] = {}
    for some in batched(keys, _AT_ONCE):
        values = await cache.get(some)
        found |= await asyncio.to_thread(_open_all, some, values)
    return found


async def save(cache: Cache, results: Mapping[str, Any]) -> None:
    """Keep results for `TTL` seconds; one that is too long is left out."""
    for some in batched(results.items(), _AT_ONCE):
        short = await asyncio.to_thread(_seal_all, some)
        if short:
            await cache.put(short, ttl=TTL)


def _open_all(keys: Sequence[str], values: Mapping[str, Any]) -> dict[str, Any]:
    opened = {key: _open(key, values[key]) for key in keys if key in values}
    return {key: result for key, result in opened.items() if result is not None}


def _seal_all(results: Sequence[tuple[str, Any]]) -> dict[str, bytes]:
    sealed = {key: _seal(key, _dump(result)) for key, result in results}
    return {key: value for key, value in sealed.items() if len(value) <= _LIMIT}


def _seal(key: str, data: bytes) -> bytes:
    """Put the digest of a result before it, with its key: neither moves without the other."""
    return _hash((key.encode(), data)) + data


def _open(key: str, value: Any) -> Any:
    if not isinstance(value, bytes) or not _SEAL < len(value) <= _LIMIT:
        return None
    data = value[_SEAL:]
    if value[:_SEAL] != _hash((key.encode(), data)):
        return None
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        return None


def _hash(parts: Iterable[bytes]) -> bytes:
    return hashlib.sha256(b"\n".join(parts)).hexdigest().encode()


def _dump(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":"), sort_keys=True).encode("ascii")
