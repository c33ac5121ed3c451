"""The blocking half of the way to GitHub: what PyGithub's requester sends its requests over.

PyGithub's own connections keep the request at hand in themselves, so that two threads which
share one send each other's; they read answers of any size, sleep on a 202, and follow redirects
by the path alone. Its requester takes another connection with each call: this one.
"""

from __future__ import annotations

import threading
import time
from collections.abc import ItemsView, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from http.cookiejar import DefaultCookiePolicy
from typing import Any, Final

from codeflow_engine.errors import ProviderTimeoutError, ProviderUnavailableError
from codeflow_engine.providers.vcs.github.errors import Asked, malformed, too_large
from codeflow_engine.providers.vcs.github.place import Place

__all__ = ["HOPS", "REDIRECTS", "Call", "Carrier", "Wire"]

HOPS: Final = 3
"""Redirects of one request that are followed."""

REDIRECTS: Final = frozenset(
    {HTTPStatus.MOVED_PERMANENTLY, HTTPStatus.FOUND}
    | {HTTPStatus.TEMPORARY_REDIRECT, HTTPStatus.PERMANENT_REDIRECT}
)
_PIECE: Final = 64 * 1024


@dataclass(slots=True, kw_only=True)
class Call:
    """One request on its way through a thread."""

    asked: Asked
    limit: int
    """Most bytes of the answer."""

    deadline: float
    """When it ends, by `time.monotonic`."""

    stopped: threading.Event = field(default_factory=threading.Event)
    """Set when nobody waits for it any more."""

    def check(self) -> None:
        """End where nobody waits, or it has taken too long."""
        if self.stopped.is_set() or time.monotonic() > self.deadline:
            raise ProviderTimeoutError(f"{self.asked.title} was not answered in time")


class Wire:
    """The connections that all threads share.

    Args:
        place: The server.
        verify: As requests takes it: whether, or by which file, certificates are checked.
        timeout: Seconds until a connection stands, and without a byte of the answer.
        size: Connections at once.
    """

    def __init__(
        self, place: Place, *, verify: bool | str, timeout: tuple[float, float], size: int
    ) -> None:
        import requests
        from requests.adapters import HTTPAdapter

        self.place = place
        self.verify = verify
        self.timeout = timeout
        self.session: requests.Session = requests.Session()
        self.session.auth = _as_it_is  # else requests would look into ~/.netrc
        self.session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=()))
        adapter = HTTPAdapter(max_retries=0, pool_connections=1, pool_maxsize=size)
        self.session.mount("https://", adapter)
        self.session.mount("http://", adapter)

    def close(self) -> None:
        """Close all connections."""
        self.session.close()


class Carrier:
    """What PyGithub takes for a connection; of one call alone."""

    def __init__(self, wire: Wire, call: Call) -> None:
        self._wire = wire
        self._call = call
        self._sent: tuple[str, str, Any, Mapping[str, str]] = ("GET", "/", None, {})

    def request(
        self,
        verb: str,
        url: str,
        input: Any,  # noqa: A002 - PyGithub's name
        headers: Mapping[str, str],
        stream: bool = False,  # noqa: FBT001, FBT002, ARG002 - PyGithub's form
    ) -> None:
        """Take what is to be sent."""
        self._sent = verb, url, input, headers

    def getresponse(self) -> _Response:
        """Send it, follow redirects on the same server, and read the answer whole."""
        verb, path, data, headers = self._sent
        place = self._wire.place
        url = f"{place.scheme}://{place.host}{path}"
        for _ in range(HOPS + 1):
            self._call.check()
            with self._wire.session.request(
                verb,
                url,
                headers=dict(headers),
                data=data,
                timeout=self._wire.timeout,
                verify=self._wire.verify,
                allow_redirects=False,
                stream=True,
            ) as answer:
                location = answer.headers.get("location")
                if answer.status_code in REDIRECTS and location:
                    url = self._follow(url, location)
                    continue
                if answer.status_code == HTTPStatus.ACCEPTED and verb in {"GET", "HEAD"}:
                    raise ProviderUnavailableError(
                        f"{self._call.asked.title} is still being worked out by GitHub"
                    )
                return _Response(answer.status_code, answer.headers, self._read(answer))
        raise malformed(self._call.asked, "one redirect after another")

    def _follow(self, url: str, location: str) -> str:
        to = self._wire.place.redirected(url, location)
        if to is None:
            raise malformed(self._call.asked, "a redirect to another server")
        return to

    def _read(self, answer: Any) -> str:
        data = bytearray()
        for piece in answer.iter_content(_PIECE):
            data += piece
            if len(data) > self._call.limit:
                raise too_large(self._call.asked, self._call.limit)
            self._call.check()
        return data.decode()

    def close(self) -> None:
        """Do nothing: the connections are the wire's."""


class _Response:
    """What PyGithub takes for a response."""

    def __init__(self, status: int, headers: Mapping[str, str], text: str) -> None:
        self.status = status
        self._headers = headers
        self._text = text

    def getheaders(self) -> ItemsView[str, str]:
        """Give the headers."""
        return self._headers.items()

    def read(self) -> str:
        """Give the body."""
        return self._text


def _as_it_is[T](request: T) -> T:
    return request
