"""Files of a commit or tree: where they stand in it, and their bytes."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import Final, NamedTuple

from codeflow_engine.errors import ChangeUnavailableError
from codeflow_engine.providers.vcs.git.disk import in_thread
from codeflow_engine.providers.vcs.git.plumbing import Plumbing

__all__ = ["Blob", "TreeEntry", "list_tree", "read_blobs"]

_ENTRY: Final = re.compile(rb"([0-7]{6}) (blob|tree|commit) ([0-9a-f]{40,64})\t(.+)", re.DOTALL)
_WORDS: Final = 64 * 1024  # of an argument vector; the system takes at least 128 KiB
_OUTPUT: Final = 64 * 1024 * 1024
_HEADER: Final = re.compile(rb"[0-9a-f]{40,64} (blob|tree|commit|tag) (\d+)\n")


class TreeEntry(NamedTuple):
    """One entry of a tree."""

    mode: bytes
    kind: bytes
    """`blob`, `tree` or `commit`."""

    id: bytes


class Blob(NamedTuple):
    """A blob's bytes, or why they were not read."""

    content: bytes | None
    reason: str | None = None


async def list_tree(
    plumbing: Plumbing, tree: str, paths: Sequence[bytes]
) -> dict[bytes, TreeEntry]:
    """Find paths in a commit or tree; one that is not there is left out.

    Args:
        plumbing: Of the repository.
        tree: Full id.
        paths: Of files: none ends in a slash, or has empty, `.` or `..` parts.
    """
    found: dict[bytes, TreeEntry] = {}
    for some in chain.from_iterable(map(_batches, _apart(paths))):
        words = [os.fsdecode(path) for path in some]
        # After "--" nothing is an option, and no path is a pattern: see `Plumbing.run`.
        text = await plumbing.run(
            "ls-tree", "-z", "--full-tree", "--", tree, *words, output=_OUTPUT, literal=True
        )
        for line in text.split(b"\0")[:-1]:
            entry = _ENTRY.fullmatch(line)
            if entry is None:
                raise ChangeUnavailableError("git listed a tree in an unknown form")
            found[entry[4]] = TreeEntry(mode=entry[1], kind=entry[2], id=entry[3])
    return found


def _apart(paths: Sequence[bytes]) -> Iterator[list[bytes]]:
    """Part paths from those below them: asked for both, git lists the lower one alone."""
    known = set(paths)
    rows: dict[int, list[bytes]] = {}
    for path in paths:
        parts = path.split(b"/")
        above = (b"/".join(parts[:count]) for count in range(1, len(parts)))
        rows.setdefault(sum(parent in known for parent in above), []).append(path)
    yield from rows.values()


def _batches(paths: Iterable[bytes]) -> Iterator[list[bytes]]:
    some: list[bytes] = []
    size = 0
    for path in paths:
        if some and size + len(path) > _WORDS:
            yield some
            some, size = [], 0
        some.append(path)
        size += len(path) + 1
    if some:
        yield some


async def read_blobs(plumbing: Plumbing, ids: Iterable[bytes], *, limit: int) -> dict[bytes, Blob]:
    """Read blobs by their full ids; one larger than `limit` bytes is only named."""
    wanted = sorted(set(ids))
    if not wanted:
        return {}
    asked = await plumbing.run("cat-file", "--batch-check", stdin=_lines(wanted), output=_OUTPUT)
    blobs: dict[bytes, Blob] = {}
    sizes: dict[bytes, int] = {}
    for blob, line in zip(wanted, asked.splitlines(keepends=True), strict=True):
        header = _HEADER.fullmatch(line)
        if header is None:
            blobs[blob] = Blob(None, f"its content is not here ({plumbing.missing_hint()})")
        elif header[1] != b"blob":
            blobs[blob] = Blob(None, "not a file")
        elif int(header[2]) > limit:
            blobs[blob] = Blob(None, f"larger than {limit} bytes")
        else:
            sizes[blob] = int(header[2])
    if sizes:
        text = await plumbing.run(
            "cat-file", "--batch", stdin=_lines(sizes), output=sum(sizes.values()) + _OUTPUT
        )
        blobs.update(await in_thread(lambda _: dict(_split(text, sizes))))
    return blobs


def _lines(ids: Iterable[bytes]) -> bytes:
    return b"".join(b"%s\n" % one for one in ids)


def _split(text: bytes, sizes: dict[bytes, int]) -> Iterator[tuple[bytes, Blob]]:
    place = 0
    for blob, size in sizes.items():
        header = _HEADER.match(text, place)
        if header is None or int(header[2]) != size:
            raise ChangeUnavailableError("git gave objects in an unknown form")
        yield blob, Blob(text[header.end() : header.end() + size])
        place = header.end() + size + 1
