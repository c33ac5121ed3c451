"""The engine's ends of a program's pipes, on any event loop that has `add_reader`.

Not the loop's own pipe transports: these close at once, leave no callback behind, and
count what passes.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from typing import Final

__all__ = ["Sink", "Source"]

_CHUNK: Final = 65_536  # what a Linux pipe holds


class Source(asyncio.ReadTransport):
    """Reads a pipe to its end and hands on each piece, up to a cap.

    Args:
        fd: The pipe's reading end, owned from now on.
        feed: Takes each piece.
        cap: Bytes that may pass; `None` for any number.
        overflow: Called once when more than that came; reading has ended by then.
    """

    def __init__(
        self,
        fd: int,
        feed: Callable[[bytes], object],
        *,
        cap: int | None = None,
        overflow: Callable[[], object] = lambda: None,
    ) -> None:
        super().__init__()
        self._loop = asyncio.get_running_loop()
        self._fd = fd
        self._feed = feed
        self._left = cap
        self._overflow = overflow
        self._paused = False
        self._closed = False
        self.ended: asyncio.Future[None] = self._loop.create_future()
        os.set_blocking(fd, False)
        self._loop.add_reader(fd, self._read)

    def _read(self) -> None:
        try:
            data = os.read(self._fd, _CHUNK)
        except BlockingIOError:
            return
        if not data:
            self.close()
            return
        if self._left is not None:
            self._left -= len(data)
            if self._left < 0:
                self.close()
                self._overflow()
                return
        self._feed(data)

    def pause_reading(self) -> None:
        """Let the program wait until its reader has caught up."""
        if not self._closed and not self._paused:
            self._paused = True
            self._loop.remove_reader(self._fd)

    def resume_reading(self) -> None:
        """Go on after `pause_reading`."""
        if not self._closed and self._paused:
            self._paused = False
            self._loop.add_reader(self._fd, self._read)

    def is_closing(self) -> bool:
        """Whether the end was reached or `close` was called."""
        return self._closed

    def close(self) -> None:
        """Read no more. Idempotent."""
        if self._closed:
            return
        self._closed = True
        self._loop.remove_reader(self._fd)
        os.close(self._fd)
        if not self._loop.is_closed():  # a closed loop refuses to wake anybody
            self.ended.set_result(None)


class Sink:
    """Writes to a pipe without ever waiting on the loop's thread.

    Args:
        fd: The pipe's writing end, owned from now on.
    """

    def __init__(self, fd: int) -> None:
        self._loop = asyncio.get_running_loop()
        self._fd = fd
        self._pending = memoryview(b"")
        self._written: asyncio.Future[bool] | None = None
        self._last = False
        self.closed: bool = False
        os.set_blocking(fd, False)

    def send(self, data: bytes, *, last: bool = False) -> asyncio.Future[bool]:
        """Begin to write; the future tells whether the program took everything.

        Args:
            data: What to write; one call at a time.
            last: Close the pipe after it.
        """
        written: asyncio.Future[bool] = self._loop.create_future()
        if self.closed:
            written.set_result(False)
            return written
        if self._written is not None:
            message = "another write to this program has not ended"
            raise RuntimeError(message)
        self._pending, self._written, self._last = memoryview(data), written, last
        self._loop.add_writer(self._fd, self._write)
        self._write()
        return written

    def _write(self) -> None:
        try:
            if self._pending:
                # One write for each turn of the loop: a program that reads as fast as we
                # write must not keep everybody else waiting.
                self._pending = self._pending[os.write(self._fd, self._pending) :]
        except BlockingIOError:
            return
        except BrokenPipeError:  # the program reads no more, which is its right
            self.close()
            return
        if self._pending:
            return
        self._loop.remove_writer(self._fd)
        self._settle(taken=True)
        if self._last:
            self.close()

    def _settle(self, *, taken: bool) -> None:
        written, self._written = self._written, None
        self._pending = memoryview(b"")
        if written is not None and not written.done() and not self._loop.is_closed():
            written.set_result(taken)

    def close(self) -> None:
        """Write no more; the program sees the end of its input. Idempotent."""
        if self.closed:
            return
        self.closed = True
        self._loop.remove_writer(self._fd)
        os.close(self._fd)
        self._settle(taken=False)
