"""A program in dialogue: lines and bytes in, lines and bytes out, while it runs."""

from __future__ import annotations

import asyncio
from typing import Final, NoReturn

from codeflow_engine.errors import SandboxError, SandboxLimitError
from codeflow_engine.sandbox.child import Child

__all__ = ["Session"]

_BUFFER: Final = 1024 * 1024
"""Longest line; twice as much waits unread before the program is made to wait."""

_LEAVE: Final = 0.5
"""Seconds that a program has to end after its input has."""


class Session:
    """A running program whose input and output are in the caller's hands.

    Made by `Sandbox.session`. One reader and one writer at a time. Each method raises
    what ended the program, when something ended it: `SandboxTimeoutError`,
    `SandboxLimitError`, or `SandboxError` when it ended by itself too early.
    """

    def __init__(self, child: Child, reader: asyncio.StreamReader) -> None:
        self._program = child.program
        self._reader = reader
        self._child = child
        self._reader.set_transport(self._child.stdout)
        self._child.stdout.ended.add_done_callback(lambda _: self._reader.feed_eof())

    @staticmethod
    def reader() -> asyncio.StreamReader:
        """Make the buffer that the program's output goes into."""
        return asyncio.StreamReader(limit=_BUFFER)

    @property
    def stderr(self) -> bytes:
        """What the program has written to standard error so far."""
        return bytes(self._child.stderr)

    async def write(self, data: bytes) -> None:
        """Give the program bytes, and wait until it or its pipe has taken them.

        Raises:
            SandboxError: It reads no more.
        """
        stdin = self._child.stdin
        if stdin is None or not await stdin.send(data):
            await self._fail("reads no more")

    def write_eof(self) -> None:
        """End the program's input."""
        if self._child.stdin is not None:
            self._child.stdin.close()

    async def read(self, count: int) -> bytes:
        """Take at most so many bytes, at least one; none at the end of its output.

        The end says nothing about success: that is what `wait` is for.
        """
        data = await self._reader.read(count)
        if not data:
            self._child.check()
        return data

    async def readexactly(self, count: int) -> bytes:
        """Take so many bytes.

        Raises:
            SandboxError: The output ended before them.
        """
        try:
            return await self._reader.readexactly(count)
        except asyncio.IncompleteReadError as error:
            await self._fail(f"ended its output {len(error.partial)} of {count} bytes in")

    async def readline(self) -> bytes:
        """Take a line with its newline.

        Raises:
            SandboxLimitError: The line is too long.
            SandboxError: The output ended before the end of the line.
        """
        try:
            line = await self._reader.readline()
        except ValueError:
            message = f"{self._program} wrote a line of more than {_BUFFER} bytes"
            raise SandboxLimitError(message) from None
        if not line.endswith(b"\n"):
            await self._fail("ended its output before the end of a line")
        return line

    async def wait(self) -> int:
        """End the program's input, wait for its end, and give its exit status.

        Whoever wants more of its output reads it to the end before.
        """
        self.write_eof()
        return await self._child.wait(drained=False)

    async def _fail(self, what: str) -> NoReturn:
        # A program that closed its output is usually about to end, and then knows more.
        await asyncio.wait([self._child.exited], timeout=_LEAVE)
        self._child.check()
        message = f"{self._program} {what}"
        if self._child.exited.done():
            message += f"; its exit status was {await self._child.wait(drained=False)}"
        raise SandboxError(message)

    async def leave(self) -> None:
        """Let the program end by itself for a moment; it has nobody to talk to any more."""
        self.write_eof()
        self._child.stdout.close()
        await asyncio.wait([self._child.exited], timeout=_LEAVE)
