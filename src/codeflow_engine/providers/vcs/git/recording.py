"""Writes what differs from a commit as a tree, by one run of `git fast-import`."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from typing import BinaryIO, Final

from codeflow_engine.errors import ChangeUnavailableError
from codeflow_engine.providers.vcs.git.index import Staged
from codeflow_engine.providers.vcs.git.objects import TreeEntry
from codeflow_engine.providers.vcs.git.plumbing import Plumbing, quote

__all__ = ["Recorder", "notice"]

_TOTAL: Final = 1024 * 1024 * 1024
_COMMIT: Final = re.compile(rb"([0-9a-f]{40,64})\n")
_BEGIN: Final = b"feature done\ncommit refs/snapshot\nmark :1\ncommitter x <x> 0 +0000\ndata 0\n"
_END: Final = b"\nget-mark :1\ndone\n"


class Recorder:
    """A stream of changes to the commit that is checked out; made by `Recorder.on`."""

    def __init__(self, plumbing: Plumbing, stream: BinaryIO) -> None:
        self._plumbing = plumbing
        self._stream = stream
        self._total = 0
        self._any = False
        head = plumbing.head.id
        stream.write(_BEGIN)
        if head is not None:
            stream.write(b"from %s\n" % head.encode())

    @classmethod
    @contextmanager
    def on(cls, plumbing: Plumbing) -> Iterator[Recorder]:
        """Begin with the commit as it is."""
        with (plumbing.directory / "stream").open("wb") as stream:
            yield cls(plumbing, stream)

    def apply(
        self,
        staged: Mapping[bytes, Staged | None],
        *,
        gone: Collection[bytes] = (),
        folders: Collection[bytes] = (),
    ) -> None:
        """Record what is staged, and what is gone from the working tree.

        Args:
            staged: Differences of the index from the commit.
            gone: Paths that are not in the working tree.
            folders: Paths that are directories there; to remove one would empty it.
        """
        removed = {path for path, entry in staged.items() if entry is None} | set(gone)
        for path in sorted(removed.difference(folders)):
            self.remove(path)
        for path, entry in sorted(staged.items()):
            if entry is not None and path not in gone:
                self.point(path, entry.mode, entry.id)

    def remove(self, path: bytes) -> None:
        """Record that a path is no more; before any path below it is written."""
        self._write(b"D %s\n" % quote(path))

    def point(self, path: bytes, mode: bytes, object_id: bytes) -> None:
        """Record an object that exists."""
        self._write(b"M %s %s %s\n" % (mode, object_id, quote(path)))

    def put(self, path: bytes, mode: bytes, content: bytes) -> None:
        """Record a new content.

        Raises:
            ChangeUnavailableError: All contents together are too much.
        """
        self._total += len(content)
        if self._total > _TOTAL:
            raise ChangeUnavailableError(
                f"what is not committed has more than {_TOTAL} bytes: name generated files in "
                ".gitignore, or review what is staged or committed"
            )
        self._write(b"M %s inline %s\ndata %d\n" % (mode, quote(path), len(content)))
        self._write(content)
        self._write(b"\n")

    def _write(self, data: bytes) -> None:
        self._any = True
        self._stream.write(data)

    async def finish(self) -> str:
        """Write the tree; give its id, or that of the commit where nothing differs."""
        if not self._any:
            return self._plumbing.head.id or self._plumbing.empty_tree
        self._stream.write(_END)
        self._stream.flush()
        told = await self._plumbing.run(
            "fast-import", "--quiet", stdin=self._plumbing.directory / "stream"
        )
        commit = _COMMIT.fullmatch(told)
        if commit is None:
            raise ChangeUnavailableError("git recorded a snapshot and did not say where")
        return commit[1].decode()


def notice(path: bytes, old: TreeEntry | None, mode: bytes, new_id: str | None) -> bytes:
    """Write the entry of a diff for a file that differs and whose content is not shown.

    Args:
        path: The file's path on both sides.
        old: What it was; None where it is new.
        mode: Its mode now.
        new_id: Its blob id; None where it is not known, and then no id is written.
    """
    before, after = quote(b"a/" + path), quote(b"b/" + path)
    lines = [b"diff --git %s %s" % (before, after)]
    old_id = old.id.decode() if old is not None else "0" * len(new_id or "")
    end = b""
    if old is None:
        lines.append(b"new file mode %s" % mode)
        before = b"/dev/null"
    elif old.mode != mode:
        lines += [b"old mode %s" % old.mode, b"new mode %s" % mode]
    else:
        end = b" %s" % mode
    if new_id is not None:
        lines.append(b"index %s..%s%s" % (old_id.encode(), new_id.encode(), end))
    lines.append(b"Binary files %s and %s differ" % (before, after))
    return b"".join(line + b"\n" for line in lines)
