"""The start of a process: descriptors, session, nothing inherited that was not given.

The start runs on the loop's thread, and blocks it for the time of a `vfork` and an `exec`:
half a millisecond where a core is free, also for a host of 500 MB, for which a `fork` took
37. A thread would not help, since CPython holds its lock meanwhile; and a process that
asked to die with its parent dies with the thread that started it.
"""

from __future__ import annotations

import os
import resource
import stat
import subprocess
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from codeflow_engine.errors import SandboxError

__all__ = ["Ends", "Launch", "spawn"]

_NICENESS: Final = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    """How to start a program."""

    program: str
    """Short name for messages."""

    command: Callable[[int, int], Sequence[str]]
    """Gives the argument vector, from the numbers of the control and the status pipe."""

    env: dict[str, str]
    directory: str
    guarded: bool
    """Whether the inner step runs first, and answers on those two pipes."""

    stdin: bytes | Path | None = None
    """What the program reads: bytes, a regular file, or nothing."""

    dialogue: bool = False
    """Whether its input stays open after these bytes."""

    bounds: Sequence[tuple[int, int]] = ()
    """Resource limits to set from outside, where no inner step sets them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ends:
    """One side's ends of the pipes: descriptors, or `None` without that pipe."""

    stdin: int | None
    stdout: int
    stderr: int
    status: int | None
    control: int | None


def spawn(launch: Launch) -> tuple[int, Ends]:
    """Start a process in a session of its own; give its number, to be reaped by the caller.

    Raises:
        SandboxError: The program or its input cannot be had, or the system refuses.
    """
    with ExitStack() as ours, ExitStack() as theirs:
        try:
            given, kept = _connect(launch, ours, theirs)
            popen = _start(launch, given)
        except (OSError, ValueError) as error:
            odd = "a NUL character in a word, or an odd name of a variable"
            detail = error.strerror if isinstance(error, OSError) else odd
            message = f"could not start {launch.program}: {detail}"
            raise SandboxError(message) from error
        ours.pop_all()
    # Or it would warn that nobody reaps the process, which the caller does.
    popen.returncode = 0
    with suppress(ProcessLookupError):  # it has ended already
        _bound(popen.pid, launch.bounds)
        if launch.guarded:
            # The host's loop goes first: programs that are started together would keep it
            # from running for as long as they have work.
            os.setpriority(os.PRIO_PROCESS, popen.pid, _NICENESS)
    return popen.pid, kept


def _connect(launch: Launch, ours: ExitStack, theirs: ExitStack) -> tuple[Ends, Ends]:
    """Open the pipes; give the program's ends and the engine's, to be closed by the stacks."""

    def pipe(*, inward: bool) -> tuple[int, int]:
        reading, writing = os.pipe()
        their, our = (reading, writing) if inward else (writing, reading)
        theirs.callback(os.close, their)
        ours.callback(os.close, our)
        return their, our

    stdin: tuple[int | None, int | None] = None, None
    if isinstance(launch.stdin, Path):
        stdin = _open_input(launch.stdin), None
        theirs.callback(os.close, stdin[0])
    elif launch.stdin is not None or launch.dialogue:
        stdin = pipe(inward=True)
    status = pipe(inward=False) if launch.guarded else (None, None)
    control = pipe(inward=True) if launch.guarded else (None, None)
    sides = zip(stdin, pipe(inward=False), pipe(inward=False), status, control, strict=True)
    given, kept = (
        Ends(stdin=of_in, stdout=of_out, stderr=of_err, status=of_status, control=of_control)
        for of_in, of_out, of_err, of_status, of_control in sides
    )
    return given, kept


def _start(launch: Launch, given: Ends) -> subprocess.Popen[bytes]:
    passed = [fd for fd in (given.control, given.status) if fd is not None]
    return subprocess.Popen(  # noqa: S603 - the one place; never a shell
        launch.command(*passed) if launch.guarded else launch.command(-1, -1),
        stdin=subprocess.DEVNULL if given.stdin is None else given.stdin,
        stdout=given.stdout,
        stderr=given.stderr,
        env=launch.env,
        cwd=launch.directory,
        # No `preexec_fn`, no user or group: then CPython uses vfork.
        start_new_session=True,
        umask=0o077,
        pass_fds=passed,
    )


def _open_input(path: Path) -> int:
    # Without O_NONBLOCK, a FIFO put in the file's place would hold the loop for ever.
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOFOLLOW)
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        message = "its input is not a regular file"
        raise SandboxError(message)
    return fd


def _bound(pid: int, bounds: Sequence[tuple[int, int]]) -> None:
    """Set limits on a process that runs already; only Linux can."""
    if not hasattr(resource, "prlimit"):
        return
    for what, value in bounds:
        _, hard = resource.getrlimit(what)
        # As in the inner step: a soft limit of CPU time tells what the hard one kills for.
        wanted = (value, value + (what == resource.RLIMIT_CPU))
        if hard != resource.RLIM_INFINITY:
            wanted = (min(wanted[0], hard), min(wanted[1], hard))
        resource.prlimit(pid, what, wanted)
