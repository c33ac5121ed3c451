"""Files of a change on one side: by trees and blobs, or through a clone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from codeflow_engine.domain.change import Change, FileContent
from codeflow_engine.domain.diff import Side
from codeflow_engine.errors import ChangeUnavailableError, ProviderError
from codeflow_engine.providers.vcs.git.objects import Blob, list_tree, read_blobs
from codeflow_engine.providers.vcs.git.reading import raw_path
from codeflow_engine.providers.vcs.github.errors import TOO_LARGE
from codeflow_engine.providers.vcs.github.source import Source
from codeflow_engine.providers.vcs.github.target import FULL_ID
from codeflow_engine.providers.vcs.github.together import together
from codeflow_engine.providers.vcs.github.trees import TREE, Place

__all__ = ["read"]

_SUBMODULE: Final = "160000"
_NO_PATH: Final = "not a path of a repository"
_BLOBS: Final = 100
"""Blobs that are asked for one by one; for more, git fetches all in one request."""

_NO_REVISION: Final = "the change names no commit of GitHub to read files of"


async def read(
    source: Source, change: Change, paths: Sequence[str], *, side: Side, limit: int
) -> tuple[FileContent, ...]:
    """Read files, as `contracts.vcs.VCS.read_files` says."""
    commit = change.head if side is Side.NEW else change.base
    if commit is None or FULL_ID.fullmatch(commit) is None:
        raise ChangeUnavailableError(_NO_REVISION)
    names = {path: raw for path in paths if (raw := raw_path(path)) is not None}
    if not names:
        return tuple(FileContent(path=path, reason=_NO_PATH) for path in paths)
    found = None
    if all(map(_is_text, names)):
        found = await _over_interface(source, commit, names, limit)
    if found is None:
        found = await _over_clone(source, commit, names, limit)
    places, blobs = found
    return tuple(_answer(path, places.get(path), blobs) for path in paths)


type _Found = tuple[Mapping[str, Place], Mapping[str, Blob]]


async def _over_interface(
    source: Source, commit: str, names: Mapping[str, bytes], limit: int
) -> _Found | None:
    """Read over REST; None where that would not be whole, or too many requests."""
    places = await source.trees.find(source.client, commit, names)
    if places is None:
        return None
    sizes = {place.id: place.size for place in places.values() if _is_file(place)}
    large = {blob for blob, size in sizes.items() if size is not None and size > limit}
    wanted = sorted(sizes.keys() - large)
    if len([blob for blob in wanted if source.kept(blob) is None]) > _BLOBS:
        return None
    contents = await together(_blob(source, blob, limit) for blob in wanted)
    blobs = dict(zip(wanted, contents, strict=True))
    return places, blobs | dict.fromkeys(large, _larger(limit))


async def _blob(source: Source, blob: str, limit: int) -> Blob:
    try:
        content = await source.blob(blob, limit=limit)
    except ProviderError as error:
        if error.kind != TOO_LARGE:
            raise
        return _larger(limit)
    return Blob(content) if len(content) <= limit else _larger(limit)


async def _over_clone(
    source: Source, commit: str, names: Mapping[str, bytes], limit: int
) -> _Found:
    async with source.clone(commit) as clone:
        entries = await list_tree(clone.plumbing, commit, list(names.values()))
        places = {
            path: Place(mode=entry.mode.decode(), id=entry.id.decode())
            for path, raw in names.items()
            if (entry := entries.get(raw)) is not None
        }
        ids = {place.id.encode() for place in places.values() if _is_file(place)}
        await clone.fetch_blobs(ids)
        blobs = await read_blobs(clone.plumbing, ids, limit=limit)
        return places, {blob.decode(): content for blob, content in blobs.items()}


def _answer(path: str, place: Place | None, blobs: Mapping[str, Blob]) -> FileContent:
    if raw_path(path) is None:
        return FileContent(path=path, reason=_NO_PATH)
    if place is None:
        return FileContent(path=path, exists=False, reason="absent")
    if not _is_file(place):
        reason = "a submodule" if place.mode == _SUBMODULE else "a directory"
        return FileContent(path=path, mode=place.mode, reason=reason)
    blob = blobs[place.id]
    return FileContent(path=path, mode=place.mode, content=blob.content, reason=blob.reason)


def _is_file(place: Place) -> bool:
    return place.mode not in {_SUBMODULE, TREE}


def _is_text(path: str) -> bool:
    """Say whether JSON can hold a path as it is: bytes that are no UTF-8 would be replaced."""
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return True


def _larger(limit: int) -> Blob:
    return Blob(None, f"larger than {limit} bytes")
