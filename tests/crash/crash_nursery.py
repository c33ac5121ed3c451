"""A fork server: lives of workers that start in milliseconds, and die by real signals.

A Python that imports the engine takes half a second to start, and a night of kills needs
some thousand starts. So one process imports everything, and forks a child for each life.
That is sound here because the parent has nothing but modules: it opens no engine, no file
of a database, no connection and no loop, and it has no second thread, which it checks
before each fork; no lock can be held in the copy by a thread that is not there. What is
killed is a process of its own, with its own memory, files, sockets and locks, which the
kernel takes back as from any other. Only the import is not killed in the middle, and it
writes nothing. The tests of drains and of `SIGINT` start whole interpreters besides.

Started as a program it reads lives from its standard input, one JSON line each, and says
who was born and who has ended; it ends, and with it all that live, when its input does.
"""

from __future__ import annotations

import ctypes
import faulthandler
import gc
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

__all__ = ["Child", "Nursery", "nursery"]

_DEATH_SIGNAL = 1


class Child:
    """A life that was begun."""

    def __init__(self, nursery: Nursery, pid: int, errors: Path) -> None:
        self.pid = pid
        self._nursery = nursery
        self._errors = errors

    def wait(self, seconds: float = 60) -> int:
        """Wait for its end; give its exit code, or the negative number of the signal.

        Raises:
            TimeoutError: It still lives; it is killed.
        """
        return os.waitstatus_to_exitcode(self._hear("ended", seconds))

    def await_stop(self, seconds: float = 60) -> None:
        """Wait until a signal has stopped it.

        Raises:
            TimeoutError: It goes on; it is killed.
        """
        self._hear("stopped", seconds)

    def _hear(self, what: str, seconds: float) -> int:
        try:
            return self._nursery.hear(what, self.pid, seconds)
        except TimeoutError as late:
            # It tells where it is, in all threads.
            self.send(signal.SIGUSR1)
            time.sleep(1)
            self.send(signal.SIGKILL)
            raise TimeoutError(f"{late}:\n{self.errors}") from None

    def send(self, number: signal.Signals) -> None:
        """Send it a signal."""
        os.kill(self.pid, number)

    @property
    def errors(self) -> str:
        """What it wrote to its standard error."""
        return self._errors.read_text("utf-8", "replace")


class Nursery:
    """The fork server, as those see it who want lives; any thread may."""

    def __init__(self, process: subprocess.Popen[bytes], place: Path) -> None:
        self._process = process
        self._place = place
        self._heard: dict[tuple[str, int], int] = {}
        self._grown = threading.Condition()
        self._births = 0
        self._ended = False
        self._listener = threading.Thread(target=self._listen, name="nursery", daemon=True)
        self._listener.start()

    def begin(self, role: str, **given: Any) -> Child:
        """Begin a life: `role` names a function of `crash_roles` that is called with the rest."""
        assert self._process.stdin is not None
        with self._grown:
            self._births += 1
            number = self._births
            errors = self._place / f"{self._process.pid}-{number}.err"
            life = {"number": number, "role": role, "given": given, "errors": str(errors)}
            self._process.stdin.write(json.dumps(life).encode() + b"\n")
            self._process.stdin.flush()
        return Child(self, self.hear("born", number, 60), errors)

    def live(self, role: str, *, seconds: float = 60, **given: Any) -> int:
        """Begin a life, and wait for its end."""
        return self.begin(role, **given).wait(seconds)

    def hear(self, what: str, whom: int, seconds: float) -> int:
        """Wait for news of somebody.

        Raises:
            TimeoutError: There are none within the time.
        """
        with self._grown:
            if not self._grown.wait_for(
                lambda: self._ended or (what, whom) in self._heard, seconds
            ):
                raise TimeoutError(f"{whom} has not {what} within {seconds} s")
            assert (what, whom) in self._heard, "the fork server has ended"
            return self._heard.pop((what, whom))

    def _listen(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            what, whom, number = json.loads(line)
            with self._grown:
                if what == "born":
                    # The kernel gives numbers again; what is left is of somebody before.
                    self._heard.pop(("ended", number), None)
                    self._heard.pop(("stopped", number), None)
                self._heard[what, whom] = number
                self._grown.notify_all()
        with self._grown:
            self._ended = True
            self._grown.notify_all()

    def close(self) -> None:
        """End the fork server, and all that live."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait()
        self._listener.join()
        self._process.stdout.close()


@contextmanager
def nursery(place: Path) -> Iterator[Nursery]:
    """Run a fork server to the end of the block; errors of lives go to files of a directory."""
    process = subprocess.Popen(
        [sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    made = Nursery(process, place)
    try:
        yield made
    finally:
        made.close()


class _Parent:
    """The fork server itself."""

    def __init__(self) -> None:
        self._woken, wake = os.pipe()
        os.set_blocking(wake, False)
        signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        self._children: set[int] = set()

    def serve(self) -> None:
        import select

        rest = b""
        while True:
            ready, _, _ = select.select([0, self._woken], [], [])
            if self._woken in ready:
                os.read(self._woken, 4096)
                self._report()
            if 0 in ready:
                more = os.read(0, 1 << 20)
                if not more:
                    break
                *lines, rest = (rest + more).split(b"\n")
                for line in lines:
                    self._bear(json.loads(line))
        for pid in self._children:
            os.kill(pid, signal.SIGKILL)

    def _bear(self, life: dict[str, Any]) -> None:
        assert threading.active_count() == 1, "a thread would be lost in the copy"
        pid = os.fork()
        if pid == 0:
            _begin(life)
        self._children.add(pid)
        _say("born", life["number"], pid)

    def _report(self) -> None:
        for pid in [*self._children]:
            done, status = os.waitpid(pid, os.WNOHANG | os.WUNTRACED)
            if done and os.WIFSTOPPED(status):
                _say("stopped", pid, status)
            elif done:
                self._children.remove(pid)
                _say("ended", pid, status)


def _say(what: str, pid: int, number: int) -> None:
    os.write(1, json.dumps([what, pid, number]).encode() + b"\n")


def _tell_tasks(*_: object) -> None:
    """Write where every task of the loop is."""
    import asyncio

    with suppress(RuntimeError):
        for task in asyncio.all_tasks():
            task.print_stack(file=sys.stderr)
    sys.stderr.flush()


def _begin(life: dict[str, Any]) -> None:
    """Be the child, to its end."""
    ctypes.CDLL(None).prctl(_DEATH_SIGNAL, signal.SIGKILL)
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.signal(signal.SIGUSR1, _tell_tasks)
    faulthandler.register(signal.SIGUSR1, chain=True)
    errors = os.open(life["errors"], os.O_CREAT | os.O_WRONLY | os.O_APPEND)
    for number, mine in enumerate((os.open(os.devnull, os.O_RDONLY), errors, errors)):
        os.dup2(mine, number)
    import traceback

    import crash_roles

    status = 70
    try:
        status = crash_roles.play(life["role"], life["given"])
    except SystemExit as end:
        status = int(end.code or 0)
    except BaseException:  # noqa: BLE001 - the copy must never come back into the parent
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(status)


if __name__ == "__main__":
    import crash_roles

    crash_roles.warm()
    gc.collect()
    gc.freeze()
    _Parent().serve()
