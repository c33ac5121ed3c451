"""Reads a directory into memory, within bounds, and never anything that lies outside of it."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from codeflow_engine.errors import ChangeUnavailableError, ProviderError

__all__ = ["File", "Tree", "digest", "read"]

_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """A file as git would store it; of a link the content is its target."""

    mode: str
    content: bytes


type Tree = Mapping[str, File]
"""Files by their paths, with `/` between the parts."""


def read(root: str, *, max_files: int, max_bytes: int) -> Tree:
    """Read a whole tree, or none of it.

    Raises:
        ChangeUnavailableError: There is no such directory, or it holds what is neither file,
            link nor directory.
        ProviderError: It is larger than allowed, or cannot be read.
    """
    if os.path.islink(root):
        raise ChangeUnavailableError(f"{root!r} is a link, which may lead anywhere")
    found: dict[str, File] = {}
    left = max_bytes
    try:
        for path in sorted(_walk(root, "", max_files)):
            found[path] = _read(os.path.join(root, path), left)
            left -= len(found[path].content)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise ChangeUnavailableError(f"there is no directory {root!r}, or not any more") from error
    except OSError as error:
        raise ProviderError(f"{root!r} cannot be read: {error.strerror}") from error
    return found


def _walk(root: str, within: str, room: int) -> Iterator[str]:
    """List what is no directory; deep trees are bounded by their number of entries."""
    waiting, seen = [within], 0
    while waiting:
        directory = waiting.pop()
        with os.scandir(os.path.join(root, directory)) as entries:
            for entry in entries:
                seen += 1
                if seen > room:
                    raise ProviderError(f"{root!r} holds more than {room} files and directories")
                path = f"{directory}/{entry.name}".lstrip("/")
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(path)
                else:
                    yield path


def _read(path: str, left: int) -> File:
    status = os.lstat(path)
    if stat.S_ISLNK(status.st_mode):
        return File(mode="120000", content=os.fsencode(os.readlink(path)))
    if not stat.S_ISREG(status.st_mode):
        raise ChangeUnavailableError(f"{path!r} is neither a file, a link nor a directory")
    # What was looked at may be something else by now: only a regular file is read.
    with os.fdopen(os.open(path, _FLAGS), "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise ChangeUnavailableError(f"{path!r} has become something else")
        content = file.read(left + 1)
    if len(content) > left:
        raise ProviderError(f"with {path!r}, the tree is larger than allowed")
    return File(mode="100755" if status.st_mode & stat.S_IXUSR else "100644", content=content)


def digest(tree: Tree) -> str:
    """Name a tree by all that is in it."""
    found = hashlib.sha256()
    for path, file in sorted(tree.items()):
        for part in (os.fsencode(path), file.mode.encode(), file.content):
            found.update(b"%d:" % len(part) + part)
    return found.hexdigest()
