"""The steps in their order, and the guards that stay around the program."""

# ruff: noqa: PTH123, PTH208, SIM105 - pathlib and contextlib would cost milliseconds at each start

import os
import resource
import select
import sys

from . import kernel, room

_FAILED = 125
_KILL = 9
_POLL_MS = 1_000


class Plan:
    """What the command line asks for."""

    def __init__(self, words: list[str]) -> None:
        self.rung: str = words[0]
        self.parent: int = int(words[1])
        self.control: int = int(words[2])
        self.status: int = int(words[3])
        self.limits: list[tuple[int, int]] = []
        self.view: list[tuple[str, str, str]] = []
        self.scratch: int = 0
        rest = iter(words[4:])
        for word in rest:
            if word == "limit":
                self.limits.append((getattr(resource, f"RLIMIT_{next(rest)}"), int(next(rest))))
            elif word == "scratch":
                self.scratch = int(next(rest))
            elif word in {"ro", "rw", "link"}:
                self.view.append((word, next(rest), next(rest)))
            else:
                self.form = word
                break
        self.command: list[str] = list(rest)

    def tell(self, line: str) -> None:
        """Write one line to the status pipe; the engine may be gone already."""
        try:
            os.write(self.status, line.replace("\n", " ").encode(errors="replace")[:500] + b"\n")
        except BrokenPipeError:
            pass


def main(words: list[str]) -> None:
    """Confine, fork, and return only as the program itself, after its end."""
    sys.dont_write_bytecode = True  # not `-B`, so that this module itself is compiled once
    plan = Plan(words)
    os.set_inheritable(plan.control, False)  # noqa: FBT003 - its only form
    os.set_inheritable(plan.status, False)  # noqa: FBT003 - its only form
    try:
        if sys.platform == "linux":
            _confine(plan)
        else:
            plan.tell("ok")
            kernel.set_limits(plan.limits)
        if plan.form == "nothing":
            os._exit(0)
        if plan.form == "exec":
            kernel.heed_signals()
            os.execv(plan.command[0], plan.command)  # noqa: S606 - no shell is what we want
    except OSError as error:
        plan.tell(f"error {error}")
        os._exit(_FAILED)
    os.close(plan.control)
    os.close(plan.status)
    _run_module(*plan.command)


def _run_module(parent: str, module: str, *words: str) -> None:
    """Run a module as `python -I -m` would, with the engine's own package importable."""
    import runpy
    import site

    site.main()
    package = module.partition(".")[0]
    if parent:
        # Only for this one import: nothing else that lies beside the package may shadow
        # the standard library, and its submodules are found through the package.
        sys.path.insert(0, parent)
        try:
            __import__(package)
        finally:
            sys.path.remove(parent)
    sys.argv = [module, *words]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


def _confine(plan: Plan) -> None:
    """Fork guards around the program; return in the program's process alone."""
    kernel.reset_signals()
    if plan.rung == "unshare":
        room.enter()
    kernel.hide()  # the program cannot reach into its guards
    if plan.rung == "unshare":
        alive, mine = os.pipe()
        child = os.fork()
        if child:
            os.close(alive)
            os.close(plan.status)
            _guard(plan, child)
            os._exit(0)
        os.close(mine)
        kernel.die_with_parent()
        if _ready(alive):  # the guard had died before it could take us along
            os._exit(_FAILED)
        os.close(alive)
        room.furnish(plan.view, plan.scratch)
    if plan.rung == "none":
        kernel.adopt_orphans()
    plan.tell("ok")
    me = os.getpid()
    child = os.fork()
    if child:
        status = _wait(child) if plan.rung == "unshare" else _guard(plan, child)
        plan.tell(f"exit {status}")
        os._exit(0)
    kernel.set_limits(plan.limits)
    kernel.restrict()
    if os.getppid() != me:
        os._exit(_FAILED)


def _ready(fd: int, timeout: int = 0) -> bool:
    poller = select.poll()
    poller.register(fd, select.POLLIN)
    return bool(poller.poll(timeout))


def _wait(child: int) -> int:
    """Reap until the child itself has ended; give its status."""
    while True:
        pid, status = os.waitpid(-1, 0)
        if pid == child:
            return status


def _guard(plan: Plan, child: int) -> int:
    """Wait for the child; end it and its descendants when the engine asks or is gone."""
    # In a new process namespace the parent is always pid 1 or 0, and has its own rule.
    parent = plan.parent if plan.rung != "bwrap" else os.getppid()
    poller = select.poll()
    poller.register(plan.control, select.POLLIN)
    try:
        poller.register(os.pidfd_open(child), select.POLLIN)
        pause = _POLL_MS
    except OSError:  # Linux before 5.3
        pause = 20
    pid = 0
    while pid != child:
        ready = [fd for fd, _ in poller.poll(pause)]
        if plan.control in ready or os.getppid() != parent:
            os.kill(child, _KILL)
            status = _wait(child)
            break
        pid, status = os.waitpid(-1, os.WNOHANG)
    if plan.rung == "none":
        _end_descendants()  # elsewhere the kernel does that, with the first process
    return status


def _end_descendants() -> None:
    """Kill what the program left behind: orphans come to us, whatever group they made."""
    while True:
        try:
            if not os.waitpid(-1, os.WNOHANG)[0]:
                for child in _children():
                    os.kill(child, _KILL)
                os.waitpid(-1, 0)
        except ChildProcessError:
            return


def _children() -> list[int]:
    """List our children from every process's own word; few kernels keep a list of them."""
    me = str(os.getpid())
    found = []
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open(f"/proc/{name}/stat", "rb") as file:
                    # The name in parentheses can hold anything; state and parent follow it.
                    parent = file.read().rpartition(b")")[2].split()[1]
            except OSError:  # it has ended meanwhile
                continue
            if parent.decode() == me:
                found.append(int(name))
    return found
