"""The half of the way to GitHub that waits on the event loop: what is read in pieces."""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cache
from http import HTTPStatus
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any, Final

from codeflow_engine.errors import ConfigurationError, MissingDependencyError
from codeflow_engine.providers.vcs.github.errors import Asked, from_exception, malformed, too_large
from codeflow_engine.providers.vcs.github.place import Place
from codeflow_engine.providers.vcs.github.settings import GitHubSettings
from codeflow_engine.providers.vcs.github.wire import HOPS, REDIRECTS

if TYPE_CHECKING:
    import aiohttp

__all__ = ["Streams", "Told", "agent", "missing"]

_PIECE: Final = 64 * 1024
_ERROR: Final = 1024 * 1024
"""Most bytes of an answer that is an error."""

_STREAMED: Final = 20
"""Times the timeout of a request that a whole stream may take."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """An answer as it came."""

    status: int
    headers: Mapping[str, str]
    """By lower-case name."""

    data: bytes = b""


@dataclass(slots=True)
class _Held:
    """What belongs to one event loop."""

    making: asyncio.Lock = field(default_factory=asyncio.Lock)
    connector: aiohttp.TCPConnector | None = None


@cache
def agent() -> str:
    """Name ourselves, as GitHub asks of every client; looked up once, since that reads files."""
    try:
        return f"codeflow-engine/{version('codeflow-engine')}"
    except PackageNotFoundError:
        return "codeflow-engine"


class Streams:
    """Sends requests over aiohttp: through the host's session, or over connections of our own.

    Args:
        place: The server.
        settings: How long a request may take.
        session: The host's; it is not closed.
    """

    def __init__(
        self, place: Place, settings: GitHubSettings, session: aiohttp.ClientSession | None
    ) -> None:
        self._place = place
        self._settings = settings
        self._session = session
        self._closed = False
        self._held: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, _Held] = (
            weakref.WeakKeyDictionary()
        )

    async def send(
        self,
        asked: Asked,
        url: str,
        *,
        headers: Mapping[str, str],
        limit: int,
        data: bytes | None = None,
        enough: int | None = None,
    ) -> Told:
        """Send a request over aiohttp, and read its answer up to a limit.

        Args:
            asked: Which request it is.
            url: Whole, and of our place.
            headers: To send.
            limit: Most bytes of an answer that is no error.
            data: What is posted.
            enough: Bytes after which the rest is left unread.

        Raises:
            CodeflowError: There is no whole answer, or it is larger.
        """
        try:
            async with asyncio.timeout(self._settings.timeout * _STREAMED):
                return await self._send(asked, url, headers, data, (limit, enough))
        except Exception as error:
            told = from_exception(error, asked)
            if told is None:
                raise
            raise told from None

    async def _send(
        self,
        asked: Asked,
        url: str,
        headers: Mapping[str, str],
        data: bytes | None,
        sizes: tuple[int, int | None],
    ) -> Told:
        async with self._open_session() as session:
            for _ in range(HOPS + 1):
                told = await self._ask(session, (asked, url, headers, data), sizes)
                if isinstance(told, Told):
                    return told
                url = told
        raise malformed(asked, "one redirect after another")

    async def _ask(
        self,
        session: aiohttp.ClientSession,
        request: tuple[Asked, str, Mapping[str, str], bytes | None],
        sizes: tuple[int, int | None],
    ) -> Told | str:
        """Send one request; give the answer, or where a redirect leads."""
        from yarl import URL

        asked, url, headers, data = request
        async with session.request(
            asked.method,
            URL(url, encoded=True),
            headers={"User-Agent": agent(), **headers},
            data=data,
            allow_redirects=False,
            raise_for_status=False,
            timeout=_timeout(self._settings),
        ) as answer:
            location = answer.headers.get("location")
            if answer.status in REDIRECTS and location:
                to = self._place.redirected(url, location)
                if to is None:
                    raise malformed(asked, "a redirect to another server")
                return to
            is_error = answer.status >= HTTPStatus.MULTIPLE_CHOICES
            found = await _read(answer, asked, *((_ERROR, None) if is_error else sizes))
            lowered = {name.lower(): value for name, value in answer.headers.items()}
            return Told(status=answer.status, headers=lowered, data=found)

    @asynccontextmanager
    async def _open_session(self) -> AsyncIterator[aiohttp.ClientSession]:
        """Lend the host's session, or a new one over connections that are kept.

        A session that is kept would complain where nobody closes it, as in a notebook.
        """
        if self._closed:
            raise ConfigurationError("this GitHub backend is closed")
        if self._session is not None:
            yield self._session
            return
        held = self._held.setdefault(asyncio.get_running_loop(), _Held())
        async with held.making:
            if held.connector is None:
                held.connector = await self._make_connector()
        import aiohttp

        async with aiohttp.ClientSession(
            connector=held.connector,
            connector_owner=False,
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=True,
        ) as session:
            yield session

    async def _make_connector(self) -> aiohttp.TCPConnector:
        try:
            import aiohttp
        except ImportError as error:
            raise missing(error) from error
        # It reads the certificates to trust: 20 to 50 ms of CPU.
        context = await asyncio.to_thread(_context, self._settings.ca_file)
        connector = aiohttp.TCPConnector(ssl=context, limit=self._settings.concurrency)
        weakref.finalize(self, _end, connector, asyncio.get_running_loop())
        return connector

    async def aclose(self) -> None:
        """Close what was opened here."""
        self._closed = True
        held = self._held.pop(asyncio.get_running_loop(), None)
        if held is not None and held.connector is not None:
            await held.connector.close()
        self._held.clear()


async def _read(
    answer: aiohttp.ClientResponse, asked: Asked, limit: int, most: int | None
) -> bytes:
    data = bytearray()
    async for piece in answer.content.iter_chunked(_PIECE):
        data += piece
        if most is not None and len(data) >= most:
            answer.close()
            break
        if len(data) > limit:
            raise too_large(asked, limit)
    return bytes(data)


def _timeout(settings: GitHubSettings) -> aiohttp.ClientTimeout:
    import aiohttp

    return aiohttp.ClientTimeout(
        total=None,
        connect=settings.timeout,
        sock_connect=settings.connect_timeout,
        sock_read=settings.timeout,
    )


def _end(connector: aiohttp.TCPConnector, loop: asyncio.AbstractEventLoop) -> None:
    """Close connections without waiting for their end; nothing is done where they are closed."""
    if loop.is_running() and loop is not _running():
        loop.call_soon_threadsafe(connector._close)  # noqa: SLF001 - `close` makes a task
    else:
        connector._close()  # noqa: SLF001 - the same


def _running() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


def _context(ca_file: str | None) -> Any:
    import ssl

    try:
        return ssl.create_default_context(cafile=ca_file)
    except OSError as error:
        raise ConfigurationError(f"ca_file of github: {error}") from None


def missing(error: ImportError) -> MissingDependencyError:
    """Say what to install."""
    requires = "codeflow-engine[github]"
    return MissingDependencyError(
        f"github needs a package that is not installed ({error}); "
        f"install it with: pip install '{requires}'",
        requires=requires,
    )
