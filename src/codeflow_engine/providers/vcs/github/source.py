"""What reading needs: a client, what is kept of trees and blobs, and a way to clone."""

from __future__ import annotations

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
    """By their ids, which name their content."""

    sandbox: Sandbox

    def clone(self, *commits: str) -> AbstractAsyncContextManager[Clone]:
        """Fetch the trees of commits by git; see `Clone.of`."""
        return Clone.of(
            self.client.repository,
            *commits,
            place=self.place,
            settings=self.settings,
            sandbox=self.sandbox,
            header=self.client.header,
        )

    async def blob(self, blob: str, *, limit: int) -> bytes:
        """Read a blob, whole.

        Raises:
            ProviderError: It cannot be read; of the kind `too_large` where it has more than
                `limit` bytes.
        """
        kept = self.blobs.get(blob)
        if kept is None:
            kept = await self.client.raw(
                f"/repos/{self.client.repository}/git/blobs/{blob}",
                accept=RAW,
                limit=limit,
                needs="contents: read",
            )
            self.blobs.put(blob, kept)
        return kept

    async def head_of(self, blob: str, size: int) -> bytes:
        """Read the first bytes of a blob."""
        kept = self.blobs.get(blob)
        if kept is None:
            kept = await self.client.raw(
                f"/repos/{self.client.repository}/git/blobs/{blob}",
                accept=RAW,
                limit=2 * size + 1024 * 1024,
                enough=size,
                needs="contents: read",
            )
        return kept[:size]
