"""A pooler in front of PostgreSQL, as pgbouncer is with `pool_mode = transaction`.

Many sessions of clients share few connections to the server. A session has a connection of
the server from the first message of a transaction to the `ReadyForQuery` with status `I`
that ends it; the next transaction gets the one that was idle for the longest time. So
nothing of a session survives its transaction: no `SET`, no prepared statement under a name,
no advisory lock of a session, no `LISTEN`, no temporary table. What one leaves behind, the
next one finds: as with pgbouncer, whose `server_reset_query` does not run in this mode.

As there, some parameters follow the session (`TRACKED`), and a startup packet with any other
one is refused, which is what happens to `options=-c ...`. Prepared statements are not
renamed, which pgbouncer does from 1.21 on where `max_prepared_statements` is set. The server
has to trust whoever connects.

It runs on an event loop in a thread of its own, so that a test may block its own loop.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import threading
from collections import deque
from collections.abc import Coroutine, Iterator
from dataclasses import dataclass, field

from sqlalchemy import URL

from postgres_wire import CANCEL, IDLE, READY, VERSION, error, framed, packet, read, read_startup
from sql_databases import Server

__all__ = ["TRACKED", "PoolingProxy", "pooling_proxy"]

TRACKED = {
    *("client_encoding", "DateStyle", "TimeZone", "standard_conforming_strings"),
    *("application_name", "IntervalStyle"),
}
"""Parameters that follow a session from connection to connection."""

_SPELLED = {name.lower(): name for name in TRACKED}
_OWN_START = {"user", "database"}
_WITHOUT_SYNC = frozenset({b"P", b"B", b"D", b"E", b"C", b"H"})
"""Messages of the extended protocol, to which no `ReadyForQuery` comes before a `Sync`."""

_ANSWERED = frozenset({b"Q", b"S", b"F"})
"""Messages to each of which one `ReadyForQuery` comes."""


class _RefusedError(Exception):
    """The server does not want a connection; `args[0]` is its `ErrorResponse`."""


@contextlib.contextmanager
def pooling_proxy(server: Server, *, size: int = 2) -> Iterator[PoolingProxy]:
    """Run a pooler with so many connections for each user and database, to the block's end."""
    proxy = PoolingProxy(server, size)
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="pooling proxy")
    thread.start()
    try:
        asyncio.run_coroutine_threadsafe(proxy.start(), loop).result(90)
        yield proxy
    finally:
        asyncio.run_coroutine_threadsafe(proxy.stop(), loop).result(90)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


class PoolingProxy:
    """A pooler; `url` says where it is."""

    def __init__(self, server: Server, size: int) -> None:
        self._server = server
        self._size = size
        self._pools: dict[tuple[str, str], _Pool] = {}
        self._sessions: dict[bytes, _Session] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._numbers = itertools.count(1)
        self.port = 0
        self.served = 0
        """Sessions of clients that were served so far."""

    @property
    def opened(self) -> int:
        """Connections to the server that were opened so far."""
        return sum(pool.opened for pool in self._pools.values())

    def url(self, database: str, driver: str = "psycopg") -> str:
        """Name a database behind the pooler as SQLAlchemy takes it."""
        user = self._server.address.username
        url = URL.create(f"postgresql+{driver}", user, None, "127.0.0.1", self.port, database)
        return url.render_as_string()

    async def start(self) -> None:
        """Listen on a port of this machine."""
        self._listening = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = self._listening.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """End all sessions and connections."""
        self._listening.close()
        for pool in self._pools.values():
            pool.close()
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)
        await self._listening.wait_closed()

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Open a connection to the server, over which nothing was said yet."""
        host = str(self._server.address.query.get("host") or self._server.address.host)
        port = self._server.address.port or 5432
        if host.startswith("/"):
            return await asyncio.open_unix_connection(f"{host}/.s.PGSQL.{port}")
        return await asyncio.open_connection(host, port)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.keep(self._serve(reader, writer))

    def keep(self, work: Coroutine[None, None, None]) -> None:
        """Run something beside, to the end of the pooler at most."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            try:
                version, body = await read_startup(reader, writer)
                if version == CANCEL:
                    await self._cancel(body)
                else:
                    await self._open(version, body, reader, writer)
            finally:
                writer.close()

    async def _open(
        self,
        version: bytes,
        body: bytes,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        texts = body.decode().split("\0")[:-2]
        given = dict(zip(texts[::2], texts[1::2], strict=True))
        foreign = sorted(name for name in given if name.lower() not in {*_OWN_START, *_SPELLED})
        if version != VERSION or foreign:
            reason = f"unsupported startup parameter: {', '.join(foreign)}"
            writer.write(error("08P01", reason if foreign else "unsupported protocol version"))
            return
        wanted = {_SPELLED[key.lower()]: given[key] for key in given if key not in _OWN_START}
        whose = given["user"], given.get("database", given["user"])
        pool = self._pools.setdefault(whose, _Pool(self, whose, self._size))
        try:
            parameters = await pool.fill()
        except _RefusedError as refused:
            writer.write(framed(b"E", refused.args[0]))
            return
        self.served += 1
        session = _Session(pool, reader, writer, parameters | wanted)
        key = next(self._numbers).to_bytes(4, "big") * 2
        self._sessions[key] = session
        try:
            session.greet(key)
            await session.serve()
        finally:
            del self._sessions[key]

    async def _cancel(self, key: bytes) -> None:
        session = self._sessions.get(key)
        if session is not None and session.link is not None:
            reader, writer = await self.connect()
            writer.write(packet(CANCEL + session.link.key))
            # The server says nothing, and closes when the signal is on its way.
            await reader.read()
            writer.close()


class _Pool:
    """The connections to one database as one user."""

    def __init__(self, proxy: PoolingProxy, whose: tuple[str, str], size: int) -> None:
        self._proxy = proxy
        self._whose = whose
        self._size = size
        self._filling = asyncio.Lock()
        self._all: set[_Link] = set()
        self._idle: deque[_Link] = deque()
        self._waiting: deque[asyncio.Future[_Link]] = deque()
        self.opened = 0

    async def fill(self) -> dict[str, str]:
        """Open as many connections as are missing; give the parameters of a fresh session.

        Raises:
            _RefusedError: The server does not want them.
        """
        async with self._filling:
            while len(self._all) < self._size:
                link = await _Link.open(self._proxy, self)
                self._all.add(link)
                self.opened += 1
                self.give_back(link)
            return dict(next(iter(self._all)).first)

    async def take(self) -> _Link:
        """Give the connection that was idle for the longest time, once there is one."""
        if len(self._all) < self._size:
            await self.fill()
        if self._idle:
            return self._idle.popleft()
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        return await turn

    def give_back(self, link: _Link) -> None:
        """Take back a connection that is in no transaction."""
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(link)
                return
        self._idle.append(link)

    def forget(self, link: _Link) -> None:
        """Drop a connection that has ended."""
        self._all.discard(link)
        with contextlib.suppress(ValueError):
            self._idle.remove(link)

    def close(self) -> None:
        """End all connections."""
        for link in list(self._all):
            link.writer.close()

    @property
    def whose(self) -> tuple[str, str]:
        """The user and the database."""
        return self._whose


@dataclass(eq=False)
class _Link:
    """A connection to the server."""

    pool: _Pool
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    key: bytes = b""
    parameters: dict[str, str] = field(default_factory=dict)
    first: dict[str, str] = field(default_factory=dict)
    """The parameters that it began with."""

    session: _Session | None = None

    @classmethod
    async def open(cls, proxy: PoolingProxy, pool: _Pool) -> _Link:
        reader, writer = await proxy.connect()
        link = cls(pool, reader, writer)
        user, database = (name.encode() for name in pool.whose)
        writer.write(packet(VERSION + b"\0".join((b"user", user, b"database", database, b"", b""))))
        kind = b""
        while kind != READY:
            kind, body = await read(reader)
            if kind == b"E":
                writer.close()
                raise _RefusedError(body)
            if kind == b"R" and body != bytes(4):
                raise RuntimeError("the pooler knows no passwords: the server has to trust it")
            if kind == b"K":
                link.key = body
            link.note(kind, body)
        link.first = dict(link.parameters)
        proxy.keep(link.listen())
        return link

    def note(self, kind: bytes, body: bytes) -> None:
        """Take down the value of a parameter that the server tells."""
        if kind == b"S":
            name, value, _ = body.decode().split("\0")
            self.parameters[name] = value

    async def listen(self) -> None:
        """Pass on what the server says, to the end of the connection."""
        try:
            while True:
                kind, body = await read(self.reader)
                self.note(kind, body)
                if self.session is not None:
                    await self.session.hear(kind, body)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self.pool.forget(self)
            self.writer.close()
            if self.session is not None:
                self.session.writer.close()


@dataclass(eq=False)
class _Session:
    """A session of a client, and the connection that its transaction has."""

    pool: _Pool
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    parameters: dict[str, str]
    link: _Link | None = None
    open_ends: int = 0
    """How many `ReadyForQuery` are still to come."""

    is_unsynced: bool = False
    """Whether messages were sent to which none comes before a `Sync`."""

    hidden: int = 0
    """How many `ReadyForQuery` are not for the client."""

    def greet(self, key: bytes) -> None:
        """Tell a client that it is in."""
        self.writer.write(framed(b"R", bytes(4)))
        for name, value in self.parameters.items():
            self.writer.write(framed(b"S", f"{name}\0{value}\0".encode()))
        self.writer.write(framed(b"K", key) + framed(READY, IDLE))

    async def serve(self) -> None:
        """Pass on what the client says, to its end."""
        try:
            while True:
                kind, body = await read(self.reader)
                if kind == b"X":
                    return
                if self.link is None:
                    self._join(await self.pool.take())
                self._count(kind)
                self.link.writer.write(framed(kind, body))  # type: ignore[union-attr] # joined
                await self.link.writer.drain()  # type: ignore[union-attr] # nothing came between
        finally:
            if self.link is not None:
                # In the middle of something: nobody else is to find that.
                self.link.session = None
                self.link.writer.close()

    def _join(self, link: _Link) -> None:
        """Have a connection for a transaction, with the parameters that follow a session."""
        self.link, link.session = link, self
        changed = {
            name: self.parameters[name]
            for name in sorted(TRACKED)
            if self.parameters.get(name, "") != link.parameters.get(name, "")
        }
        if changed:
            quoted = {name: value.replace("'", "''") for name, value in changed.items()}
            sets = "; ".join(f"SET {name} = '{value}'" for name, value in quoted.items())
            link.writer.write(framed(b"Q", f"{sets}\0".encode()))
            self.hidden += 1

    def _count(self, kind: bytes) -> None:
        if kind in _WITHOUT_SYNC:
            self.is_unsynced = True
        elif kind in _ANSWERED:
            self.is_unsynced = False
            self.open_ends += 1

    async def hear(self, kind: bytes, body: bytes) -> None:
        """Pass on what the server says, and give the connection back after a transaction."""
        if self.hidden:
            self.hidden -= kind == READY
            return
        if kind == b"S":
            name, value, _ = body.decode().split("\0")
            self.parameters[name] = value
        if kind == READY:
            self.open_ends -= 1
            if body == IDLE and not self.open_ends and not self.is_unsynced:
                self._leave()
        self.writer.write(framed(kind, body))
        with contextlib.suppress(ConnectionError):
            await self.writer.drain()

    def _leave(self) -> None:
        link, self.link = self.link, None
        assert link is not None
        link.session = None
        self.pool.give_back(link)
