"""The outside world of a crash test: a model and a forge, each a process of its own.

Whatever happens to a worker, they know what really happened: the model counts what it was
asked, and the forge keeps what was written. Everything belongs to a world, which is what one
schedule of kills happens in, so that many can go on at once.

Started as a program, `crash_servers.py model` prints its port and serves until its standard
input ends.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import subprocess
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from http.client import HTTPConnection
from typing import Any

from crash_http import Refusal, serve

__all__ = ["Outside", "outside"]


class Routed:
    """Answers the path `/name` by its method of that name, with the world of the question."""

    async def __call__(self, path: str, body: dict[str, Any]) -> Any:
        method: Callable[..., Awaitable[Any]] = getattr(self, path.removeprefix("/"))
        return await method(**body)


@dataclass
class Asked:
    """What a model knows of one world."""

    counts: Counter[str] = field(default_factory=Counter)
    broken: Counter[str] = field(default_factory=Counter)
    """Questions whose asker went away before the answer."""

    latency: float = 0.0


class Model(Routed):
    """Answers every question in the same way each time, and is paid each time."""

    def __init__(self) -> None:
        self._worlds: defaultdict[str, Asked] = defaultdict(Asked)

    async def ask(self, world: str, key: str, question: str) -> dict[str, Any]:
        asked = self._worlds[world]
        asked.counts[key] += 1
        try:
            await asyncio.sleep(asked.latency)
        except asyncio.CancelledError:
            asked.broken[key] += 1
            raise
        return {"text": sha256(question.encode()).hexdigest(), "tokens": len(question)}

    async def slow(self, world: str, seconds: float) -> None:
        """Answer late in this world, from now on."""
        self._worlds[world].latency = seconds

    async def told(self, world: str) -> dict[str, dict[str, int]]:
        """Say how often each question was asked, and how often in vain."""
        asked = self._worlds[world]
        return {"counts": dict(asked.counts), "broken": dict(asked.broken)}


@dataclass
class Board:
    """What a forge knows of one world."""

    posts: list[dict[str, Any]] = field(default_factory=list)
    looks: int = 0
    stall: int = 0
    """Number of the write whose answer never comes; 0 for none."""

    stalled: asyncio.Event = field(default_factory=asyncio.Event)
    refuse: int = 0
    """How many writes are still refused."""


class Forge(Routed):
    """Takes every write, also one that stands there already: as a real one does."""

    def __init__(self) -> None:
        self._worlds: defaultdict[str, Board] = defaultdict(Board)

    async def find(self, world: str, target: str, keys: list[str]) -> list[dict[str, Any]]:
        board = self._worlds[world]
        board.looks += 1
        return [
            post
            for post in board.posts
            if post["target"] == target and post["key"] in keys and not post["withdrawn"]
        ]

    async def write(self, world: str, **post: Any) -> dict[str, Any]:
        board = self._worlds[world]
        if board.refuse:
            board.refuse -= 1
            raise Refusal(503)
        made = {**post, "number": len(board.posts) + 1, "at": time.time(), "withdrawn": False}
        board.posts.append(made)
        if board.stall == made["number"]:
            board.stalled.set()
            await asyncio.Event().wait()
        return made

    async def withdraw(self, world: str, number: int) -> None:
        self._worlds[world].posts[number - 1]["withdrawn"] = True

    async def stall(self, world: str, number: int) -> None:
        """Write what comes as this number, and then never answer."""
        self._worlds[world].stall = number

    async def stalled(self, world: str) -> None:
        """Wait until a write stalls."""
        await self._worlds[world].stalled.wait()

    async def refuse(self, world: str, count: int) -> None:
        """Refuse the next writes with 503, and write nothing."""
        self._worlds[world].refuse = count

    async def told(self, world: str) -> dict[str, Any]:
        """Give all that was written, and how often somebody looked."""
        board = self._worlds[world]
        return {"posts": board.posts, "looks": board.looks}


@dataclass(frozen=True)
class Outside:
    """The ports of both servers, and what tests ask them."""

    model: int
    forge: int

    def ask(self, port: int, path: str, **body: Any) -> Any:
        """Ask a server from a test, which waits meanwhile, whether or not it has a loop."""
        connection = HTTPConnection("127.0.0.1", port, timeout=60)
        try:
            connection.request("POST", path, json.dumps(body))
            return json.loads(connection.getresponse().read())
        finally:
            connection.close()

    def asked(self, world: str) -> dict[str, int]:
        """Count the questions of a world, by key."""
        told: dict[str, int] = self.ask(self.model, "/told", world=world)["counts"]
        return told

    def posts(self, world: str) -> list[dict[str, Any]]:
        """Give what stands on the forge in a world."""
        told = self.ask(self.forge, "/told", world=world)["posts"]
        return [post for post in told if not post["withdrawn"]]


@contextlib.contextmanager
def outside() -> Iterator[Outside]:
    """Run both servers to the end of the block."""
    servers = [_started(name) for name in ("model", "forge")]
    try:
        yield Outside(*(int(server.stdout.readline()) for server in servers if server.stdout))
    finally:
        for server in servers:
            server.communicate()


def _started(name: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, __file__, name]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)


async def _serve(name: str) -> None:
    _, port = await serve({"model": Model, "forge": Forge}[name]())
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    # Killed tests end nothing; the pipe from them does.
    await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(_serve(sys.argv[1]))
