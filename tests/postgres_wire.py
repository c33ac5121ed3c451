"""Messages of PostgreSQL's protocol 3.0, as its manual has them in "Message Formats"."""

from __future__ import annotations

import asyncio

__all__ = [
    "CANCEL",
    "IDLE",
    "READY",
    "VERSION",
    "error",
    "framed",
    "packet",
    "read",
    "read_startup",
]

VERSION = (196608).to_bytes(4, "big")
CANCEL = (80877102).to_bytes(4, "big")
_ENCRYPTIONS = {(80877103).to_bytes(4, "big"), (80877104).to_bytes(4, "big")}

READY, IDLE = b"Z", b"I"


async def read_startup(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> tuple[bytes, bytes]:
    """Read the first packet of a client, which is asked to go on without encryption."""
    while True:
        length = int.from_bytes(await reader.readexactly(4), "big")
        whole = await reader.readexactly(length - 4)
        if whole[:4] not in _ENCRYPTIONS:
            return whole[:4], whole[4:]
        writer.write(b"N")


async def read(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    """Read the kind and the body of a message."""
    kind = await reader.readexactly(1)
    length = int.from_bytes(await reader.readexactly(4), "big")
    return kind, await reader.readexactly(length - 4)


def framed(kind: bytes, body: bytes) -> bytes:
    """Write a message."""
    return kind + packet(body)


def packet(body: bytes) -> bytes:
    """Write a message without a kind, as the first of a connection is."""
    return (len(body) + 4).to_bytes(4, "big") + body


def error(code: str, message: str) -> bytes:
    """Write an `ErrorResponse` that ends a session."""
    fields = f"SFATAL\0VFATAL\0C{code}\0M{message}\0\0"
    return framed(b"E", fields.encode())
