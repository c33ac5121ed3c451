"""The way to one GitHub: threads for PyGithub, a session of aiohttp for what is streamed."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any, Final
from weakref import WeakKeyDictionary

from codeflow_engine.errors import ConfigurationError, MissingDependencyError, ProviderTimeoutError
from codeflow_engine.providers.vcs.github.errors import Asked, from_exception, malformed, too_large
from codeflow_engine.providers.vcs.github.limits import Gate
from codeflow_engine.providers.vcs.github.place import Place
from codeflow_engine.providers.vcs.github.settings import GitHubSettings
from codeflow_engine.providers.vcs.github.wire import HOPS, REDIRECTS, Call, Wire

if TYPE_CHECKING:
    import aiohttp
    import github

__all__ = ["Line", "Told", "agent"]

_PIECE: Final = 64 * 1024
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

    turns: asyncio.Semaphore
    writing: asyncio.Lock = field(default_factory=asyncio.Lock)
    wrote: float | None = None
    """When the last write ended, by the time of the loop."""

    session: aiohttp.ClientSession | None = None
    locks: dict[object, asyncio.Lock] = field(default_factory=dict)


def agent() -> str:
    """Name ourselves, as GitHub asks of every client."""
    try:
        return f"codeflow-engine/{version('codeflow-engine')}"
    except PackageNotFoundError:
        return "codeflow-engine"


class Line:
    """Sends what is asked; knows nothing of what it means.

    Args:
        place: The server.
        settings: How long a request may take, and how many there may be at once.
        host: The host's client, of which everything is made that PyGithub needs.
        session: The host's session for what is streamed; it is not closed.
    """

    def __init__(
        self,
        place: Place,
        settings: GitHubSettings,
        *,
        host: github.Github | None = None,
        session: aiohttp.ClientSession | None = None,
    ) -> None:
        self.place = place
        self.settings = settings
        self._host = host
        self._session = session
        self._wire: Wire | None = None
        self._made = threading.Lock()
        self._threads: ThreadPoolExecutor | None = None
        self._gates: dict[str, Gate] = {}
        self._closed = False
        self._held: WeakKeyDictionary[asyncio.AbstractEventLoop, _Held] = WeakKeyDictionary()

    def gate(self, account: str) -> Gate:
        """Give what knows the limits of an account."""
        return self._gates.setdefault(account, Gate())

    def lock(self, what: object) -> asyncio.Lock:
        """Give the lock of something, on this event loop."""
        return self._here().locks.setdefault(what, asyncio.Lock())

    def _here(self) -> _Held:
        loop = asyncio.get_running_loop()
        if loop not in self._held:
            self._held[loop] = _Held(turns=asyncio.Semaphore(self.settings.concurrency))
        return self._held[loop]

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Wait for a place among the requests that may be on their way at once."""
        async with self._here().turns:
            yield

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[None]:
        """Wait until no other write is on its way, and the last one is long enough ago."""
        held = self._here()
        clock = asyncio.get_running_loop().time
        async with held.writing:
            if held.wrote is not None:
                pause = held.wrote + self.settings.write_interval - clock()
                await asyncio.sleep(max(pause, 0.0))
            try:
                yield
            finally:
                held.wrote = clock()

    async def in_thread[T](self, work: Callable[[Wire, Call], T], asked: Asked) -> T:
        """Run blocking work in one of our threads.

        Where it is cancelled or takes too long, the thread ends by itself: at its next step, or
        when GitHub has not sent a byte for the time of a request.

        Raises:
            CodeflowError: It failed, in the errors of our tree.
        """
        settings = self.settings
        call = Call(
            asked=asked,
            limit=settings.max_answer_bytes,
            deadline=time.monotonic() + settings.timeout,
        )
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(settings.timeout):
                return await loop.run_in_executor(
                    self._executor(), lambda: work(self._open(call), call)
                )
        except TimeoutError as error:
            told = from_exception(error, asked)
            raise told or ProviderTimeoutError(f"{asked.title} took too long") from None
        except Exception as error:
            told = from_exception(error, asked)
            if told is None:
                raise
            # The words of a transport may hold a URL or a header; a traceback shows causes.
            raise told from None
        finally:
            call.stopped.set()

    def _executor(self) -> ThreadPoolExecutor:
        if self._closed:
            raise ConfigurationError("this GitHub backend is closed")
        if self._threads is None:
            self._threads = ThreadPoolExecutor(
                self.settings.concurrency, thread_name_prefix="codeflow-github"
            )
        return self._threads

    def _open(self, call: Call) -> Wire:
        call.check()
        with self._made:
            if self._wire is None:
                self._wire = self._make_wire()
            return self._wire

    def _make_wire(self) -> Wire:
        try:
            import github  # noqa: F401 - 0.3 s; whoever uses the wire needs it
        except ImportError as error:
            raise _missing(error) from error
        settings = self.settings
        verify: bool | str = settings.ca_file or True
        if self._host is not None and settings.ca_file is None:
            verify = self._host.requester.kwargs["verify"]
        return Wire(
            self.place,
            verify=verify,
            timeout=(settings.connect_timeout, settings.timeout),
            size=settings.concurrency,
        )

    def copy(self, auth: Any) -> github.Github:
        """Make a private copy of the host's client, or one of our own. Call it in a thread."""
        import github

        kwargs: dict[str, Any] = {"base_url": self.place.rest, "user_agent": agent()}
        if self._host is not None:
            kwargs = dict(self._host.requester.kwargs)
        elif self.settings.ca_file is not None:
            kwargs["verify"] = self.settings.ca_file
        own = {
            "auth": auth,
            "retry": None,
            "seconds_between_requests": 0,
            "seconds_between_writes": 0,
            "timeout": max(int(self.settings.timeout), 1),
        }
        return github.Github(**{**kwargs, **own})

    async def stream(
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
            async with asyncio.timeout(self.settings.timeout * _STREAMED):
                return await self._stream(asked, url, headers, data, (limit, enough))
        except Exception as error:
            told = from_exception(error, asked)
            if told is None:
                raise
            raise told from None

    async def _stream(
        self,
        asked: Asked,
        url: str,
        headers: Mapping[str, str],
        data: bytes | None,
        sizes: tuple[int, int | None],
    ) -> Told:
        from yarl import URL

        session = await self._open_session()
        for _ in range(HOPS + 1):
            async with session.request(
                asked.method,
                URL(url, encoded=True),
                headers={"User-Agent": agent(), **headers},
                data=data,
                allow_redirects=False,
                raise_for_status=False,
                timeout=_timeout(self.settings),
            ) as answer:
                location = answer.headers.get("location")
                if answer.status in REDIRECTS and location:
                    to = self.place.redirected(url, location)
                    if to is None:
                        raise malformed(asked, "a redirect to another server")
                    url = to
                    continue
                found = await _read(answer, asked, *sizes)
                lowered = {name.lower(): value for name, value in answer.headers.items()}
                return Told(status=answer.status, headers=lowered, data=found)
        raise malformed(asked, "one redirect after another")

    async def _open_session(self) -> aiohttp.ClientSession:
        if self._closed:
            raise ConfigurationError("this GitHub backend is closed")
        if self._session is not None:
            return self._session
        held = self._here()
        async with self.lock("session"):
            if held.session is None:
                held.session = await self._make_session()
            return held.session

    async def _make_session(self) -> aiohttp.ClientSession:
        try:
            import aiohttp
        except ImportError as error:
            raise _missing(error) from error
        # It reads the certificates to trust: 20 to 50 ms of CPU.
        context = await asyncio.to_thread(_context, self.settings.ca_file)
        return aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=context, limit=self.settings.concurrency),
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=True,
        )

    async def aclose(self) -> None:
        """Close what was opened here; the host's client and session stay as they are."""
        self._closed = True
        held = self._held.pop(asyncio.get_running_loop(), None)
        if held is not None and held.session is not None:
            await held.session.close()
        # What other loops had open went with them.
        self._held.clear()
        if self._threads is not None:
            self._threads.shutdown(wait=False, cancel_futures=True)
        if self._wire is not None:
            self._wire.close()


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


def _context(ca_file: str | None) -> Any:
    import ssl

    try:
        return ssl.create_default_context(cafile=ca_file)
    except OSError as error:
        raise ConfigurationError(f"ca_file of github: {error}") from None


def _missing(error: ImportError) -> MissingDependencyError:
    requires = "codeflow-engine[github]"
    return MissingDependencyError(
        f"github needs a package that is not installed ({error}); "
        f"install it with: pip install '{requires}'",
        requires=requires,
    )
