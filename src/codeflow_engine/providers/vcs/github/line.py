"""The way to one GitHub: threads for PyGithub, streams, and how many may be under way."""

from __future__ import annotations

import asyncio
import threading
import time
import weakref
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from codeflow_engine.errors import ConfigurationError, ProviderTimeoutError
from codeflow_engine.providers.vcs.github.errors import Asked, from_exception
from codeflow_engine.providers.vcs.github.limits import Gate
from codeflow_engine.providers.vcs.github.place import Place
from codeflow_engine.providers.vcs.github.settings import GitHubSettings
from codeflow_engine.providers.vcs.github.stream import Streams, agent, missing
from codeflow_engine.providers.vcs.github.wire import Call, Wire

if TYPE_CHECKING:
    import aiohttp
    import github

__all__ = ["Line"]


@dataclass(slots=True)
class _Held:
    """What belongs to one event loop."""

    turns: asyncio.Semaphore
    writing: asyncio.Lock = field(default_factory=asyncio.Lock)
    wrote: float | None = None
    """When the last write ended, by the time of the loop."""

    locks: dict[object, asyncio.Lock] = field(default_factory=dict)


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
        self.streams: Streams = Streams(place, settings, session)
        self._wire: Wire | None = None
        self._made = threading.Lock()
        self._threads: ThreadPoolExecutor | None = None
        self._gates: dict[str, Gate] = {}
        self._closed = False
        self._held: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, _Held] = (
            weakref.WeakKeyDictionary()
        )

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
        loop, threads = asyncio.get_running_loop(), await self._executor()
        call = Call(
            asked=asked,
            limit=settings.max_answer_bytes,
            deadline=time.monotonic() + settings.timeout,
        )
        try:
            async with asyncio.timeout(settings.timeout):
                return await loop.run_in_executor(threads, lambda: work(self._open(call), call))
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

    async def _executor(self) -> ThreadPoolExecutor:
        if self._closed:
            raise ConfigurationError("this GitHub backend is closed")
        if self._threads is not None:
            return self._threads
        # Who starts a thread waits until it runs: 50 ms for all of them on a busy machine.
        return await asyncio.to_thread(self._start)

    def _start(self) -> ThreadPoolExecutor:
        with self._made:
            if self._threads is not None:
                return self._threads
            agent()  # once, and here: it reads files
            size = self.settings.concurrency
            threads = ThreadPoolExecutor(size, thread_name_prefix="codeflow-github")
            here = threading.Barrier(size + 1)
            for _ in range(size):
                threads.submit(here.wait)
            here.wait()
            self._threads = threads
            return threads

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
            raise missing(error) from error
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

    async def aclose(self) -> None:
        """Close what was opened here; the host's client and session stay as they are."""
        self._closed = True
        await self.streams.aclose()
        # What other loops had open went with them.
        self._held.clear()
        if self._threads is not None:
            self._threads.shutdown(wait=False, cancel_futures=True)
        if self._wire is not None:
            self._wire.close()
