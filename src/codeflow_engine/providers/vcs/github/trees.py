"""Where files stand in a commit: its trees, as GitHub's database of git objects has them.

The contents interface follows links and has no modes; trees have both, and never change.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from codeflow_engine.providers.vcs.github.client import Client
from codeflow_engine.providers.vcs.github.errors import Asked, malformed
from codeflow_engine.providers.vcs.github.target import FULL_ID
from codeflow_engine.providers.vcs.github.together import together

__all__ = ["TREE", "Place", "Trees"]

TREE: Final = "040000"
_MODES: Final = frozenset({"100644", "100664", "100755", "120000", "160000", TREE})
_DIRECTORIES: Final = 16
"""Directories that are asked for one by one; for more, the whole tree is one request."""

_ENTRIES: Final = 200_000
"""Entries of trees that are kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One entry of a tree."""

    mode: str
    id: str
    size: int | None = None
    """Bytes of a file."""


type _Listing = Mapping[str, Place]


class Trees:
    """Looks paths up in commits, and keeps what it has seen. Of one event loop."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, _Listing] = OrderedDict()
        self._used = 0

    async def find(
        self, client: Client, commit: str, paths: Iterable[str]
    ) -> dict[str, Place] | None:
        """Give the places of paths; one that is not there is left out.

        Args:
            client: Of the repository.
            commit: Full id.
            paths: Of files, without empty parts or dots.

        Returns:
            None where GitHub does not give a tree whole.
        """
        wanted = sorted(set(paths))
        folders = {folder for path in wanted for folder in _above(path)}
        if len(folders) > _DIRECTORIES:
            whole = await self._list(client, commit, recursive=True)
            return None if whole is None else {one: whole[one] for one in wanted if one in whole}
        root = await self._list(client, commit)
        if root is None:
            return None
        listings: dict[str, _Listing] = {"": root}
        for level in _levels(folders):
            here = [
                (folder, place.id)
                for folder in level
                if (place := _look_up(listings, folder)) is not None and place.mode == TREE
            ]
            found = await together(self._list(client, tree) for _, tree in here)
            for (folder, _), listing in zip(here, found, strict=True):
                if listing is None:
                    return None
                listings[folder] = listing
        places = {path: _look_up(listings, path) for path in wanted}
        return {path: place for path, place in places.items() if place is not None}

    async def _list(self, client: Client, tree: str, *, recursive: bool = False) -> _Listing | None:
        key = f"{client.repository} {tree} {recursive}"
        kept = self._kept.get(key)
        if kept is not None:
            self._kept.move_to_end(key)
            return kept
        path = f"/repos/{client.repository}/git/trees/{tree}"
        parameters = {"recursive": "1"} if recursive else None
        answer = await client.request("GET", path, parameters=parameters, needs="contents: read")
        asked = Asked(method="GET", path=path)
        if not isinstance(answer.body, dict):
            raise malformed(asked, "no tree")
        if answer.body.get("truncated"):
            return None
        listing = await asyncio.to_thread(_read, answer.body.get("tree"), asked)
        self._keep(key, listing)
        return listing

    def _keep(self, key: str, listing: _Listing) -> None:
        self._kept[key] = listing
        self._used += len(listing) + 1
        while self._used > _ENTRIES:
            _, gone = self._kept.popitem(last=False)
            self._used -= len(gone) + 1


def _read(entries: Any, asked: Asked) -> _Listing:
    found: dict[str, Place] = {}
    for entry in entries if isinstance(entries, list) else [None]:
        told = entry if isinstance(entry, dict) else {}
        path, mode, blob = told.get("path"), told.get("mode"), told.get("sha")
        size = told.get("size")
        if not (isinstance(path, str) and isinstance(blob, str) and FULL_ID.fullmatch(blob)):
            raise malformed(asked, "a tree of another form")
        if mode not in _MODES:
            raise malformed(asked, "a mode that git does not have")
        found[path] = Place(mode=mode, id=blob, size=size if isinstance(size, int) else None)
    return found


def _look_up(listings: Mapping[str, _Listing], path: str) -> Place | None:
    folder, _, name = path.rpartition("/")
    listing = listings.get(folder)
    return None if listing is None else listing.get(name)


def _above(path: str) -> Iterable[str]:
    place = path.rfind("/")
    while place > 0:
        yield path[:place]
        place = path.rfind("/", 0, place)


def _levels(folders: Iterable[str]) -> list[list[str]]:
    levels: dict[int, list[str]] = {}
    for folder in sorted(folders):
        levels.setdefault(folder.count("/"), []).append(folder)
    return [levels[depth] for depth in sorted(levels)]
