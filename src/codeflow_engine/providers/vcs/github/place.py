"""Where a GitHub is: the URLs of its interfaces, of its pages and of its repositories."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Self
from urllib.parse import SplitResult, urljoin, urlsplit

from codeflow_engine.errors import ConfigurationError

__all__ = ["HOME", "Place"]

HOME: Final = "https://api.github.com"
_ODD: Final = re.compile(r"[\x00-\x20\x7f\\]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """The server, by the URL of its REST interface."""

    rest: str
    """`https://api.github.com`, or `https://HOST/api/v3` of Enterprise Server; no slash last."""

    graphql: str
    web: str
    """Where its pages and its repositories are; no slash last."""

    @classmethod
    def at(cls, url: str) -> Self:
        """Read the URL of a REST interface.

        Raises:
            ConfigurationError: It is no URL of HTTP, or holds credentials or a query. The
                message does not show it.
        """
        parts = _split(url)
        if (
            parts is None
            or parts.scheme not in {"http", "https"}
            or "@" in parts.netloc
            or parts.query
            or parts.fragment
            or _ODD.search(url)
        ):
            raise ConfigurationError(
                "base_url of github has to be a URL such as https://HOST/api/v3, without "
                "credentials or a query"
            )
        host = parts.netloc.lower()
        path = parts.path.rstrip("/")
        above = path.removesuffix("/v3").removesuffix("/api")
        return cls(
            rest=f"{parts.scheme}://{host}{path}",
            graphql=f"{parts.scheme}://{host}{path.removesuffix('/v3')}/graphql",
            web=f"{parts.scheme}://{host.removeprefix('api.')}{above}",
        )

    @property
    def scheme(self) -> str:
        """The protocol that is configured: `https`, or `http` for a server of a test."""
        return self.rest.partition(":")[0]

    @property
    def host(self) -> str:
        """Host and port of the interfaces."""
        return urlsplit(self.rest).netloc

    def url(self, path: str) -> str:
        """Give the URL of a path of the REST interface, or check one that GitHub gave.

        Raises:
            ConfigurationError: It is no path, or leads to another server.
        """
        whole = path if "://" in path else f"{self.rest}/{path.lstrip('/')}"
        parts = _split(whole)
        if parts is None or _ODD.search(whole) or not self.is_home(whole):
            raise ConfigurationError("a path of GitHub has to stay on its server, in one line")
        if {".", ".."} & set(parts.path.split("/")):
            raise ConfigurationError("a path of GitHub has no parts of dots")
        return whole

    def is_home(self, url: str) -> bool:
        """Say whether a URL is of the same origin as the interfaces."""
        parts = _split(url)
        if parts is None or "@" in parts.netloc:
            return False
        return (parts.scheme, parts.netloc.lower()) == (self.scheme, self.host)

    def redirected(self, url: str, location: str) -> str | None:
        """Give where a redirect leads, or None where it leads off this server.

        Nothing that we ask for lies elsewhere: to follow would show a stranger what is asked,
        or let it point us at a host of the own network.
        """
        try:
            to = urljoin(url, location)
        except ValueError:
            return None
        return to if self.is_home(to) and not _ODD.search(to) else None


def _split(url: str) -> SplitResult | None:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return None
    return parts if parts.hostname else None
