"""Writes trees into a git repository, entry by entry, over another tree."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from codeflow_engine.testing.forge.git import GitStore

__all__ = ["Staged", "write_tree"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Staged:
    """An entry that a tree is to have."""

    path: bytes
    mode: str
    sha: str | None
    """Id of its object; None takes what is at the path away."""


async def write_tree(
    git: GitStore, entries: Sequence[Staged], *, base: str | None = None
) -> str | None:
    """Write a tree over another one; give its id, or None where git refuses it."""
    index = git.directory / f"index-{uuid.uuid4().hex}"
    env = {"GIT_INDEX_FILE": str(index)}
    try:
        if base is not None:
            done = await git.run("read-tree", base, env=env)
            if done.returncode:
                return None
        rows = b"".join([_row(file) for one in entries for file in await _files(git, one)])
        done = await git.run("update-index", "-z", "--index-info", stdin=rows, env=env)
        if not done.returncode:
            done = await git.run("write-tree", env=env)
        return None if done.returncode else done.stdout.decode().strip()
    finally:
        index.unlink(missing_ok=True)


async def _files(git: GitStore, one: Staged) -> list[Staged]:
    """Give the files of an entry: those below it, where it is a tree."""
    if one.mode != "040000" or one.sha is None:
        return [one]
    below = await git.tree(one.sha, recursive=True)
    return [
        Staged(path=one.path + b"/" + each.path, mode=each.mode, sha=each.sha)
        for each in below
        if each.kind != "tree"
    ]


def _row(one: Staged) -> bytes:
    if one.sha is None:
        return b"0 " + b"0" * 40 + b"\t" + one.path + b"\0"
    return f"{one.mode} {one.sha}\t".encode("ascii") + one.path + b"\0"
