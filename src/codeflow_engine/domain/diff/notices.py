"""Lines that say that a file differs without showing how.

Each is an entry of its own, with a reason, so that no change is passed over in silence.
"""

from __future__ import annotations

import re

from codeflow_engine.domain.diff.grammar import header_line
from codeflow_engine.domain.diff.headers import FileStatus, Header, read_names
from codeflow_engine.domain.diff.paths import split_pair
from codeflow_engine.domain.diff.usual import Shape

__all__ = ["NOTICE", "read_notice"]

NOTICE = rb"Submodule |\* Unmerged path |Property changes on: "
"""How the notices of git and Subversion begin, which may stand anywhere.

Those of GNU diff are told only where no free text stands above them: "Only in tests: ..."
may well be a line of a commit message.
"""

_SUBMODULE = re.compile(
    rb"Submodule ([^\n]+) "
    rb"(?:([0-9a-f]{4,64})\.{2,3}([0-9a-f]{4,64})(?: \(([a-z ]+)\))?:?|contains [a-z]+ content)"
)
_SUBMODULE_STATUS = {
    b"new submodule": FileStatus.ADDED,
    b"submodule deleted": FileStatus.DELETED,
}
_PATH_ONLY = {
    b"* Unmerged path ": "the path is in conflict, and the diff does not show its content",
    b"Property changes on: ": "changes of Subversion properties are not read",
}
_TWO_NAMES = {
    b"Binary files ": None,
    b"Files ": "the diff says that the files differ without showing how",
    b"Symbolic links ": "the diff says that the symbolic links differ without showing how",
}


def read_notice(data: bytes, position: int, *, gnu: bool) -> Header | None:
    """Read the notice at `position`, if there is one.

    Args:
        data: The diff.
        position: Where a line begins.
        gnu: Whether one of GNU diff may stand there.

    Raises:
        DiffError: A notice names no path.
    """
    if data.startswith((b"Submodule ", *_PATH_ONLY), position):
        return _read_anywhere(data, position)
    if gnu and data.startswith((b"Only in ", b"File ", *_TWO_NAMES), position):
        return _read_gnu(data, position)
    return None


def _read_anywhere(data: bytes, position: int) -> Header | None:
    line, body = header_line(data, position)
    for words, reason in _PATH_ONLY.items():
        if line.startswith(words):
            name = line.removeprefix(words)
            return _entry(data, position, body, (name, name), reason)
    found = _SUBMODULE.fullmatch(line)
    return None if found is None else _read_submodule(data, position, body, found)


def _read_submodule(data: bytes, position: int, body: int, found: re.Match[bytes]) -> Header:
    status = _SUBMODULE_STATUS.get(found[4], FileStatus.MODIFIED)
    old_path, new_path = read_names(data, position, found[1], found[1])
    old_id, new_id = found[2], found[3]
    added, deleted = status is FileStatus.ADDED, status is FileStatus.DELETED
    return Header(
        body=body,
        shape=Shape(takes_hunks=False),
        old_path=None if added else old_path,
        new_path=None if deleted else new_path,
        status=status,
        old_mode=None if added else "160000",
        new_mode=None if deleted else "160000",
        old_id=None if added or old_id is None else old_id.decode(),
        new_id=None if deleted or new_id is None else new_id.decode(),
        unsupported="a submodule's change is shown as a summary, not as a diff",
    )


def _read_gnu(data: bytes, position: int) -> Header | None:
    line, body = header_line(data, position)
    if line.startswith(b"Only in "):
        folder, found, name = line.removeprefix(b"Only in ").partition(b": ")
        path = folder + b"/" + name
        reason = "only one side has this path, and the diff does not show its content"
        return _entry(data, position, body, (path, path), reason) if found else None
    if line.startswith(b"File "):
        one, found, other = line.removeprefix(b"File ").partition(b" while file ")
        old, new = one.rpartition(b" is a")[0], other.rpartition(b" is a")[0]
        reason = "the two sides are of different kinds, such as a file and a directory"
        return _entry(data, position, body, (old, new), reason) if found else None
    words = next(words for words in _TWO_NAMES if line.startswith(words))
    pair = split_pair(line.removeprefix(words).removesuffix(b" differ"), b" and ")
    if pair is None or not line.endswith(b" differ"):
        return None
    return _entry(data, position, body, pair, _TWO_NAMES[words])


def _entry(
    data: bytes, position: int, body: int, names: tuple[bytes, bytes], reason: str | None
) -> Header:
    """Make the entry; one without a reason is a binary file."""
    old_path, new_path = read_names(data, position, *names)
    return Header(
        body=body,
        shape=Shape(takes_hunks=False),
        old_path=old_path,
        new_path=new_path,
        status=FileStatus.MODIFIED if reason is None else FileStatus.UNKNOWN,
        is_binary=reason is None,
        unsupported=reason,
    )
