"""Where a repository lies, and whether everything it consists of may be read.

A repository is found upwards from a directory, as git does it. What leads out of it is
followed only with the consent of the other end or of the caller: a `.git` file or link
when the place that it leads to names this working tree as its own (linked worktrees and
submodules do), borrowed objects when their directory lies under a trusted one. Otherwise
a directory that somebody else has filled could make a review show any other repository of
the host. The configuration is read as data; `core.worktree` is never followed.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from codeflow_engine.errors import ChangeUnavailableError
from codeflow_engine.providers.vcs.git.configuration import parse, truth
from codeflow_engine.providers.vcs.git.disk import read_regular, shown

__all__ = ["Repository", "discover", "embedded"]

_FORGE_ID: Final = re.compile(r"[\w.-]+/[\w.-]+[#!]\d+")
_SMALL: Final = 64 * 1024
_CONFIG: Final = 1024 * 1024
_NESTING: Final = 5  # as deep as git follows alternates

_FORMAT: Final = "core.repositoryformatversion"
_EXTENSIONS: Final = {
    *("noop", "noop-v1", "objectformat", "compatobjectformat", "partialclone", "preciousobjects"),
    *("refstorage", "relativeworktrees", "submodulepathconfig", "worktreeconfig"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Repository:
    """A repository's places and the facts that its configuration states about the disk."""

    root: Path | None
    """The working tree; None where there is none, as in a bare repository."""

    no_root: str = "the repository is bare"
    """Why there is no working tree."""

    git_dir: Path
    """What belongs to this working tree alone: HEAD, the index."""

    shared_dir: Path
    """What all working trees of the repository share: objects, refs, configuration."""

    config: Mapping[str, str]
    trusted: tuple[Path, ...] = ()
    """Directories outside of the repository that it may lead to."""

    @property
    def objects(self) -> Path:
        """The directory of the objects."""
        return self.shared_dir / "objects"

    @property
    def object_format(self) -> str:
        """Name of the hash: `sha1` or `sha256`."""
        return self.config.get("extensions.objectformat", "sha1").lower()

    @property
    def is_partial(self) -> bool:
        """Whether objects may be missing on purpose."""
        return "extensions.partialclone" in self.config or any(
            key.startswith("remote.") and key.endswith((".promisor", ".partialclonefilter"))
            for key in self.config
        )

    @property
    def target(self) -> str:
        """The directory that names this repository again."""
        return str(self.root or self.git_dir)

    @property
    def roots(self) -> tuple[Path, ...]:
        """The directories that may be read: the repository's own, and trusted ones."""
        own = (self.git_dir, self.shared_dir, *self.trusted)
        return own if self.root is None else (self.root, *own)


def discover(target: str, trusted: Sequence[Path] = ()) -> Repository:
    """Find the repository that a directory belongs to.

    Args:
        target: The directory.
        trusted: Directories that a `.git` file and alternates may lead to.

    Raises:
        ChangeUnavailableError: There is none, it cannot be read by this version, or it
            leads to places that nobody has agreed to.
    """
    if "\0" in target:
        raise ChangeUnavailableError(f"{shown(target)} is not a path")
    start, trusted = _real(target), tuple(_real(path) for path in trusted)
    if not start.is_dir():
        what = "is not a directory" if start.exists() else "does not exist"
        if _FORGE_ID.fullmatch(target):
            what += ", and git reads no change of a forge: choose a VCS host that does"
        raise ChangeUnavailableError(f"{shown(target)} {what}")
    if _is_git_dir(start) and _inside(start, trusted):
        return _checked(_bare(start, trusted))
    for place in (start, *start.parents):
        if place.stat().st_dev != start.stat().st_dev:
            break
        repository = _at(place, trusted)
        if repository is not None:
            _check_owner(place, start)
            if _is_git_dir(start) and start not in {repository.git_dir, repository.shared_dir}:
                raise ChangeUnavailableError(
                    f"{shown(start)} looks like a bare repository inside the working tree of "
                    f"{shown(place)}: review that one, or trust {shown(start)}"
                )
            return _checked(repository)
    if _is_git_dir(start):
        return _checked(_bare(start, trusted))
    raise ChangeUnavailableError(f"{shown(target)} is not in a git repository")


def embedded(place: Path, owner: Repository) -> Repository | None:
    """Find the repository that stands in a directory of a working tree, as a submodule does.

    A `.git` that leads nowhere is none, as for git.

    Raises:
        ChangeUnavailableError: Its `.git` leads out of the repository around it.
    """
    link = place / ".git"
    if link.is_file() and not link.is_symlink() and not _is_git_dir(_goal(link)):
        return None
    return _at(place, owner.roots)


def _at(place: Path, trusted: tuple[Path, ...]) -> Repository | None:
    """Look at one directory for a `.git`; None where it has none that counts."""
    link = place / ".git"
    try:
        mode = link.lstat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return None
    if stat.S_ISDIR(mode):
        if not _is_git_dir(link):
            return None  # git goes on upwards, too
        git_dir = link
    elif stat.S_ISREG(mode):
        git_dir = _goal(link)
        if not _is_git_dir(git_dir):
            raise ChangeUnavailableError(f"{shown(link)} does not lead to a git repository")
    elif stat.S_ISLNK(mode) and _is_git_dir(link):
        git_dir = _real(link)
    else:
        return None
    shared_dir = _shared_dir(git_dir)
    config = _configuration(git_dir, shared_dir)
    if not _inside(git_dir, (place, *trusted)) and not _names(git_dir, place, config):
        raise ChangeUnavailableError(
            f"{shown(link)} leads to {shown(git_dir)}, which does not name {shown(place)} as "
            f"its working tree; to follow it all the same, trust {shown(git_dir)}"
        )
    root, why = _root(place, git_dir, shared_dir, config)
    return Repository(
        root=root,
        no_root=why,
        git_dir=git_dir,
        shared_dir=shared_dir,
        config=config,
        trusted=trusted,
    )


def _bare(place: Path, trusted: tuple[Path, ...]) -> Repository:
    shared_dir = _shared_dir(place)
    return Repository(
        root=None,
        git_dir=place,
        shared_dir=shared_dir,
        config=_configuration(place, shared_dir),
        trusted=trusted,
    )


def _root(
    place: Path, git_dir: Path, shared_dir: Path, config: Mapping[str, str]
) -> tuple[Path | None, str]:
    """Give the working tree, or why there is none that can be read."""
    if git_dir != shared_dir:
        return place, ""  # a linked worktree: `bare` and `worktree` are not said of it
    configured = config.get("core.worktree")
    if configured is not None and _real(git_dir / configured) != place:
        return None, (
            f"its configuration puts the working tree at {shown(configured)}, "
            "and that setting is never followed"
        )
    return (
        (None, "the repository is bare")
        if truth(config, "core.bare", default=False)
        else (
            place,
            "",
        )
    )


def _is_git_dir(path: Path) -> bool:
    """Tell whether git would take a directory for a repository's own one."""
    head = path / "HEAD"
    try:
        if head.is_symlink():
            valid = str(head.readlink()).startswith("refs/")
        else:
            text = read_regular(head, limit=_SMALL) or b""
            ref = text.removeprefix(b"ref:").strip()
            valid = ref.startswith(b"refs/") if text.startswith(b"ref:") else _is_id(text.strip())
        shared = path / _read_line(path / "commondir") if (path / "commondir").exists() else path
    except ChangeUnavailableError:
        return False
    return valid and (shared / "objects").is_dir() and (shared / "refs").is_dir()


def _is_id(text: bytes) -> bool:
    return len(text) in {40, 64} and not text.strip(b"0123456789abcdef")


def _goal(link: Path) -> Path:
    """Give where a `.git` file leads."""
    line = _read_line(link)
    if not line.startswith("gitdir: "):
        raise ChangeUnavailableError(f"{shown(link)} does not say where the repository is")
    return _real(link.parent / line.removeprefix("gitdir: "))


def _shared_dir(git_dir: Path) -> Path:
    """Follow `commondir`, which only a linked worktree has."""
    link = git_dir / "commondir"
    if not os.path.lexists(link):
        return git_dir
    shared_dir = _real(git_dir / _read_line(link))
    if git_dir.parent != shared_dir / "worktrees":
        raise ChangeUnavailableError(
            f"{shown(link)} leads to {shown(shared_dir)}, of which it is no linked worktree"
        )
    return shared_dir


def _names(git_dir: Path, place: Path, config: Mapping[str, str]) -> bool:
    """Tell whether a repository elsewhere knows this directory as its working tree."""
    back = git_dir / "gitdir"
    if back.exists():  # of a linked worktree; relative paths since git 2.48
        return _real(git_dir / _read_line(back)) == place / ".git"
    configured = config.get("core.worktree")  # of a submodule
    return configured is not None and _real(git_dir / configured) == place


def _configuration(git_dir: Path, shared_dir: Path) -> dict[str, str]:
    values: dict[str, str] = {}
    for path in (shared_dir / "config", git_dir / "config.worktree"):
        if path.name == "config.worktree" and not truth(
            values, "extensions.worktreeconfig", default=False
        ):
            continue
        try:
            values |= parse(read_regular(path, limit=_CONFIG) or b"")
        except ValueError as error:
            raise ChangeUnavailableError(
                f"{shown(path)} is not a git configuration: line {error}"
            ) from error
    return values


def _checked(repository: Repository) -> Repository:
    """Check that this version can read the repository, and that its objects are its own."""
    config = repository.config
    extensions = {key[11:] for key in config if key.startswith("extensions.")}
    unknown = sorted(extensions - _EXTENSIONS)
    version = config.get(_FORMAT, "0")
    if version not in {"0", "1"} or (version == "1" and unknown):
        what = f"format {version}" + "".join(f", extension {name}" for name in unknown)
        raise ChangeUnavailableError(f"the repository has an unknown form: {shown(what)}")
    if config.get("extensions.refstorage", "files").lower() != "files":
        raise ChangeUnavailableError(
            f"the repository keeps its refs as {shown(config['extensions.refstorage'])}, which "
            "this version cannot read; `git refs migrate --ref-format=files` converts them"
        )
    if repository.object_format not in {"sha1", "sha256"}:
        raise ChangeUnavailableError(
            f"the repository has an unknown object format: {shown(repository.object_format)}"
        )
    _check_inside(repository.shared_dir / "refs", repository.roots)
    _check_objects(repository.objects, repository.roots, _NESTING)
    return repository


def _check_objects(objects: Path, allowed: Sequence[Path], depth: int) -> None:
    """Check that objects and what they borrow lie in places that may be read."""
    _check_inside(objects, allowed)
    for folder in _check_entries(objects, allowed):
        _check_entries(folder, allowed)
    borrowed = read_regular(objects / "info" / "alternates", limit=_SMALL) or b""
    for line in borrowed.splitlines():
        if not line or line.startswith(b"#"):
            continue
        if line.startswith(b'"'):
            raise ChangeUnavailableError(
                f"{shown(objects)} borrows objects from a quoted path, which is not supported"
            )
        place = objects / os.fsdecode(line)
        _check_inside(place, allowed)
        if depth and place.is_dir():
            _check_objects(_real(place), allowed, depth - 1)


def _check_entries(folder: Path, allowed: Sequence[Path]) -> list[Path]:
    """Check what a directory of objects holds; give the directories in it.

    Git follows a link in the place of a pack or an object, and waits at a FIFO in it.
    """
    folders = []
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_symlink():
                _check_inside(Path(entry.path), allowed)
            if entry.is_dir():
                folders.append(Path(entry.path))
            elif not entry.is_file() and not entry.is_symlink():
                raise ChangeUnavailableError(f"{shown(entry.path)} is not a regular file")
    return folders


def _check_inside(path: Path, allowed: Sequence[Path]) -> None:
    if not _inside(path, allowed):
        raise ChangeUnavailableError(
            f"the repository has {shown(path.name)} of its own in {shown(_real(path))}, "
            "outside of it; to read there all the same, trust that directory"
        )


def _real(path: str | Path) -> Path:
    return Path(os.path.realpath(path))  # unlike `resolve`, never fails at a loop of links


def _inside(path: Path, roots: Sequence[Path]) -> bool:
    real = _real(path)
    return any(real.is_relative_to(root) for root in roots)


def _check_owner(place: Path, start: Path) -> None:
    """Refuse a repository that somebody else has put above the directory that was named."""
    if place == start:
        return
    owner = (place / ".git").lstat().st_uid
    if owner not in {os.geteuid(), 0, start.stat().st_uid}:
        raise ChangeUnavailableError(
            f"{shown(start)} lies in the repository {shown(place)} of another user; "
            "to review it all the same, name that directory"
        )


def _read_line(path: Path) -> str:
    """Read a file that holds one path."""
    data = read_regular(path, limit=_SMALL) or b""
    line = os.fsdecode(data.rstrip(b"\r\n"))
    if not line or "\0" in line or "\n" in line:
        raise ChangeUnavailableError(f"{shown(path)} does not hold a path")
    return line
