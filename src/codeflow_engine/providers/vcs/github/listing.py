"""The diff put together from GitHub's list of files, where it gives no diff in one piece.

A list has patches, but no modes, no bytes that are no UTF-8, and no patch of what is binary or
too large; and it is that of the moment, of no commit. So each file is held against the trees of
the two commits, and one that cannot be shown whole makes the list of no use: git is asked then.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from codeflow_engine.domain.diff import Diff
from codeflow_engine.errors import DiffError
from codeflow_engine.providers.vcs.git.plumbing import quote
from codeflow_engine.providers.vcs.git.reading import raw_path
from codeflow_engine.providers.vcs.github.binaries import are_binary
from codeflow_engine.providers.vcs.github.source import Source
from codeflow_engine.providers.vcs.github.target import Target
from codeflow_engine.providers.vcs.github.trees import Place

__all__ = ["list_diff"]

_MOST: Final = 3_000
"""Files that GitHub lists of a pull request, at most."""

_KIND: Final = 0o170000
_REPLACED: Final = "\ufffd"
_SIDES: Final = {
    "added": (False, True),
    "removed": (True, False),
    "modified": (True, True),
    "changed": (True, True),
    "renamed": (True, True),
}
"""Which sides a file of a status has; a copy is left to git."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Listed:
    """One file of the list, with where it stands in the two commits."""

    old_path: str | None
    new_path: str | None
    blob: str
    patch: str | None
    counts: tuple[int, int]
    """Lines that are added, and removed."""

    old: Place | None = None
    new: Place | None = None


async def list_diff(
    source: Source, target: Target, commits: tuple[str, str], expected: int
) -> Diff | None:
    """Put a diff together; None where the list does not show all of it.

    Args:
        source: The repository.
        target: The pull request.
        commits: Full ids of its base and its head.
        expected: How many files GitHub says that it has.
    """
    if expected >= _MOST:
        return None
    path = f"/repos/{target.repository}/pulls/{target.number}/files"
    told = await source.client.pages(path, most=_MOST, needs="pull_requests: read")
    # Thousands of entries hold the host's loop for longer than it may stand.
    files = await asyncio.to_thread(_read_all, told)
    if len(files) < len(told) or len(files) != expected:
        return None
    placed = await _place(source, files, commits)
    if placed is None:
        return None
    binary = [one for one in placed if _is_binary(one)]
    ids = [{side.id for side in (one.old, one.new) if side is not None} for one in binary]
    if not await are_binary(source, ids):
        return None
    return await asyncio.to_thread(_parse, placed)


def _read_all(told: Sequence[Any]) -> list[_Listed]:
    return [one for one in map(_read, told) if one is not None]


def _read(told: Any) -> _Listed | None:
    """Read an entry; None where it is of a form that only git can show."""
    if not isinstance(told, Mapping):
        return None
    path, blob, status = told.get("filename"), told.get("sha"), str(told.get("status"))
    before, patch = told.get("previous_filename") or path, told.get("patch")
    counts = told.get("additions"), told.get("deletions")
    if status not in _SIDES or not (isinstance(path, str) and isinstance(blob, str)):
        return None
    if not isinstance(before, str) or not isinstance(patch, str | None):
        return None
    if any(raw_path(name) is None or _REPLACED in name for name in (path, before)):
        return None
    if not (isinstance(counts[0], int) and isinstance(counts[1], int)):
        return None
    has_old, has_new = _SIDES[status]
    return _Listed(
        old_path=before if has_old else None,
        new_path=path if has_new else None,
        blob=blob,
        patch=patch,
        counts=(counts[0], counts[1]),
    )


async def _place(
    source: Source, files: Sequence[_Listed], commits: tuple[str, str]
) -> list[_Listed] | None:
    """Find where files stand; None where they do not stand as the list has them."""
    old = await source.trees.find(
        source.client, commits[0], [one.old_path for one in files if one.old_path is not None]
    )
    new = await source.trees.find(
        source.client, commits[1], [one.new_path for one in files if one.new_path is not None]
    )
    if old is None or new is None:
        return None
    return await asyncio.to_thread(_joined, files, old, new)


def _joined(
    files: Sequence[_Listed], old: Mapping[str, Place], new: Mapping[str, Place]
) -> list[_Listed] | None:
    placed = [
        replace(one, old=old.get(one.old_path or ""), new=new.get(one.new_path or ""))
        for one in files
    ]
    return placed if all(map(_is_shown, placed)) else None


def _is_shown(one: _Listed) -> bool:
    """Say whether the list is about these two commits here, and shows what differs."""
    if (one.old is None, one.new is None) != (one.old_path is None, one.new_path is None):
        return False
    here = one.new or one.old
    if here is None or here.id != one.blob:
        return False
    if one.old is not None and one.new is not None and _kind(one.old) != _kind(one.new):
        return False  # git shows a removal and an addition
    return one.patch is None or _REPLACED not in one.patch


def _is_binary(one: _Listed) -> bool:
    """Say whether it has content that the list does not show; empty files have none."""
    if one.patch is not None or (one.old and one.new and one.old.id == one.new.id):
        return False
    return any(side is not None and side.size != 0 for side in (one.old, one.new))


def _parse(files: Iterable[_Listed]) -> Diff | None:
    """Write the diff as git would, and read it; None where a patch is not all of a file."""
    listed = sorted(files, key=lambda one: (one.new_path or one.old_path or "").encode())
    try:
        diff = Diff.parse(b"".join(map(_write, listed)))
    except DiffError:
        return None
    if len(diff.files) != len(listed):
        return None
    for file, one in zip(diff.files, listed, strict=True):
        if (file.added, file.deleted) != one.counts:
            return None
    return diff


def _write(one: _Listed) -> bytes:
    old_path, new_path = one.old_path or one.new_path or "", one.new_path or one.old_path or ""
    old_name, new_name = (
        quote(b"a/" + old_path.encode()),
        quote(b"b/" + new_path.encode()),
    )
    lines = [b"diff --git %s %s" % (old_name, new_name), *_modes(one)]
    if old_path != new_path:
        if one.old and one.new and one.old.id == one.new.id:
            lines.append(b"similarity index 100%")
        lines.append(b"rename from %s" % quote(old_path.encode()))
        lines.append(b"rename to %s" % quote(new_path.encode()))
    old_id, new_id = ((side.id if side else "0" * 40).encode() for side in (one.old, one.new))
    if old_id != new_id:
        same = one.old is not None and one.new is not None and one.old.mode == one.new.mode
        mode = f" {one.new.mode}".encode() if same and one.new is not None else b""
        lines.append(b"index %s..%s%s" % (old_id, new_id, mode))
    left = b"/dev/null" if one.old is None else old_name
    right = b"/dev/null" if one.new is None else new_name
    if _is_binary(one):
        lines.append(b"Binary files %s and %s differ" % (left, right))
    elif one.patch:
        # A blank in a name is ended by a tab, for programs that would stop at it.
        lines.append(b"--- %s%s" % (left, b"\t" if b" " in left else b""))
        lines.append(b"+++ %s%s" % (right, b"\t" if b" " in right else b""))
        lines.append(one.patch.encode("utf-8", "surrogatepass"))
    return b"\n".join(lines) + b"\n"


def _modes(one: _Listed) -> list[bytes]:
    if one.old is None and one.new is not None:
        return [f"new file mode {one.new.mode}".encode()]
    if one.new is None and one.old is not None:
        return [f"deleted file mode {one.old.mode}".encode()]
    if one.old is not None and one.new is not None and one.old.mode != one.new.mode:
        return [f"old mode {one.old.mode}".encode(), f"new mode {one.new.mode}".encode()]
    return []


def _kind(place: Place) -> int:
    return int(place.mode, 8) & _KIND
