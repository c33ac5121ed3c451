"""Files of a change on one side."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Final, NamedTuple

from codeflow_engine.domain.change import INDEX, WORKTREE, Change, FileContent
from codeflow_engine.domain.diff import DiffFile, FileStatus, Side
from codeflow_engine.errors import ChangeUnavailableError
from codeflow_engine.providers.vcs.git.content import blob_id, forms, lfs_pointer
from codeflow_engine.providers.vcs.git.disk import Found, Stop, find, in_thread
from codeflow_engine.providers.vcs.git.objects import Blob, list_tree, read_blobs
from codeflow_engine.providers.vcs.git.plumbing import Plumbing

__all__ = ["raw_path", "read"]

_ABSENT: Final = "absent"
_STALE: Final = "changed since the change was read"
_FULL: Final = {40, 64}
_LINK, _SUBMODULE, _TREE = "120000", "160000", "040000"


class _Place(NamedTuple):
    """Where a path's content is: an object, a path at the base, or nowhere for a reason."""

    mode: str | None = None
    id: str | None = None
    base_path: str | None = None
    reason: str | None = None


async def read(
    plumbing: Plumbing, change: Change, paths: Sequence[str], *, side: Side, limit: int
) -> tuple[FileContent, ...]:
    """Read files, as `contracts.vcs.VCS.read_files` says."""
    revision = change.head if side is Side.NEW else change.base
    committed = revision not in {WORKTREE, INDEX}
    # Where the head is no commit, a path outside of the change is what it was at the base.
    tree = revision if committed else change.base
    if tree is None or change.base is None:
        raise ChangeUnavailableError("the change names no revision to read files of")
    changed = await in_thread(lambda _: _changed(change, side, committed=committed))
    places = {path: changed.get(path, _Place()) for path in paths}
    places |= await _look_up(plumbing, places, base=change.base, tree=tree)
    on_disk = {
        path: place
        for path, place in places.items()
        if side is Side.NEW and revision == WORKTREE and path in changed and place.id
    }
    disk = await in_thread(partial(_read_disk, plumbing, on_disk, limit)) if on_disk else {}
    wanted = [place.id.encode() for path, place in places.items() if place.id and path not in disk]
    blobs = await read_blobs(plumbing, wanted, limit=limit)
    return tuple(_answer(path, places[path], disk, blobs) for path in paths)


def _answer(
    path: str, place: _Place, disk: Mapping[str, Blob], blobs: Mapping[bytes, Blob]
) -> FileContent:
    if place.id is None:
        exists = place.reason != _ABSENT
        return FileContent(path=path, mode=place.mode, exists=exists, reason=place.reason)
    blob = disk[path] if path in disk else blobs[place.id.encode()]
    return FileContent(path=path, mode=place.mode, content=blob.content, reason=blob.reason)


def _changed(change: Change, side: Side, *, committed: bool) -> dict[str, _Place]:
    """Give the places of all paths that the diff names, as they are on one side.

    Args:
        change: With its diff.
        side: Of the diff.
        committed: Whether that side is a commit, which can be asked by path.

    What lies above a file that is there is a directory, whatever was there before.
    """
    places: dict[str, _Place] = {}
    for file in change.diff.files:
        # A file that became a link, or the reverse, has two entries: what is, wins.
        for other in _absent(file, side):
            places.setdefault(other, _Place(reason=_ABSENT))
        path, mode, blob = (
            (file.new_path, file.new_mode, file.new_id)
            if side is Side.NEW
            else (file.old_path, file.old_mode, file.old_id)
        )
        if path is None:
            continue
        if mode == _SUBMODULE:
            places[path] = _Place(mode=mode, reason="a submodule")
        elif blob is not None and len(blob) in _FULL:
            places[path] = _Place(mode=mode, id=blob)
        elif committed and (blob is not None or file.is_binary):
            places[path] = _Place()  # abbreviated, or not said
        elif blob is not None or file.is_binary:
            places[path] = _Place(mode=mode, reason="its content is no part of the change")
        else:  # moved, or with another mode: its content is that of the base
            places[path] = _Place(mode=mode, base_path=file.old_path)
    there = [path for path, place in places.items() if place.reason != _ABSENT]
    for parent in {parent for path in there for parent in _parents(path)}:
        if parent not in places or places[parent].reason == _ABSENT:
            places[parent] = _Place(mode=_TREE, reason="a directory")
    return places


def _parents(path: str) -> Iterator[str]:
    """Give the directories that a path lies in."""
    place = path.rfind("/")
    while place > 0:
        yield path[:place]
        place = path.rfind("/", 0, place)


def _absent(file: DiffFile, side: Side) -> Iterator[str]:
    """Give the path of an entry that is not there on a side."""
    path, other = (
        (file.new_path, file.old_path) if side is Side.NEW else (file.old_path, file.new_path)
    )
    if other is not None and other != path and file.status is not FileStatus.COPIED:
        yield other


async def _look_up(
    plumbing: Plumbing, places: Mapping[str, _Place], *, base: str, tree: str
) -> dict[str, _Place]:
    """Find the objects of paths for which the diff names none."""
    found: dict[str, _Place] = {}
    asked: dict[str, dict[str, bytes]] = {base: {}, tree: {}}
    for path, place in places.items():
        raw = raw_path(path)
        if raw is None:
            found[path] = _Place(reason="not a path of a repository")
        elif place.base_path is not None:
            asked[base][path] = raw_path(place.base_path) or raw
        elif place.id is None and place.reason is None:
            asked[tree][path] = raw
    for revision, named in asked.items():
        entries = await list_tree(plumbing, revision, list(named.values()))
        for path, raw in named.items():
            entry = entries.get(raw)
            if entry is None:
                found[path] = _Place(reason=_ABSENT)
                continue
            mode = entry.mode.decode()
            if mode in {_SUBMODULE, _TREE}:
                reason = "a submodule" if mode == _SUBMODULE else "a directory"
                found[path] = _Place(mode=mode, reason=reason)
            else:
                found[path] = _Place(mode=places[path].mode or mode, id=entry.id.decode())
    return found


def raw_path(path: str) -> bytes | None:
    """Give the bytes of a path; None where no file of a repository can have it."""
    try:
        raw = path.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return None
    parts = raw.split(b"/")
    odd = b"\0" in raw or any(
        part in {b"", b".", b".."} or part.lower() == b".git" for part in parts
    )
    return None if odd else raw


def _read_disk(
    plumbing: Plumbing, places: Mapping[str, _Place], limit: int, stop: Stop
) -> dict[str, Blob]:
    """Read files of the working tree that are still what the diff was made from."""
    if plumbing.repository.root is None:
        raise ChangeUnavailableError(plumbing.repository.no_root)
    blobs = {}
    root = os.open(plumbing.repository.root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for path, place in places.items():
            stop()
            with find(root, raw_path(path) or b"") as file:
                blobs[path] = (
                    Blob(None, _STALE)
                    if file is None
                    else _verify(plumbing, file, place, limit=limit, stop=stop)
                )
    finally:
        os.close(root)
    return blobs


def _verify(plumbing: Plumbing, file: Found, place: _Place, *, limit: int, stop: Stop) -> Blob:
    kind = plumbing.repository.object_format
    content = file.read(limit)
    candidates: Iterable[bytes]
    if content is None:
        candidates = [lfs_pointer(file.stat.st_size, file.pieces(stop))]
    elif place.mode == _LINK:
        candidates = [content]
    else:
        candidates = forms(content) if file.file is not None else ()
    for candidate in candidates:
        if blob_id(kind, len(candidate), [candidate]) == place.id:
            return Blob(candidate)
    return Blob(None, _STALE if content is not None else f"larger than {limit} bytes")
