"""One started process: its pipes, its deadline, its end, and what it died of."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from codeflow_engine.errors import SandboxError, SandboxLimitError, SandboxTimeoutError
from codeflow_engine.sandbox.spawn import Launch, spawn
from codeflow_engine.sandbox.streams import Sink, Source
from codeflow_engine.sandbox.values import Limits

__all__ = ["Child"]

_GRACE: Final = 0.5
"""Seconds that a guard has to end its program, before the whole group is killed."""

_PATIENCE: Final = 5.0
"""Seconds to wait for what cannot fail to come, unless the kernel holds it back."""

_ANSWER: Final = 4096
"""Bytes that the inner step's few lines fit in."""


class Child:
    """A process in its own session, from its start until it is reaped.

    The start is synchronous, so that no cancellation can come between it and the record
    of it. Reaping is ours and not the loop's: the group is killed while its leader is
    still a zombie, because only so long can its number belong to nobody else.

    Args:
        launch: What to start.
        limits: Its deadline and the caps on its output.
        out: Takes standard output, piece by piece.

    Raises:
        SandboxError: It could not be started.
    """

    def __init__(
        self,
        launch: Launch,
        limits: Limits,
        out: Callable[[bytes], object],
    ) -> None:
        self._loop = loop = asyncio.get_running_loop()
        self._launch = launch
        self.program: str = launch.program
        self._reason: SandboxError | None = None
        self._code: int | None = None
        self._answer = bytearray()
        self.stderr: bytearray = bytearray()
        self.exited: asyncio.Future[None] = loop.create_future()
        self.started: float = loop.time()
        self.finished: float = self.started
        self._pid, ends = spawn(launch)
        self._reaped = False
        self._control = ends.control
        self._timers = [loop.call_later(limits.timeout, self._expire, limits.timeout)]
        self._pidfd = self._watch()
        self.stdin: Sink | None = None if ends.stdin is None else Sink(ends.stdin)
        if self.stdin is not None and isinstance(launch.stdin, bytes):
            self.stdin.send(launch.stdin, last=not launch.dialogue)
        self.stdout: Source = self._source(ends.stdout, out, "output", limits.output_bytes)
        self._sources = [
            self.stdout,
            self._source(ends.stderr, self.stderr.extend, "error output", limits.error_bytes),
        ]
        if ends.status is not None:
            self._sources.append(Source(ends.status, self._answer.extend, cap=_ANSWER))

    def _source(
        self, fd: int, feed: Callable[[bytes], object], what: str, cap: int | None
    ) -> Source:
        def overflow() -> None:
            error = SandboxLimitError(f"{self.program} wrote more than {cap} bytes of {what}")
            self._reason = self._reason or error  # also when the program has ended meanwhile
            self.stop()

        return Source(fd, feed, cap=cap, overflow=overflow)

    def _watch(self) -> int | None:
        """Arrange for `_on_exit`; give the descriptor that watches, where there is one."""
        try:
            fd = os.pidfd_open(self._pid)
        except (AttributeError, OSError):  # not Linux, or before 5.3, or no descriptor left
            threading.Thread(target=self._wait_in_thread, daemon=True).start()
            return None
        self._loop.add_reader(fd, self._on_exit)
        return fd

    def _wait_in_thread(self) -> None:
        with suppress(ChildProcessError):
            os.waitid(os.P_PID, self._pid, os.WEXITED | os.WNOWAIT)
        with suppress(RuntimeError):  # the loop is closed
            self._loop.call_soon_threadsafe(self._on_exit)

    def _on_exit(self) -> None:
        """Take the rest of the group along, then reap."""
        if self._pidfd is not None:
            self._loop.remove_reader(self._pidfd)
            os.close(self._pidfd)
            self._pidfd = None
        self.finished = self._loop.time()
        for timer in self._timers:
            timer.cancel()
        self._kill_group()
        self._reap()
        if not self.exited.done():
            self.exited.set_result(None)

    def _reap(self) -> None:
        if self._reaped:
            return
        self._reaped = True
        # Otherwise the host ignores SIGCHLD or reaps every child. `Popen` would call this 0.
        with suppress(ChildProcessError):
            _, status = os.waitpid(self._pid, 0)
            self._code = os.waitstatus_to_exitcode(status)

    def _expire(self, timeout: float) -> None:
        self.stop(SandboxTimeoutError(f"{self.program} ran past its {timeout:g} s and was killed"))

    def stop(self, reason: SandboxError | None = None) -> None:
        """Begin to end the process and all it started; the first reason is kept."""
        if self._reaped:
            return
        self._reason = self._reason or reason
        if not self._launch.guarded or self._loop.is_closed():
            self._kill_group()
        elif self._control is not None:
            # The guard sees the end of this pipe, and ends even what left the group.
            self._close_control()
            self._timers.append(self._loop.call_later(_GRACE, self._kill_group))

    def _close_control(self) -> None:
        if self._control is not None:
            os.close(self._control)
            self._control = None

    def _kill_group(self) -> None:
        if not self._reaped:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self._pid, signal.SIGKILL)

    def check(self) -> None:
        """Raise what the process was stopped for, if it was."""
        if self._reason is not None:
            raise self._reason

    async def wait(self, *, drained: bool = True) -> int:
        """Wait for the end, and for the last of the output; give the exit status.

        Args:
            drained: Whether to wait for the output; else its reader is somebody else.

        Raises:
            SandboxTimeoutError: The deadline came first.
            SandboxLimitError: It passed a cap, or the kernel ended it for a limit.
            SandboxError: It was stopped, could not be confined, or its status is lost.
        """
        await asyncio.wait([self.exited])
        sources = self._sources if drained else self._sources[2:]
        late = [source.ended for source in sources if not source.is_closing()]
        if late:
            _, late_still = await asyncio.wait(late, timeout=_PATIENCE)
            if late_still and self._reason is None:
                message = f"{self.program} left a process that holds its output open"
                raise SandboxError(message)
        return self._result()

    def _result(self) -> int:
        self.check()
        code = self._guarded_code() if self._launch.guarded else self._code
        if code is None:
            message = f"the exit status of {self.program} is lost: the host reaps our children"
            raise SandboxError(message)
        if code in {-signal.SIGXCPU, -signal.SIGXFSZ}:
            what = "CPU time" if code == -signal.SIGXCPU else "file size"
            message = f"{self.program} passed its limit of {what} and was killed"
            raise SandboxLimitError(message)
        return code

    def _guarded_code(self) -> int | None:
        lines = self._answer.decode(errors="replace").splitlines()
        for line in lines:
            if line.startswith("error "):
                message = f"could not confine or start {self.program}: {line[6:]}"
                raise SandboxError(message)
        if "ok" not in lines:
            # So nothing foreign has run, and these words are the rung's or Python's own.
            words = self.stderr[:300].decode(errors="replace").strip()
            message = f"could not confine {self.program}: {words or 'no inner step'}"
            raise SandboxError(message)
        word, _, status = lines[-1].partition(" ")
        if word == "exit" and status.isdecimal():
            return os.waitstatus_to_exitcode(int(status))
        return self._code  # its guard was killed, and the code tells by what

    async def end(self) -> None:
        """End it if it still runs, reap it, close every pipe. A cancellation waits so long.

        Raises:
            SandboxError: The kernel does not let it die.
        """
        self.stop()
        cancelled: asyncio.CancelledError | None = None
        if self._loop.is_closed():  # the task is being thrown away: nothing can be awaited
            self._reap()
        deadline = self._loop.time() + _PATIENCE
        while not self._reaped and self._loop.time() < deadline:
            try:
                await asyncio.wait([self.exited], timeout=_PATIENCE)
            except asyncio.CancelledError as error:
                cancelled = error
        self._close()
        if cancelled is not None:
            raise cancelled
        if not self._reaped:
            message = f"{self.program} was killed and does not end"
            raise SandboxError(message)

    def _close(self) -> None:
        for timer in self._timers:
            timer.cancel()
        for source in self._sources:
            source.close()
        if self.stdin is not None:
            self.stdin.close()
        self._close_control()
        if self._pidfd is not None:
            self._loop.remove_reader(self._pidfd)
            os.close(self._pidfd)
            self._pidfd = None
