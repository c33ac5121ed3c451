"""What a program in namespaces can see: a list of paths, and nothing beside it.

The list is the system's own programs and libraries, the interpreter, this package, and
what the caller names. Homes, `/etc`, `/run`, `/var`, `/opt`, `/srv` and whatever else the
host has are absent, not forbidden.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final, Literal, NamedTuple

from codeflow_engine.errors import SandboxError

__all__ = ["Show", "interpreter_paths", "own_package", "system_paths", "view"]

_SYSTEM: Final = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")
_LOADER: Final = (
    "/etc/ld.so.cache",
    "/etc/ld.so.conf",
    "/etc/ld.so.conf.d",
    "/etc/alternatives",
    "/etc/localtime",
    "/nix/store",
    "/gnu/store",
)
_PREFIX_PARTS: Final = ("bin", "lib", "lib32", "lib64", "pyvenv.cfg")


class Show(NamedTuple):
    """One path of the view."""

    kind: Literal["ro", "rw", "link"]
    source: str
    """A path of the host without symbolic links, or the target of a link."""

    path: str
    """Where the program finds it."""


def own_package() -> Path:
    """Give the directory of the `codeflow_engine` package.

    Raises:
        SandboxError: The package is not a directory, as in a zip file.
    """
    package = Path(__file__).parent.parent
    if not package.is_dir():
        message = f"{package} is not a directory: programs cannot be started from an archive"
        raise SandboxError(message)
    return package


def system_paths() -> list[Show]:
    """Show the system's programs and libraries, with the links between them."""
    shown: list[Show] = []
    for path in map(Path, _SYSTEM):
        if path.is_symlink():
            shown.append(Show("link", str(path.readlink()), str(path)))
        elif path.is_dir():
            shown.append(Show("ro", str(path), str(path)))
    files = (*map(Path, _LOADER), *Path("/etc").glob("ld-musl-*"))
    return [*shown, *_existing(files)]


def interpreter_paths(python: str) -> list[Show]:
    """Show what an interpreter needs: its links, its prefixes, this package.

    Of a prefix only the parts that Python reads: a prefix may be somebody's home.
    """
    prefixes = {sys.base_prefix, sys.base_exec_prefix, sys.prefix, sys.exec_prefix}
    parts = [Path(prefix, name) for prefix in prefixes for name in _PREFIX_PARTS]
    return [*_existing([*parts, own_package()]), *_hops(python)]


def _existing(paths: Iterable[Path]) -> Iterator[Show]:
    return (Show("ro", os.path.realpath(path), str(path)) for path in paths if path.exists())


def _hops(name: str) -> Iterator[Show]:
    """Show a file under its name and under each name that its links go through."""
    target = os.path.realpath(name)
    path = Path(name)
    for _ in range(40):  # as many as the kernel follows
        yield Show("ro", target, str(path))
        if not path.is_symlink():
            return
        path = Path(os.path.normpath(path.parent / path.readlink()))


def view(
    fixed: Iterable[Show],
    *,
    program: str,
    readable: Sequence[Path] = (),
    writable: Sequence[Path] = (),
) -> list[Show]:
    """Put a view together, outer paths first, nothing twice.

    Args:
        fixed: What every program sees; at its best the outcome of an earlier call, of which
            no path has to be looked up again.
        program: Path of the program.
        readable: Paths to show.
        writable: Paths to show that can be written to.

    Raises:
        SandboxError: A path does not exist, or is the whole file system.
    """
    wanted = [*fixed, *_hops(program)]
    for path in readable:
        wanted.extend(_named("ro", path))
    for path in writable:
        wanted.extend(_named("rw", path))
    unique: dict[str, Show] = {}
    for show in sorted(wanted, key=lambda one: (one.path.count("/"), one.path)):
        # A path to write to wins over the same path to read.
        if show.path not in unique or show.kind == "rw":
            unique[show.path] = show
    return [show for show in unique.values() if not _covered(show, unique)]


def _named(kind: Literal["ro", "rw"], path: Path) -> Iterator[Show]:
    named = os.path.normpath(path.absolute())
    real = os.path.realpath(path)
    if not path.exists():
        message = f"{named} does not exist, so that no program can be given it"
        raise SandboxError(message)
    if real == "/":
        message = "the whole file system cannot be given to a program"
        raise SandboxError(message)
    yield Show(kind, real, real)
    if named != real:
        yield Show(kind, real, named)


def _covered(show: Show, shown: dict[str, Show]) -> bool:
    """Whether the nearest directory shown above it shows it in the same way."""
    parent = show.path.rpartition("/")[0]
    while parent and show.kind != "link":
        outer = shown.get(parent)
        if outer is not None:
            # /lib -> usr/lib: below a link, the path is what the link leads to.
            return outer.kind == "link" or (
                outer.kind == show.kind
                and os.path.realpath(outer.source + show.path[len(parent) :]) == show.source
            )
        parent = parent.rpartition("/")[0]
    return False
