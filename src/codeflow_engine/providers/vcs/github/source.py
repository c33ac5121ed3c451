"""What reading needs: a client, what is kept of trees and blobs, and a way to clone."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

from codeflow_engine.providers.vcs.github.client import Client
from codeflow_engine.providers.vcs.github.clone import Clone
from codeflow_engine.providers.vcs.github.etags import Shelf
from codeflow_engine.providers.vcs.github.place import Place
from codeflow_engine.providers.vcs.github.settings import GitHubSettings
from codeflow_engine.providers.vcs.github.trees import Trees
from codeflow_engine.sandbox import Sandbox

__all__ = ["RAW", "Source"]

RAW = "application/vnd.github.raw+json"
"""Media type of a blob's own bytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One repository, as the calls of one request read it."""

    client: Client
    place: Place
    settings: GitHubSettings
    trees: Trees
    blobs: Shelf[bytes]
    """By repository and id: what one may read is none of another's."""

    sandbox: Sandbox
    proxies: Mapping[str, str]
    """Variables that name the proxies of the host, for git."""

    def clone(self, *commits: str) -> AbstractAsyncContextManager[Clone]:
        """Fetch the trees of commits by git; see `Clone.of`."""
        return Clone.of(
            self.client.repository,
            *commits,
            place=self.place,
            settings=self.settings,
            sandbox=self.sandbox,
            header=self.client.header,
            proxies=self.proxies,
        )

    def kept(self, blob: str) -> bytes | None:
        """Give a blob that was read before."""
        return self.blobs.get(f"{self.client.repository} {blob}")

    async def blob(self, blob: str, *, limit: int) -> bytes:
        """Read a blob, whole.

        Raises:
            ProviderError: It cannot be read; of the kind `too_large` where it has more than
                `limit` bytes.
        """
        kept = self.kept(blob)
        if kept is None:
            kept = await self.client.raw(
                f"/repos/{self.client.repository}/git/blobs/{blob}",
                accept=RAW,
                limit=limit,
                needs="contents: read",
            )
            self.blobs.put(f"{self.client.repository} {blob}", kept)
        return kept

    async def head_of(self, blob: str, size: int) -> bytes:
        """Read the first bytes of a blob."""
        kept = self.kept(blob)
        if kept is None:
            kept = await self.client.raw(
                f"/repos/{self.client.repository}/git/blobs/{blob}",
                accept=RAW,
                limit=2 * size + 1024 * 1024,
                enough=size,
                needs="contents: read",
            )
        return kept[:size]
