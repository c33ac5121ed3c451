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
        files = [one for one in entries if one.mode != "040000"]
        rows = b"".join(_row(one) for one in files)
        done = await git.run("update-index", "-z", "--index-info", stdin=rows, env=env)
        for one in entries:
            if not done.returncode and one.mode == "040000" and one.sha is not None:
                prefix = f"--prefix={one.path.decode('utf-8', 'surrogateescape')}/"
                done = await git.run("read-tree", prefix, one.sha, env=env)
        if not done.returncode:
            done = await git.run("write-tree", env=env)
        return None if done.returncode else done.stdout.decode().strip()
    finally:
        index.unlink(missing_ok=True)


def _row(one: Staged) -> bytes:
    if one.sha is None:
        return b"0 " + b"0" * 40 + b"\t" + one.path + b"\0"
    return f"{one.mode} {one.sha}\t".encode("ascii") + one.path + b"\0"
