"""Fake forges in a process of their own, which no kill of a worker reaches.

Each world has a forge of its own: a server, a repository and one pull request, so that many
schedules go on at once and meet nowhere. What is written there is counted by number, and the
forge itself can kill who asks: before it does what was asked, after it has done it, or before
it does it all the same, a while later.

Started as a program it prints the port on which tests ask it, and serves until its standard
input ends.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection
from typing import Any, Final

from crash_http import serve
from forge_changes import CHANGES, REPOSITORY
from forge_faults import rules_of
from forge_standing import standing

from codeflow_engine.testing.forge import FakeForge
from codeflow_engine.testing.forge.apps import Apps
from codeflow_engine.testing.forge.clock import ForgeClock
from codeflow_engine.testing.forge.framework import web
from codeflow_engine.testing.forge.limits import LimitRules

__all__ = ["AFTER", "BEFORE", "LATE", "TERM", "Forges", "forges"]

BEFORE: Final = "before"
"""Who asks is killed, and nothing is written."""

AFTER: Final = "after"
"""Who asks is killed when it is written, before the answer."""

LATE: Final = "late"
"""Who asks is killed, and a while later it is written all the same."""

TERM: Final = "term"
"""Who asks is told to end by SIGTERM, before it is written (D35)."""

_APP: Final = "codeflow"
_SINCE: Final = 1_780_000_000.0
_READS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_RIGHTS: Final = {
    **dict.fromkeys(("checks", "contents", "issues", "pull_requests"), "write"),
    **dict.fromkeys(("statuses", "security_events"), "write"),
    "metadata": "read",
}

type _Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass
class World:
    """A forge, and what happened there."""

    forge: FakeForge
    number: int
    clock: ForgeClock
    lives: dict[str, int] = field(default_factory=dict)
    """Process ids by token: each life has its own."""

    writes: list[tuple[str, str, int]] = field(default_factory=list)
    """Method, path and status of what was asked to be written, by its number from 1."""

    strikes: dict[str, str] = field(default_factory=dict)
    """What becomes of who asks for the write of a number, or for the first one of a path with
    such an end."""

    late: float = 0.3
    killed: list[tuple[int, str, str]] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)


class Watch:
    """Counts the writes of a world, and kills who asks for them."""

    def __init__(self) -> None:
        self.world: World | None = None

    async def __call__(self, request: web.Request, handler: _Handler) -> web.StreamResponse:
        """Pass a request on, or not."""
        world = self.world
        path = request.path.removeprefix("/api/v3")
        if world is None or request.method in _READS or path.endswith("/git-upload-pack"):
            return await handler(request)
        with world.lock:
            world.writes.append((request.method, path, 0))
            number = len(world.writes)
            end = path.rpartition("/")[2]
            strike = world.strikes.pop(str(number), "") or world.strikes.pop(end, "")
        if strike == LATE:
            await request.read()  # all of it has been sent before who sent it dies
        if strike in {BEFORE, LATE, TERM}:
            self._kill(world, request, (number, strike, path))
        if strike == BEFORE:
            return web.Response(status=503)
        if strike == LATE:
            await asyncio.sleep(world.late)
        response = await handler(request)
        world.writes[number - 1] = (request.method, path, response.status)
        if strike == AFTER:
            self._kill(world, request, (number, strike, path))
        return response

    def _kill(self, world: World, request: web.Request, told: tuple[int, str, str]) -> None:
        token = request.headers.get("Authorization", "").partition(" ")[2]
        pid = world.lives.get(token)
        if pid is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM if told[1] == TERM else signal.SIGKILL)
                world.killed.append(told)


class Control:
    """What tests ask of the process, by `/name`."""

    def __init__(self) -> None:
        self._worlds: dict[str, World] = {}
        self._apps = Apps()
        app = self._apps.register(_APP, permissions=_RIGHTS)
        self._bot = app.bot
        self._installation = self._apps.install(app, REPOSITORY.partition("/")[0]).id

    async def __call__(self, path: str, body: dict[str, Any]) -> Any:
        """Answer a question in a thread: making a forge takes a tenth of a second."""
        method: Callable[..., Any] = getattr(self, path.removeprefix("/"))
        return await asyncio.to_thread(method, **body)

    def open(self, world: str, change: str, limits: Mapping[str, Any] | None = None) -> None:
        """Make a world with a pull request; its commits have the same ids in every world."""
        watch, clock = Watch(), ForgeClock(_SINCE)
        rules = LimitRules(**{"enabled": False, **(limits or {})})
        forge = FakeForge(clock=clock, limits=rules, middlewares=[web.middleware(watch)])
        forge.tokens.apps = self._apps
        forge.start()
        forge.add_user(self._bot)
        base, head = CHANGES[change]
        repository = forge.repository(REPOSITORY)
        number = repository.open_pull_request(base, head, title="A change", author="ann")
        made = watch.world = World(forge=forge, number=number, clock=clock)
        self._worlds[world] = made

    def born(self, world: str, pid: int) -> dict[str, str]:
        """Give a life its token, and where it asks."""
        made = self._worlds[world]
        with made.forge.lock:
            token, _ = made.forge.tokens.mint(self._installation, {}, None)
        made.lives[token] = pid
        return {
            "token": token,
            "base_url": made.forge.url,
            "target": f"{REPOSITORY}#{made.number}",
        }

    def arm(
        self,
        world: str,
        strikes: Mapping[str, str] | None = None,
        faults: Mapping[str, Any] | None = None,
        late: float = 0.3,
    ) -> None:
        """Kill at writes by their numbers or paths, and let requests go wrong by a seed."""
        made = self._worlds[world]
        made.late = late
        made.strikes.update(strikes or {})
        if faults is not None:
            given = dict(faults)
            made.forge.faults.seed = str(given.pop("seed"))
            made.forge.faults.add(*rules_of(**given))

    def calm(self, world: str) -> None:
        """Let nothing go wrong any more."""
        made = self._worlds[world]
        made.strikes.clear()
        made.forge.faults.clear()

    def push(self, world: str, change: str) -> str:
        """Push the head of another change to the pull request."""
        made = self._worlds[world]
        made.clock.advance(60)
        return made.forge.repository(REPOSITORY).push(made.number, CHANGES[change][1])

    def told(self, world: str) -> dict[str, Any]:
        """Say what stands there, and what was asked."""
        made = self._worlds[world]
        repository = made.forge.repository(REPOSITORY)
        with made.forge.lock:
            struck = [f"{one.act} {one.method} {one.after}" for one in made.forge.faults.struck]
            return {
                **standing(repository, repository.pull(made.number), self._bot),
                "writes": made.writes,
                "killed": made.killed,
                "struck": struck,
            }

    def close(self, world: str) -> None:
        """End a world."""
        self._worlds.pop(world).forge.close()


class Forges:
    """The process, as tests see it."""

    def __init__(self, port: int) -> None:
        self.port = port

    def ask(self, path: str, **body: Any) -> Any:
        """Ask it from a test, which waits meanwhile."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=120)
        try:
            connection.request("POST", path, json.dumps(body))
            return json.loads(connection.getresponse().read())
        finally:
            connection.close()


@contextmanager
def forges() -> Iterator[Forges]:
    """Run the process to the end of the block."""
    command = [sys.executable, __file__]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        yield Forges(int(process.stdout.readline()))
    finally:
        process.communicate()


async def _serve() -> None:
    _, port = await serve(Control())
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(_serve())
    # Forges of worlds that nobody closed have threads of their own.
    sys.stdout.flush()
    os._exit(0)
