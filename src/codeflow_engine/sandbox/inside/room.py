"""A room of its own: namespaces, and a root that shows the planned paths alone."""

# pathlib and contextlib would cost milliseconds at each start, and every /tmp here is one
# that this process has just made for itself:
# ruff: noqa: PTH102, PTH103, PTH110, PTH112, PTH120, PTH211, S108, SIM105

import os
import struct
from collections.abc import Iterable

from .kernel import call

_NOBODY = 65534
# linux/mount.h; mount_setattr has one number on every architecture that Python serves
_RDONLY, _NOSUID, _NODEV, _NOEXEC = 1, 2, 4, 8
_BIND, _REC, _PRIVATE = 0x1000, 0x4000, 0x40000
_DETACH = 2
_AT_FDCWD, _AT_RECURSIVE = -100, 0x8000
_MOUNT_SETATTR = 442


def enter() -> None:
    """Leave the host's users, processes, network, mounts, IPC, names and cgroups."""
    user, group = os.geteuid(), os.getegid()
    try:
        os.setgroups([])
    except PermissionError:  # only root can
        pass
    os.unshare(
        os.CLONE_NEWUSER
        | os.CLONE_NEWPID
        | os.CLONE_NEWNET
        | os.CLONE_NEWNS
        | os.CLONE_NEWIPC
        | os.CLONE_NEWUTS
        | os.CLONE_NEWCGROUP
    )
    _write("/proc/self/setgroups", "deny")
    _write("/proc/self/uid_map", f"{_NOBODY} {user} 1")
    _write("/proc/self/gid_map", f"{_NOBODY} {group} 1")
    call("sethostname", "sandbox", 7)


def _write(path: str, text: str) -> None:
    fd = os.open(path, os.O_WRONLY)
    try:
        os.write(fd, text.encode())
    finally:
        os.close(fd)


def furnish(view: Iterable[tuple[str, str, str]], scratch: int) -> None:
    """Make a new root that shows the planned paths and nothing else, and move into it.

    The old root is kept under `/old` while paths are bound from it, so that a path under
    the directory that the new root is built on can be shown too.
    """
    try:
        _write("/proc/sys/user/max_user_namespaces", "0")  # per namespace: ours alone
    except OSError:
        pass
    call("mount", None, "/", None, _REC | _PRIVATE, None)
    call("mount", "tmpfs", "/tmp", "tmpfs", _NOSUID | _NODEV, "mode=755,size=1m")
    os.mkdir("/tmp/old")
    os.mkdir("/tmp/new")
    call("pivot_root", "/tmp", "/tmp/old")
    os.chdir("/")
    call("mount", "tmpfs", "/new", "tmpfs", _NOSUID | _NODEV, "mode=755,size=1m")
    os.mkdir("/new/tmp")
    size = f"mode=700,size={scratch}" if scratch else "mode=700"
    call("mount", "tmpfs", "/new/tmp", "tmpfs", _NOSUID | _NODEV, size)
    _make_devices()
    for kind, source, path in view:
        _show(kind, source, f"/new{path}")
    os.mkdir("/new/proc")
    # `subset=pid` leaves out /proc/sys and everything else through which a process of the
    # real root, even one without a capability, could write to the kernel.
    flags = _NOSUID | _NODEV | _NOEXEC | _RDONLY
    try:
        call("mount", "proc", "/new/proc", "proc", flags, "subset=pid")
    except PermissionError:  # a container that masks parts of its own /proc: ours stays empty
        pass
    _set_attributes("/new", _RDONLY, 0)
    os.chdir("/new")
    call("pivot_root", ".", ".")
    call("umount2", ".", _DETACH)
    os.chdir("/tmp")


def _make_devices() -> None:
    os.mkdir("/new/dev")
    call("mount", "tmpfs", "/new/dev", "tmpfs", _NOSUID, "mode=755,size=64k")
    for name in ("null", "zero", "full", "random", "urandom"):
        _show("rw", f"/dev/{name}", f"/new/dev/{name}", flags=0)
    for name, target in (
        ("fd", "/proc/self/fd"),
        ("stdin", "/proc/self/fd/0"),
        ("stdout", "/proc/self/fd/1"),
        ("stderr", "/proc/self/fd/2"),
    ):
        os.symlink(target, f"/new/dev/{name}")
    # Of its own, so that a path of the host's can be shown in it: many a checkout is in memory.
    os.mkdir("/new/dev/shm")
    call("mount", "tmpfs", "/new/dev/shm", "tmpfs", _NOSUID | _NODEV, "mode=700,size=16m")
    _set_attributes("/new/dev", _RDONLY, 0)


def _show(kind: str, source: str, path: str, flags: int = _NOSUID | _NODEV) -> None:
    """Bind one path of the old root, or make a symbolic link, in the new one."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    if kind == "link":
        os.symlink(source, path)
        return
    source = f"/old{source}"
    if os.path.isdir(source):
        os.makedirs(path, exist_ok=True)
    elif not os.path.exists(path):
        os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600))
    call("mount", source, path, None, _BIND | _REC, None)
    # Not a remount: that would leave mounts below this one writable.
    _set_attributes(path, flags | (_RDONLY if kind == "ro" else 0), _AT_RECURSIVE)


def _set_attributes(path: str, attributes: int, flags: int) -> None:
    call(
        "syscall",
        _MOUNT_SETATTR,
        _AT_FDCWD,
        path,
        flags,
        struct.pack("QQQQ", attributes, 0, 0, 0),
        32,
    )
