"""The cache as one tenant sees it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import override

from codeflow_engine.contracts import Cache

__all__ = ["ScopedCache"]


class ScopedCache(Cache):
    """Puts a tenant before every key, so that no key reaches what another one put there.

    The tenant goes in as a digest: whatever its name holds, it cannot look like a part of
    somebody's key, and keys stay short.
    """

    def __init__(self, cache: Cache, tenant: str) -> None:
        self._cache = cache
        digest = hashlib.sha256(tenant.encode("utf-8", "surrogatepass")).hexdigest()[:32]
        self._prefix = f"{digest}:"

    @override
    async def get(self, keys: Sequence[str]) -> Mapping[str, bytes]:
        found = await self._cache.get([self._prefix + key for key in keys])
        return {key.removeprefix(self._prefix): value for key, value in found.items()}

    @override
    async def put(self, items: Mapping[str, bytes], *, ttl: float) -> None:
        scoped = {self._prefix + key: value for key, value in items.items()}
        await self._cache.put(scoped, ttl=ttl)

    @override
    async def discard(self, keys: Sequence[str]) -> None:
        await self._cache.discard([self._prefix + key for key in keys])
