"""The rungs of isolation: what each one's argument vector, environment and limits are."""

from __future__ import annotations

import os
import resource
import signal
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from codeflow_engine.sandbox.values import Isolation, Limits
from codeflow_engine.sandbox.view import Show, own_package

__all__ = [
    "Confinement",
    "candidates",
    "confined",
    "environment",
    "find",
    "outside_bounds",
]

_SEARCH: Final = ("/usr/local/bin", "/usr/bin", "/bin")
"""Where programs are looked for by name; never `PATH`, which may lead into a checkout."""

_ROOM: Final = "/tmp"  # noqa: S108 - in namespaces, a file system of the program's own
_LOAD: Final = (
    "import sys;sys.path.insert(0,sys.argv[1]);from inside import main;del sys.path[0];"
    "main.main(sys.argv[2:])"
)
_BWRAP: Final = (
    *("--unshare-user", "--unshare-pid", "--unshare-net", "--unshare-ipc"),
    *("--unshare-uts", "--unshare-cgroup-try", "--die-with-parent", "--cap-drop", "ALL"),
    *("--uid", "65534", "--gid", "65534", "--hostname", "sandbox"),
    # Read-only, because a process of the real root may write to /proc without a capability.
    *("--proc", "/proc", "--remount-ro", "/proc"),
    *("--dev", "/dev", "--size", "16777216", "--tmpfs", "/dev/shm", "--remount-ro", "/dev"),  # noqa: S108 - the program's own
)


def find(name: str, *, beside: str | None = None) -> str | None:
    """Give the absolute path of a program.

    Args:
        name: An absolute path, or a name to look for; a relative path is never found.
        beside: An interpreter in whose directory a name is looked for first.
    """
    places = (str(Path(beside).parent), *_SEARCH) if beside else _SEARCH
    tried = [name] if "/" in name else [f"{place}/{name}" for place in places]
    for path in tried:
        if path.startswith("/") and Path(path).is_file() and os.access(path, os.X_OK):
            return path
    return None


def candidates(prefer: Isolation | None) -> list[tuple[Isolation, tuple[str, ...]]]:
    """Give the rungs to try, best first, each with the words of its outer program."""
    if prefer is Isolation.NONE or sys.platform != "linux":
        return []
    tries: list[tuple[Isolation, tuple[str, ...]]] = []
    # Under a host that ignores SIGCHLD, bubblewrap inherits that and waits for ever.
    able = signal.getsignal(signal.SIGCHLD) is not signal.SIG_IGN
    bwrap = find("bwrap") if able and prefer is not Isolation.UNSHARE else None
    if bwrap is not None:
        # Releases before 0.8 do not know the option that forbids further namespaces.
        tries.append((Isolation.BWRAP, (bwrap, *_BWRAP, "--disable-userns")))
        tries.append((Isolation.BWRAP, (bwrap, *_BWRAP)))
    tries.append((Isolation.UNSHARE, ()))
    return tries


def environment(directory: Path | None, given: Mapping[str, str]) -> dict[str, str]:
    """Give a program's whole environment: nothing of the host's.

    Args:
        directory: Its private directory, `None` for the one that namespaces have.
        given: Variables that the caller allows, which win over ours.
    """
    home = str(directory or _ROOM)
    fixed = {
        "HOME": home,
        "TMPDIR": home,
        "PATH": ":".join(_SEARCH),
        "LC_ALL": "C.UTF-8",
        "TZ": "UTC",
    }
    return {**fixed, **given}


def _bounds(limits: Limits, *, processes: bool) -> list[tuple[str, int]]:
    """Give limits by the kernel's names.

    Args:
        limits: What the caller allows.
        processes: Whether processes are counted in a namespace. Elsewhere all of the
            user's count, so that a small number would stop a program on a busy host.
    """
    named = {
        "CPU": limits.cpu_seconds,
        "AS": limits.memory_bytes,
        "FSIZE": limits.file_bytes,
        "NOFILE": limits.open_files,
        "CORE": 0,
    }
    if processes and limits.processes is not None and _counts_by_namespace():
        named["NPROC"] = limits.processes + 3  # the guards and the first process count too
    return [(name, value) for name, value in named.items() if value is not None]


def _counts_by_namespace() -> bool:
    """Whether RLIMIT_NPROC counts in each user namespace for itself: Linux 5.14 and later."""
    major, minor = (int(part) for part in os.uname().release.split(".")[:2])
    return (major, minor) >= (5, 14)


@dataclass(frozen=True, slots=True, kw_only=True)
class Confinement:
    """A rung as it stands on this machine."""

    rung: Isolation
    outer: Sequence[str]
    """Words of the rung's own program, from `candidates`."""

    python: str
    """The interpreter of the inner step."""

    fixed: Sequence[Show]
    """What every program sees."""


def confined(
    confinement: Confinement,
    *,
    limits: Limits,
    view: Sequence[Show],
    order: Sequence[str],
    pipes: tuple[int, int],
) -> list[str]:
    """Give the argument vector that confines a program and then runs it.

    Args:
        confinement: How.
        limits: What the program may use.
        view: What it can see; empty on the lowest rung.
        order: `exec WORD...`, `python PACKAGE-PARENT MODULE WORD...` or `nothing`.
        pipes: Numbers of the control and the status pipe.
    """
    rung = confinement.rung
    words: list[str] = []
    for name, value in _bounds(limits, processes=rung is not Isolation.NONE):
        words += ["limit", name, str(value)]
    front: list[str] = []
    if rung is Isolation.BWRAP:
        front = [*confinement.outer, *_bwrap_view(limits, view)]
    elif rung is Isolation.UNSHARE:
        words += ["scratch", str(limits.file_bytes or 0)]
        for show in view:
            words += show
    start = [confinement.python, "-I", "-S", "-X", "utf8", "-c", _LOAD]
    plan = [rung.value, str(os.getpid()), *map(str, pipes), *words]
    return [*front, *start, str(own_package() / "sandbox"), *plan, *order]


def _bwrap_view(limits: Limits, view: Sequence[Show]) -> list[str]:
    size = ["--size", str(limits.file_bytes)] if limits.file_bytes else []
    words = ["--perms", "0700", *size, "--tmpfs", _ROOM]
    options = {"ro": "--ro-bind", "rw": "--bind", "link": "--symlink"}
    for show in view:
        words += [options[show.kind], show.source, show.path]
    return [*words, "--remount-ro", "/", "--chdir", _ROOM, "--"]


def outside_bounds(limits: Limits) -> list[tuple[int, int]]:
    """Give limits by number, for a program that gets them from outside."""
    return [
        (getattr(resource, f"RLIMIT_{name}"), value)
        for name, value in _bounds(limits, processes=False)
    ]
