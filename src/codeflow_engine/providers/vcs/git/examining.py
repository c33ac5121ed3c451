"""Reads what may differ in a working tree, and records what does."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping, Sequence
from typing import Final

from codeflow_engine.providers.vcs.git.configuration import truth
from codeflow_engine.providers.vcs.git.content import (
    blob_id,
    canonical,
    has_crlf,
    is_opaque,
    keeps_crlf,
    lfs_pointer,
)
from codeflow_engine.providers.vcs.git.disk import Found, Stop, find
from codeflow_engine.providers.vcs.git.index import Entry
from codeflow_engine.providers.vcs.git.objects import TreeEntry, list_tree, read_blobs
from codeflow_engine.providers.vcs.git.plumbing import Plumbing
from codeflow_engine.providers.vcs.git.recording import Recorder, notice
from codeflow_engine.providers.vcs.git.rules import Attributes

__all__ = ["Examiner"]

_HASHED: Final = 1024 * 1024 * 1024
"""Largest file whose id is computed to see whether it differs at all."""

_PLAIN: Final = Attributes()
_REGULAR: Final = {b"100644", b"100755"}


class Examiner:
    """Decides about each suspect of a working tree.

    Args:
        plumbing: Of the repository.
        recorder: Takes what differs.
        suspects: Paths that may differ, with what the index has recorded.
        unmerged: Those of them that are in conflict.
        attributes: Of the suspects.
    """

    def __init__(
        self,
        plumbing: Plumbing,
        recorder: Recorder,
        suspects: Mapping[bytes, Entry | None],
        *,
        unmerged: frozenset[bytes],
        attributes: Mapping[bytes, Attributes],
    ) -> None:
        config = plumbing.repository.config
        self._plumbing = plumbing
        self._recorder = recorder
        self._suspects = suspects
        self._unmerged = unmerged
        self._attributes = attributes
        self._autocrlf = config.get("core.autocrlf", "false")
        self._executable_bits = truth(config, "core.filemode", default=True)
        self._links = truth(config, "core.symlinks", default=True)
        self._crlf_recorded: frozenset[bytes] = frozenset()
        self._opaque: dict[bytes, tuple[bytes, str | None]] = {}

    async def look_at_recorded_line_ends(self, candidates: Sequence[bytes]) -> None:
        """Find out which recorded blobs have CRLF, where that decides what CRLF now means."""
        recorded = {}
        for path in candidates:
            entry = self._suspects[path]
            if entry is not None:
                recorded[path] = entry.id
        blobs = await read_blobs(
            self._plumbing, recorded.values(), limit=self._plumbing.caps.file_bytes
        )
        self._crlf_recorded = frozenset(
            path for path, blob in recorded.items() if has_crlf(blobs[blob].content or b"")
        )

    def find_crlf(self, stop: Stop) -> list[bytes]:
        """List the suspects whose CRLF may or may not be meant; blocks."""
        found = []
        root = os.open(self._plumbing.repository.root or "", os.O_RDONLY | os.O_DIRECTORY)
        try:
            for path, entry in self._suspects.items():
                stop()
                if entry is None or not keeps_crlf(self._about(path), self._autocrlf):
                    continue
                with find(root, path) as file:
                    content = None if file is None else file.read(self._plumbing.caps.file_bytes)
                if content is not None and b"\r\n" in content:
                    found.append(path)
        finally:
            os.close(root)
        return found

    def examine(self, stop: Stop) -> None:
        """Read every suspect, and record those that differ; blocks."""
        root = os.open(self._plumbing.repository.root or "", os.O_RDONLY | os.O_DIRECTORY)
        try:
            for path, entry in sorted(self._suspects.items(), key=lambda item: item[0]):
                stop()
                with find(root, path) as file:
                    if file is None:  # vanished after the walk
                        self._recorder.remove(path)
                    else:
                        self._examine(path, entry, file, stop)
        finally:
            os.close(root)

    def _about(self, path: bytes) -> Attributes:
        return self._attributes.get(path, _PLAIN)

    def _examine(self, path: bytes, entry: Entry | None, file: Found, stop: Stop) -> None:
        mode = self._mode(entry, file)
        content = file.read(self._plumbing.caps.file_bytes)
        if entry is not None and (entry.is_intended or path in self._unmerged):
            entry = None  # what is recorded is no file to compare with
        if content is None:
            self._examine_large(path, entry, mode, file, stop)
            return
        if self._is_recorded(path, entry, mode, content):
            return
        if mode in _REGULAR:
            about = self._about(path)
            if is_opaque(about):
                self._opaque[path] = (mode, None)
                return
            content = canonical(
                content,
                about,
                autocrlf=self._autocrlf,
                crlf_recorded=path in self._crlf_recorded,
            )
            if self._is_recorded(path, entry, mode, content):
                return
        self._recorder.put(path, mode, content)

    def _mode(self, entry: Entry | None, file: Found) -> bytes:
        if file.file is None:
            return b"120000"
        if entry is not None and entry.is_link and not self._links:
            return b"120000"  # a file system without links has it as a file
        if not self._executable_bits:
            return entry.mode if entry is not None and entry.mode in _REGULAR else b"100644"
        return b"100755" if file.stat.st_mode & stat.S_IXUSR else b"100644"

    def _is_recorded(self, path: bytes, entry: Entry | None, mode: bytes, content: bytes) -> bool:
        """Tell whether the index has this content already, and take its word for it."""
        if entry is None:
            return False
        found = blob_id(self._plumbing.repository.object_format, len(content), [content])
        if found.encode() != entry.id:
            return False
        if mode != entry.mode:
            self._recorder.point(path, mode, entry.id)
        return True

    def _examine_large(
        self, path: bytes, entry: Entry | None, mode: bytes, file: Found, stop: Stop
    ) -> None:
        """Decide about a file that is too large to be shown, in bounded memory."""
        size = file.stat.st_size
        if self._about(path).filter == b"lfs":
            self._recorder.put(path, mode, lfs_pointer(size, file.pieces(stop)))
            return
        found = None
        if size <= _HASHED and not is_opaque(self._about(path)):
            found = blob_id(self._plumbing.repository.object_format, size, file.pieces(stop))
        if entry is None or found is None or found.encode() != entry.id:
            self._opaque[path] = (mode, found)
        elif mode != entry.mode:
            self._recorder.point(path, mode, entry.id)

    async def settle_opaque(self, old: str) -> bytes:
        """Record files that cannot be shown as they were; give entries that say they differ.

        Args:
            old: What the snapshot is compared with.
        """
        if not self._opaque:
            return b""
        before = await list_tree(self._plumbing, old, sorted(self._opaque))
        notices = []
        for path, (mode, found) in sorted(self._opaque.items()):
            was: TreeEntry | None = before.get(path)
            if was is None or was.mode not in _REGULAR:
                was = None
                self._recorder.remove(path)
            else:
                self._recorder.point(path, was.mode, was.id)
                if found is not None and (was.id.decode(), was.mode) == (found, mode):
                    continue
            notices.append(notice(path, was, mode, found))
        return b"".join(notices)
