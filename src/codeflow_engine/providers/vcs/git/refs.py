"""HEAD, branches, tags and the limits of a shallow clone, read as data."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from codeflow_engine.errors import ChangeUnavailableError
from codeflow_engine.providers.vcs.git.discovery import Repository
from codeflow_engine.providers.vcs.git.disk import Stop, read_regular, shown

__all__ = ["Head", "read_head", "read_pseudo_refs", "read_refs", "read_shallow"]

_LOOSE: Final = 4096
_PACKED: Final = 256 * 1024 * 1024
_LINKS: Final = 5  # as many symbolic refs as git follows
_ID: Final = re.compile(rb"(?:[0-9a-f]{40}|[0-9a-f]{64})(?=\s|\Z)")
_PACKED_LINE: Final = re.compile(rb"([0-9a-f]{40,64}) (refs/[^\n]+)\n?")
# git-check-ref-format
_BAD_NAME: Final = re.compile(rb"[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{|//|/\.|\.lock(?:/|\Z)|[/.]\Z")
_OWN: Final = (b"refs/bisect/", b"refs/worktree/", b"refs/rewritten/")
"""Prefixes of refs that belong to one working tree."""

_PSEUDO: Final = ("ORIG_HEAD", "FETCH_HEAD", "MERGE_HEAD", "CHERRY_PICK_HEAD", "REVERT_HEAD")


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """What is checked out."""

    ref: str | None
    """Full name of the branch, for people; None where HEAD is detached."""

    id: str | None
    """Full id of the commit; None on a branch without commits."""

    @property
    def label(self) -> str:
        """A short name for people."""
        if self.ref is None:
            return f"detached HEAD at {(self.id or '')[:12]}"
        return self.ref.removeprefix("refs/heads/")


def read_head(repository: Repository) -> Head:
    """Read what a working tree stands on.

    Raises:
        ChangeUnavailableError: HEAD or its branch cannot be read, or are nothing of the kind.
    """
    path = repository.git_dir / "HEAD"
    if path.is_symlink():  # how git wrote symbolic refs long ago
        text = b"ref: " + os.fsencode(path.readlink())
    else:
        text = read_regular(path, limit=_LOOSE) or b""
    name = _link(text)
    if name is None:
        found = _ID.match(text)
        if found is None:
            raise ChangeUnavailableError(f"{shown(path)} holds neither a branch nor a commit")
        return Head(ref=None, id=found[0].decode())
    return Head(ref=name.decode("utf-8", "replace"), id=_look_up(repository, name))


def _link(text: bytes) -> bytes | None:
    """Read the name that a symbolic ref holds; None where it is not one, or not a name."""
    if not text.startswith(b"ref:"):
        return None
    name = text[4:].strip()
    return name if name.startswith(b"refs/") and _BAD_NAME.search(name) is None else None


def _look_up(repository: Repository, name: bytes) -> str | None:
    for _ in range(_LINKS):
        place = repository.git_dir if name.startswith(_OWN) else repository.shared_dir
        text = read_regular(place / os.fsdecode(name), limit=_LOOSE)
        if text is None:
            packed = _read_packed(repository).get(name)
            return None if packed is None else packed.decode()
        link = _link(text)
        if link is None:
            found = _ID.match(text)
            if found is None:
                raise ChangeUnavailableError(f"the ref {shown(name)} is damaged")
            return found[0].decode()
        name = link
    raise ChangeUnavailableError(f"the ref {shown(name)} leads through too many others")


def _read_packed(repository: Repository) -> dict[bytes, bytes]:
    data = read_regular(repository.shared_dir / "packed-refs", limit=_PACKED) or b""
    found = {}
    for line in data.splitlines(keepends=True):
        match = _PACKED_LINE.fullmatch(line)
        if match is not None and _BAD_NAME.search(match[2]) is None:
            found[match[2]] = match[1]
    return found


def read_refs(repository: Repository, stop: Stop) -> dict[bytes, bytes]:
    """Read the id of every ref; one that is damaged or leads nowhere is left out."""
    links: dict[bytes, bytes] = {}
    # Loose refs before packed ones, as git does: one that is packed meanwhile is not missed.
    loose = _loose(repository.shared_dir, b"refs", stop)
    if repository.git_dir != repository.shared_dir:
        loose = {name: text for name, text in loose.items() if not name.startswith(_OWN)}
        own = _loose(repository.git_dir, b"refs", stop)
        loose |= {name: text for name, text in own.items() if name.startswith(_OWN)}
    refs = _read_packed(repository)
    for name, text in loose.items():
        link = _link(text)
        found = _ID.match(text)
        if link is not None:
            links[name] = link
        elif found is not None:
            refs[name] = found[0]
    for name, link in links.items():
        goal = link
        for _ in range(_LINKS):
            goal = links.get(goal, goal)
        if goal in refs:
            refs[name] = refs[goal]
        else:
            refs.pop(name, None)
    return refs


def _loose(place: Path, prefix: bytes, stop: Stop) -> dict[bytes, bytes]:
    """Read every loose ref below a directory, without following a link."""
    found: dict[bytes, bytes] = {}
    waiting = [prefix]
    while waiting:
        stop()
        directory = waiting.pop()
        path = place / os.fsdecode(directory)
        if not path.is_dir():
            continue
        with os.scandir(path) as entries:
            for entry in entries:
                name = directory + b"/" + os.fsencode(entry.name)
                if _BAD_NAME.search(name) is not None:
                    continue
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(name)
                elif entry.is_file(follow_symlinks=False):
                    text = read_regular(Path(entry.path), limit=_LOOSE)
                    found[name] = text or b""
    return found


def read_pseudo_refs(repository: Repository) -> dict[str, bytes]:
    """Read the ids that `ORIG_HEAD` and its kin hold."""
    found = {}
    for name in _PSEUDO:
        path = repository.git_dir / name
        text = read_regular(path, limit=_PACKED) or b""
        match = _ID.match(text)
        if match is not None:
            found[name] = match[0]
    return found


def read_shallow(repository: Repository) -> tuple[str, ...]:
    """Read the commits at which a shallow clone ends; none in a whole one."""
    data = read_regular(repository.shared_dir / "shallow", limit=_PACKED) or b""
    return tuple(line.decode() for line in data.split() if _ID.fullmatch(line))
