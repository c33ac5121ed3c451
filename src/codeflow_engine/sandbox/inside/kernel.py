"""Words with the kernel: calls of the C library, limits, what is given up."""

import ctypes
import errno
import os
import resource
import struct
from collections.abc import Iterable

_SET_PDEATHSIG, _SET_DUMPABLE, _SET_SECCOMP = 1, 4, 22  # linux/prctl.h
_SET_CHILD_SUBREAPER, _SET_NO_NEW_PRIVS = 36, 38
_SECCOMP_MODE_FILTER = 2
_ALLOW, _EPERM = 0x7FFF0000, 0x00050001  # linux/seccomp.h
_SIG_SETMASK, _KILL, _SIGPIPE, _SIGCHLD, _SIGXFSZ = 2, 9, 13, 17, 25  # asm-generic/signal.h

# System calls that no analyzer needs and that reach around the namespaces: sockets of
# families that have no namespace (vsock) and, on the lowest rung, any network at all;
# io_uring, which can open sockets unseen by this filter; other processes' memory; keyrings,
# which are inherited; and the kernel's most attacked doors. `socketpair` stays allowed.
# (audit architecture, first foreign number, denied numbers)
_FILTERS = {
    "x86_64": (
        0xC000003E,
        0x40000000,  # the x32 twin of every call begins here
        # socket ptrace process_vm_readv/writev keyctl add_key request_key bpf
        # perf_event_open userfaultfd io_uring_setup
        (41, 101, 310, 311, 250, 248, 249, 321, 298, 323, 425),
    ),
    "aarch64": (
        0xC00000B7,
        0xFFFFFFFF,
        (198, 117, 270, 271, 219, 217, 218, 280, 241, 282, 425),
    ),
}

_libc = ctypes.CDLL(None, use_errno=True)


def call(name: str, *arguments: int | str | bytes | None) -> None:
    """Call a function of the C library; raise `OSError` when it says -1."""
    words = [
        ctypes.c_long(word) if isinstance(word, int) else os.fsencode(word) if word else None
        for word in arguments
    ]
    if getattr(_libc, name)(*words) == -1:
        code = ctypes.get_errno()
        raise OSError(code, f"{name}: {os.strerror(code)}")


def reset_signals() -> None:
    """Undo what a host may have passed on: blocked signals, and an ignored SIGCHLD.

    With the latter no end of a child could be learnt. `signal` itself would cost 5 ms.
    """
    call("pthread_sigmask", _SIG_SETMASK, bytes(128), None)
    call("signal", _SIGCHLD, None)


def heed_signals() -> None:
    """Let a program die of the signals that Python ignores for itself."""
    call("signal", _SIGPIPE, None)
    call("signal", _SIGXFSZ, None)


def hide() -> None:
    """Close `/proc/<pid>` of this process and its children to other processes."""
    call("prctl", _SET_DUMPABLE, 0)


def adopt_orphans() -> None:
    """Become the parent of every descendant whose own parent has ended."""
    call("prctl", _SET_CHILD_SUBREAPER, 1)


def die_with_parent() -> None:
    """Ask for SIGKILL at the parent's death; a change of credentials takes that back."""
    call("prctl", _SET_PDEATHSIG, _KILL)


def restrict() -> None:
    """Give up every privilege, for this process and all that it becomes or starts."""
    call("prctl", _SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    # linux/capability.h, version 3: effective, permitted and inheritable, all empty
    call("capset", struct.pack("Ii", 0x20080522, 0), bytes(24))
    _forbid_calls()
    call("prctl", _SET_DUMPABLE, 1)
    die_with_parent()


def set_limits(limits: Iterable[tuple[int, int]]) -> None:
    """Set resource limits, never above what this process has itself."""
    for what, value in limits:
        _, hard = resource.getrlimit(what)
        # A second more before the hard limit of CPU time: the soft one sends SIGXCPU, which
        # tells the reason; the hard one kills.
        wanted = (value, value + (what == resource.RLIMIT_CPU))
        if hard != resource.RLIM_INFINITY:
            wanted = (min(wanted[0], hard), min(wanted[1], hard))
        resource.setrlimit(what, wanted)


def _forbid_calls() -> None:
    """Install a filter that answers the denied calls with `EPERM`; inherited by all."""
    known = _FILTERS.get(os.uname().machine)
    if known is None:
        return
    architecture, foreign, denied = known
    load, equal, above, ret = 0x20, 0x15, 0x35, 0x06
    count = len(denied)  # jumps are counted from the next instruction; denial is the last
    program = [
        (load, 0, 0, 4),
        (equal, 0, count + 3, architecture),
        (load, 0, 0, 0),
        (above, count + 1, 0, foreign),
        *((equal, count - index, 0, number) for index, number in enumerate(denied)),
        (ret, 0, 0, _ALLOW),
        (ret, 0, 0, _EPERM),
    ]
    code = ctypes.create_string_buffer(
        b"".join(struct.pack("HBBI", *instruction) for instruction in program)
    )
    header = struct.pack("HxxxxxxP", len(program), ctypes.addressof(code))
    try:
        call("prctl", _SET_SECCOMP, _SECCOMP_MODE_FILTER, header, 0, 0)
    except OSError as error:
        if error.errno != errno.EINVAL:  # a kernel built without filters
            raise
