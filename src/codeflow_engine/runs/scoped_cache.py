"""The cache as one tenant sees it."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final, override

from codeflow_engine.contracts import Cache
from codeflow_engine.plugins.containment import is_foreign

__all__ = ["ScopedCache"]

_PATIENCE: Final = 2.0
"""Seconds after which the work that was to be saved is done instead."""


class ScopedCache(Cache):
    """Puts a tenant before every key, so that no key reaches what another one put there.

    A cache that breaks its contract, by an error or by a value that is none, is an empty
    one here: no run ends because something could not be had faster.

    The tenant goes in as a digest: whatever its name holds, it cannot look like a part of
    somebody's key, and keys stay short.
    """

    def __init__(self, cache: Cache, tenant: str) -> None:
        self._cache = cache
        digest = hashlib.sha256(tenant.encode("utf-8", "surrogatepass")).hexdigest()[:32]
        self._prefix = f"{digest}:"

    @override
    async def get(self, keys: Sequence[str]) -> Mapping[str, bytes]:
        found = await _harmless(lambda: self._cache.get([self._prefix + key for key in keys]))
        if not isinstance(found, Mapping):
            return {}
        kept = {key: found.get(self._prefix + key) for key in keys}
        return {key: value for key, value in kept.items() if isinstance(value, bytes)}

    @override
    async def put(self, items: Mapping[str, bytes], *, ttl: float) -> None:
        scoped = {self._prefix + key: value for key, value in items.items()}
        await _harmless(lambda: self._cache.put(scoped, ttl=ttl))

    @override
    async def discard(self, keys: Sequence[str]) -> None:
        await _harmless(lambda: self._cache.discard([self._prefix + key for key in keys]))


async def _harmless(ask: Callable[[], Awaitable[object]]) -> object:
    """Ask a cache, and wait for a while; give None for whatever goes wrong in it."""
    try:
        async with asyncio.timeout(_PATIENCE):
            return await ask()
    except BaseException as error:
        if not is_foreign(error):
            raise
        return None
