"""Which paths are ignored, and which attributes they have.

Git answers, since only git knows its patterns in full, and since a pattern that takes for
ever is then ended with its process. It answers from a directory of ours that holds copies
of the rules and nothing else: the working tree itself is never in its sight.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Final, NamedTuple

from codeflow_engine.providers.vcs.git.disk import Stop, in_thread, open_regular, read_regular
from codeflow_engine.providers.vcs.git.plumbing import Plumbing

__all__ = ["Attributes", "Rules"]

_LIMIT: Final = 1024 * 1024
_IGNORE, _ATTRIBUTES = b".gitignore", b".gitattributes"
_ASKED: Final = ("text", "eol", "filter", "ident", "working-tree-encoding")


class Attributes(NamedTuple):
    """What decides how a file of the working tree becomes a blob; in git's own words."""

    text: bytes = b"unspecified"
    eol: bytes = b"unspecified"
    filter: bytes = b"unspecified"
    ident: bytes = b"unspecified"
    encoding: bytes = b"unspecified"


class Rules:
    """The rules of one working tree, collected while it is walked."""

    names: Final = frozenset((_IGNORE, _ATTRIBUTES))
    """Files that hold rules."""

    def __init__(self, plumbing: Plumbing) -> None:
        self._plumbing = plumbing
        self._tree = plumbing.directory / "tree"
        self._any = {_IGNORE: False, _ATTRIBUTES: False}

    def prepare(self, tracked: Iterable[bytes]) -> None:
        """Copy the rules that lie outside of the working tree; blocks."""
        self._tree.mkdir()
        info = self._plumbing.repository.shared_dir / "info"
        copies = self._plumbing.directory / "info"
        exclude = read_regular(info / "exclude", limit=_LIMIT)
        if exclude:
            self._any[_IGNORE] |= _has_rules(exclude)
            (copies / "exclude").write_bytes(exclude)
        attributes = read_regular(info / "attributes", limit=_LIMIT)
        if attributes:
            self._any[_ATTRIBUTES] |= _has_rules(attributes)
            ours = (copies / "attributes").read_bytes()
            # The last line wins: what is shown of a change stays undecided by attributes.
            (copies / "attributes").write_bytes(attributes + b"\n" + ours)
        # In a sparse working tree, git takes the rules that are not there from the index.
        self._any[_ATTRIBUTES] |= any(
            path.endswith(_ATTRIBUTES) and path[-len(_ATTRIBUTES) - 1 : -len(_ATTRIBUTES)] in b"/"
            for path in tracked
        )

    def keep(self, directory: int, prefix: bytes, name: bytes) -> None:
        """Copy a file of rules; one that git would not read (a link, too large) is none."""
        opened = open_regular(directory, name)
        if opened is None:
            return
        with opened[0] as file:
            text = file.read(_LIMIT + 1)
        if len(text) <= _LIMIT:
            self._any[name] |= _has_rules(text)
            self.mark(prefix)
            self._place(prefix + name).write_bytes(text)

    def mark(self, path: bytes) -> None:
        """Remember that a path is a directory, which some patterns ask for."""
        self._place(path).mkdir(parents=True, exist_ok=True)

    def _place(self, path: bytes) -> Path:
        return self._tree / os.fsdecode(path)

    async def ignored(self, paths: Sequence[bytes]) -> set[bytes]:
        """Find out which untracked paths are ignored."""
        if not self._any[_IGNORE] or not paths:
            return set()
        # With "./" before it, a name cannot be read as a pattern with magic.
        told = await self._plumbing.run(
            *("check-ignore", "--stdin", "-z", "--no-index"),
            stdin=b"".join(b"./%s\0" % path for path in paths),
            output=sum(map(len, paths)) + 3 * len(paths),
            also=(1,),
            tree=self._tree,
        )
        return await in_thread(
            lambda _: {path.removeprefix(b"./") for path in told.split(b"\0") if path}
        )

    async def attributes(self, paths: Sequence[bytes]) -> dict[bytes, Attributes]:
        """Find out the attributes of paths; a path without any may be absent."""
        if not self._any[_ATTRIBUTES] or not paths:
            return {}
        told = await self._plumbing.run(
            *("check-attr", "--stdin", "-z", *_ASKED),
            stdin=b"".join(b"%s\0" % path for path in paths),
            output=(sum(map(len, paths)) + _LIMIT) * len(_ASKED) * 2,
            tree=self._tree,
        )
        return await in_thread(partial(_parse_attributes, told))


def _parse_attributes(told: bytes, _stop: Stop) -> dict[bytes, Attributes]:
    fields = told.split(b"\0")[:-1]
    step = 3 * len(_ASKED)
    return {
        fields[place]: Attributes(*fields[place + 2 : place + step : 3])
        for place in range(0, len(fields), step)
    }


def _has_rules(text: bytes) -> bool:
    return any(line.strip() and not line.startswith(b"#") for line in text.splitlines())
