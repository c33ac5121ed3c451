"""The bytes of an answer: a body that is JSON, and a stream of server-sent events.

The SDKs' own decoders differ: of Groq's, a byte order mark hides the first event; none stops
at an endless line; and each raises a raw `JSONDecodeError` on an event that is no JSON.
"""

from __future__ import annotations

import codecs
import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from codeflow_engine.providers.llm.calls.faults import Called, Refusal, malformed, refused

__all__ = ["EventReader", "parse_json", "read_body"]

_LARGEST: Final = 16 << 20
"""Bytes of a body, or of an event; the longest answers on offer are under 2 MB."""

_LONGEST: Final = 256 << 20
"""Bytes of a whole stream, where each token comes with some 300 bytes around it."""


class EventReader:
    """Cuts a stream into events, as the HTML standard says in "Server-sent events"."""

    def __init__(self, called: Called) -> None:
        self._called = called
        self._held: list[bytes] = []
        self._held_size = 0
        self._size = 0
        self._is_first = True
        self._event = b""
        self._ended = b""
        self.is_done: bool = False
        """Whether the last event has come."""

        self._data: list[bytes] = []

    def feed(self, part: bytes, headers: Mapping[str, str]) -> list[Any]:
        """Take bytes, and give the events that are whole now, parsed.

        Args:
            part: The next bytes.
            headers: Of the response, for an error that is told inside of it.

        Raises:
            ProviderError: An event of the name `error`.
            InvalidResponseError: There is no end of it, or it is no UTF-8 or no JSON.
        """
        self._size += len(part)
        self._held_size += len(part)
        if self._held_size > _LARGEST or self._size > _LONGEST:
            raise malformed(self._called, "a stream that has no end")
        self._held.append(part)
        if b"\n" not in part and b"\r" not in part:
            return []
        lines = b"".join(self._held).splitlines(keepends=True)
        # A line that ends in CR may go on with LF in the next part.
        rest = b"" if lines[-1].endswith(b"\n") else lines.pop()
        told = []
        for line in lines:
            data = self._take(line)
            if data is not None and data.startswith(b"[DONE]"):
                self.is_done = True
                break
            if data is not None:
                told.append(self._parse(data, headers))
        self._held, self._held_size = [rest], len(rest) + sum(map(len, self._data))
        return told

    def _take(self, line: bytes) -> bytes | None:
        """Take a line, and give the data of the event that it ends."""
        if self._is_first:
            self._is_first = False
            line = line.removeprefix(codecs.BOM_UTF8)
        name, colon, value = line.rstrip(b"\r\n").partition(b":")
        if name == b"data":
            self._data.append(value.removeprefix(b" "))
        elif name == b"event":
            self._event = value.removeprefix(b" ")
        elif not name and not colon:
            data, self._data = self._data, []
            self._ended, self._event = self._event, b""
            return b"\n".join(data) if data else None
        return None

    def _parse(self, data: bytes, headers: Mapping[str, str]) -> Any:
        told = parse_json(data, self._called)
        if self._ended == b"error":
            raise refused(Refusal.of_body(None, headers, told), self._called)
        return told


async def read_body(next_part: Callable[[], Awaitable[bytes | None]], called: Called) -> bytes:
    """Read a whole body.

    Raises:
        InvalidResponseError: There is no end of it.
    """
    read: list[bytes] = []
    size = 0
    while (part := await next_part()) is not None:
        size += len(part)
        if size > _LARGEST:
            raise malformed(called, "a body that has no end")
        read.append(part)
    return b"".join(read)


def parse_json(told: bytes | str, called: Called) -> Any:
    """Parse what a server has sent.

    Raises:
        InvalidResponseError: It is no JSON.
    """
    try:
        return json.loads(told if isinstance(told, str) else told.decode("utf-8-sig"))
    except (ValueError, RecursionError):  # UnicodeDecodeError is one, too
        raise malformed(called, "a body that is no JSON") from None
