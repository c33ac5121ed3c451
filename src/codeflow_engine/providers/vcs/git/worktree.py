"""A walk over the working tree: what differs from the index, and what is untracked.

Every directory is opened from the root, component by component, without following a link.
Files are looked at with `lstat`; nothing is read here but rules.
"""

from __future__ import annotations

import os
import stat
import sys
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final

from codeflow_engine.errors import ChangeUnavailableError
from codeflow_engine.providers.vcs.git.configuration import truth
from codeflow_engine.providers.vcs.git.discovery import embedded
from codeflow_engine.providers.vcs.git.disk import NOT_THERE, Stop, in_thread, open_directory, shown
from codeflow_engine.providers.vcs.git.index import Entry, Index, is_unchanged
from codeflow_engine.providers.vcs.git.plumbing import Plumbing
from codeflow_engine.providers.vcs.git.refs import read_head
from codeflow_engine.providers.vcs.git.rules import Rules

__all__ = ["Differences", "find_differences"]

_NAMES: Final = sys.getfilesystemencoding()
_TYPE: Final = 0o170000
_ROUND: Final = 2000
"""About how many untracked names are collected before git is asked which are ignored.

Large enough that deep trees need few rounds, and small enough that an ignored directory
of a hundred thousand files is not walked before it is known to be ignored.
"""


@dataclass(slots=True, kw_only=True)
class Differences:
    """What has to be looked at more closely, by path."""

    suspects: dict[bytes, Entry | None] = field(default_factory=dict)
    """Files and links that may differ from their entry; None where they are untracked."""

    gone: set[bytes] = field(default_factory=set)
    """Entries whose file is not there."""

    folders: set[bytes] = field(default_factory=set)
    """Directories that hold entries."""

    submodules: dict[bytes, str] = field(default_factory=dict)
    """Repositories in the tree that stand on another commit than recorded."""


@dataclass(slots=True, kw_only=True)
class _Names:
    """Untracked names, in the order of discovery."""

    files: list[bytes] = field(default_factory=list)
    directories: list[bytes] = field(default_factory=list)
    repositories: dict[bytes, str] = field(default_factory=dict)
    """Directories that are repositories of their own, with the commit that they stand on."""

    troubles: dict[bytes, ChangeUnavailableError] = field(default_factory=dict)
    """Directories that cannot be looked into: no matter where they are ignored."""


async def find_differences(plumbing: Plumbing, index: Index, rules: Rules) -> Differences:
    """Walk the whole working tree.

    Raises:
        ChangeUnavailableError: Something cannot be read, or too much is untracked.
    """
    root = plumbing.repository.root
    if root is None:
        raise ChangeUnavailableError(plumbing.repository.no_root)
    walk = _Walk(plumbing, root, index, rules)
    names = await in_thread(walk.tracked)
    waiting = names.directories
    while True:
        ignored = await rules.ignored([*names.files, *names.directories])
        waiting = await in_thread(partial(walk.accept, names, waiting, ignored))
        if not waiting:
            return walk.found
        names, waiting = await in_thread(partial(walk.untracked, waiting))


class _Walk:
    def __init__(self, plumbing: Plumbing, root: Path, index: Index, rules: Rules) -> None:
        self._repository = repository = plumbing.repository
        self._cap = self._left = plumbing.caps.untracked
        self._root = root
        self._index = index
        self._rules = rules
        executable = stat.S_IXUSR if truth(repository.config, "core.filemode", default=True) else 0
        self._modes = {
            b"100644": (_TYPE | executable, stat.S_IFREG),
            b"100755": (_TYPE | executable, stat.S_IFREG | executable),
            b"120000": (_TYPE, stat.S_IFLNK),
        }
        """What of a file's mode counts, and what it then is, by the mode of the entry."""

        self._parents: set[bytes] = set()
        self.found = Differences()

    def tracked(self, stop: Stop) -> _Names:
        """Walk every directory that holds a tracked file."""
        records = self._index.records
        self._rules.prepare(records)
        self._parents = self.found.folders = _parents(records)
        missing = set(records)
        names = _Names()
        root = os.open(self._root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            waiting = [b""]
            while waiting:
                stop()
                waiting += self._visit(root, waiting.pop(), missing, names)
        finally:
            os.close(root)
        for path in missing:
            recorded = Entry.read(records[path])
            if not (recorded.is_sparse or recorded.is_assumed):
                self.found.gone.add(path)
        return names

    def _visit(self, root: int, path: bytes, missing: set[bytes], names: _Names) -> Sequence[bytes]:
        """Look at the names of one tracked directory; give those below that are tracked, too."""
        try:
            directory = open_directory(root, path)
        except OSError as error:
            if error.errno in NOT_THERE:
                return ()  # replaced meanwhile; its files count as missing
            raise
        below = []
        prefix = path + b"/" if path else b""
        tracked = self._index.records
        try:
            with os.scandir(directory) as entries:
                for entry in entries:
                    name = entry.name.encode(_NAMES, "surrogateescape")
                    here = prefix + name
                    if name in Rules.names:
                        self._rules.keep(directory, prefix, name)
                    if here in self._parents and entry.is_dir(follow_symlinks=False):
                        below.append(here)
                    elif here in tracked:
                        self._compare(here, entry, missing, names)
                    else:
                        self._collect(here, name, entry, names)
        finally:
            os.close(directory)
        return below

    def _compare(
        self, path: bytes, entry: os.DirEntry[str], missing: set[bytes], names: _Names
    ) -> None:
        """Hold one tracked path against its entry."""
        record = self._index.records[path]
        try:
            found = entry.stat(follow_symlinks=False)
        except FileNotFoundError:
            return
        mask, mode = self._modes.get(record[:6], (0, -1))
        surely = found.st_mode & mask == mode and found.st_mtime_ns < self._index.written
        if surely and is_unchanged(record, found):
            missing.discard(path)
            return
        recorded = Entry.read(record)
        if stat.S_ISDIR(found.st_mode):
            if recorded.is_submodule:
                missing.discard(path)
                self._compare_submodule(path, recorded)
            else:
                names.directories.append(path)
                self._rules.mark(path)
        elif stat.S_ISREG(found.st_mode) or stat.S_ISLNK(found.st_mode):
            missing.discard(path)
            unread = recorded.is_intended or recorded.is_unmerged or not surely
            if not recorded.is_assumed and (unread or not recorded.matches(found)):
                self.found.suspects[path] = recorded

    def _compare_submodule(self, path: bytes, recorded: Entry) -> None:
        place = self._root / os.fsdecode(path)
        inner = embedded(place, self._repository)
        commit = None if inner is None else read_head(inner).id
        if commit is not None and commit.encode() != recorded.id:
            self.found.submodules[path] = commit

    def _collect(self, path: bytes, name: bytes, entry: os.DirEntry[str], names: _Names) -> None:
        """Note an untracked name. What is neither file, link nor directory is nothing to git."""
        if name.lower() == b".git":
            return
        if entry.is_dir(follow_symlinks=False):
            names.directories.append(path)
            self._rules.mark(path)
        elif entry.is_symlink() or entry.is_file(follow_symlinks=False):
            names.files.append(path)

    def accept(
        self, names: _Names, waiting: Sequence[bytes], ignored: set[bytes], _stop: Stop
    ) -> list[bytes]:
        """Take what is not ignored; give the directories that are still to be walked."""
        for path, error in names.troubles.items():
            if path not in ignored:
                raise error
        files = [path for path in names.files if path not in ignored]
        self._left -= len(files)
        if self._left < 0:
            raise ChangeUnavailableError(
                f"more than {self._cap} untracked files in {shown(self._root)}: name them in "
                ".gitignore, review what is staged or committed, or raise the limit"
            )
        self.found.suspects.update(dict.fromkeys(files))
        self.found.submodules.update(
            {path: names.repositories[path] for path in names.repositories.keys() - ignored}
        )
        return [path for path in waiting if path not in ignored]

    def untracked(self, directories: Sequence[bytes], stop: Stop) -> tuple[_Names, list[bytes]]:
        """Walk untracked directories, breadth first, until enough names have come together.

        Gives the names, and the directories that nobody has looked into yet.
        """
        names = _Names()
        waiting = deque(directories)
        root = os.open(self._root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            while waiting and len(names.files) + len(names.directories) < _ROUND:
                stop()
                known = len(names.directories)
                self._visit_untracked(root, waiting.popleft(), names)
                waiting.extend(names.directories[known:])
        finally:
            os.close(root)
        return names, list(waiting)

    def _visit_untracked(self, root: int, path: bytes, names: _Names) -> None:
        try:
            inner = embedded(self._root / os.fsdecode(path), self._repository)
            commit = None if inner is None else read_head(inner).id
            if inner is None:
                self._list(root, path, names)
            elif commit is not None:
                names.repositories[path] = commit
        except OSError as error:
            if error.errno not in NOT_THERE:
                message = f"could not read {shown(path)}: {error.strerror}"
                names.troubles[path] = ChangeUnavailableError(message)
        except ChangeUnavailableError as error:
            names.troubles[path] = error

    def _list(self, root: int, path: bytes, names: _Names) -> None:
        directory = open_directory(root, path)
        try:
            with os.scandir(directory) as entries:
                for entry in entries:
                    name = entry.name.encode(_NAMES, "surrogateescape")
                    if name in Rules.names:
                        self._rules.keep(directory, path + b"/", name)
                    self._collect(path + b"/" + name, name, entry, names)
        finally:
            os.close(directory)


def _parents(entries: Iterable[bytes]) -> set[bytes]:
    """Give every directory that the paths lie in."""
    parents: set[bytes] = set()
    for path in entries:
        place = path.rfind(b"/")
        while place > 0 and path[:place] not in parents:
            parents.add(path[:place])
            place = path.rfind(b"/", 0, place)
    return parents
