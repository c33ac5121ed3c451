"""Ways to GitHub in tests: a client on a server that answers as it is told."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import cache
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from codeflow_engine.providers.vcs.github.auth import Credentials, TokenCredentials
from codeflow_engine.providers.vcs.github.client import Client, Memory
from codeflow_engine.providers.vcs.github.line import Line
from codeflow_engine.providers.vcs.github.place import Place
from codeflow_engine.providers.vcs.github.sdk import SDK
from codeflow_engine.providers.vcs.github.settings import GitHubSettings
from fault_server import FaultServer, Reply

__all__ = ["TOKEN", "answer", "client_at", "line_at", "private_key", "refusal", "refused"]

TOKEN = "ghp_Rk4TzW9cQ2mVx7LbN5sHf8JdP3gYa6EuC1oX"  # noqa: S105 - made up


@cache
def private_key() -> str:
    """Make the key of an app, once."""
    made = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return made.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()


def answer(body: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Reply:
    """Answer with JSON."""
    told = {"content-type": "application/json; charset=utf-8", **(headers or {})}
    return Reply(status=status, headers=tuple(told.items()), body=json.dumps(body).encode())


def refusal(status: int, message: str = "", **headers: str) -> Reply:
    """Refuse as GitHub does; names of headers have underscores."""
    told = {name.replace("_", "-"): value for name, value in headers.items()}
    return answer({"message": message}, status, told)


@asynccontextmanager
async def line_at(server: FaultServer, **settings: Any) -> AsyncIterator[Line]:
    """Open the way to a server, and close it."""
    chosen: dict[str, Any] = {"write_interval": 0.0, "timeout": 10.0, **settings}
    line = Line(Place.at(f"{server.url}/api/v3"), GitHubSettings(**chosen))
    try:
        yield line
    finally:
        await line.aclose()


@asynccontextmanager
async def client_at(
    server: FaultServer, credentials: Credentials | None = None, **settings: Any
) -> AsyncIterator[Client]:
    """Make a client for `acme/shop` on a server."""
    async with line_at(server, **settings) as line:
        given = credentials or TokenCredentials(TOKEN)
        yield Client(line, given, "acme/shop", Memory(sdk=SDK(line)))


async def refused(call: object) -> BaseException:
    """Give what a call raises; it has to raise."""
    assert asyncio.iscoroutine(call)
    try:
        await call
    except Exception as error:  # noqa: BLE001 - the test looks at it
        return error
    pytest.fail("it raised nothing")
