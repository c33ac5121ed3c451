"""The VCS host `acme-trees`: a change as a directory with the trees `base` and `head`."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import override

from codeflow_engine.contracts import VCS
from codeflow_engine.domain.change import Change, ChangeRequest, FileContent
from codeflow_engine.domain.diff import Diff, Side
from codeflow_engine.errors import ChangeUnavailableError
from codeflow_engine.sandbox import Sandbox

from codeflow_acme.diffs import write
from codeflow_acme.tree import File, Tree, digest, read

__all__ = ["Trees", "TreesSettings"]

_NAME = "acme-trees"


@dataclass(frozen=True, slots=True, kw_only=True)
class TreesSettings:
    """The section `[plugins.acme-trees]` of the settings."""

    max_files: int = 5000
    """Files and directories of each tree; a larger one is refused as a whole."""

    max_bytes: int = 32 * 1024 * 1024
    """Bytes of all files of each tree together."""


class Trees(VCS):
    """Reads a change that somebody laid out as two directories.

    Nothing of it is executed, and no link is followed. A revision is the digest of a tree, so
    that it changes with any byte. It has no capability: nothing can be published here.
    """

    def __init__(self, settings: TreesSettings | None = None) -> None:
        self._settings = settings or TreesSettings()

    @override
    async def fetch_change(self, request: ChangeRequest, sandbox: Sandbox) -> Change:
        """Compare the two trees.

        Raises:
            ChangeUnavailableError: A tree is missing, or is not the revision asked for.
            ProviderError: A tree cannot be read, or is larger than the settings allow.
        """
        return await asyncio.to_thread(self._fetch, request)

    def _fetch(self, request: ChangeRequest) -> Change:
        try:
            root = Path(request.target).resolve()
        except (ValueError, OSError) as error:  # a NUL in it, a loop of links, a name too long
            raise ChangeUnavailableError(f"{request.target!r} is no directory") from error
        trees = self._read(root / "base"), self._read(root / "head")
        base, head = map(digest, trees)
        for asked, found in ((request.base, base), (request.head, head)):
            if asked not in {None, found}:
                raise ChangeUnavailableError(f"{str(root)!r} holds no revision {asked!r}")
        return Change(
            provider=_NAME,
            target=str(root),
            title=root.name,
            base=base,
            head=head,
            key=str(root),
            diff=Diff.parse(write(*trees)),
        )

    @override
    async def read_files(
        self, change: Change, paths: Sequence[str], *, side: Side, limit: int, sandbox: Sandbox
    ) -> tuple[FileContent, ...]:
        """Read files of one tree, which still has to be the one that the diff was made from.

        Raises:
            ProviderError: The tree cannot be read.
        """
        return await asyncio.to_thread(self._read_files, change, paths, side, limit)

    def _read_files(
        self, change: Change, paths: Sequence[str], side: Side, limit: int
    ) -> tuple[FileContent, ...]:
        name, revision = ("base", change.base) if side is Side.OLD else ("head", change.head)
        tree = self._read(Path(change.target) / name)
        if digest(tree) != revision:
            reason = "the tree has changed since the diff was made"
            return tuple(FileContent(path=path, reason=reason) for path in paths)
        return tuple(_content(tree, path, limit) for path in paths)

    def _read(self, root: Path) -> Tree:
        limits = self._settings
        return read(str(root), max_files=limits.max_files, max_bytes=limits.max_bytes)


def _content(tree: Tree, path: str, limit: int) -> FileContent:
    file: File | None = tree.get(path)
    if file is None:
        if any(one.startswith(f"{path}/") for one in tree):
            return FileContent(path=path, mode="040000", reason="a directory")
        return FileContent(path=path, exists=False, reason="not in the tree")
    if len(file.content) > limit:
        return FileContent(path=path, mode=file.mode, reason=f"larger than {limit} bytes")
    return FileContent(path=path, mode=file.mode, content=file.content)
