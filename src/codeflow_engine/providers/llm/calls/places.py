"""Where a provider is: a URL, and what of it may be shown."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import unquote, urlsplit

from codeflow_engine.errors import ConfigurationError

__all__ = ["Place", "secret_headers"]

_SECRET: Final = re.compile(r"auth|key|token|secret|cookie|password", re.IGNORECASE)
_SHORT: Final = 8
"""Characters; a shorter value would be hidden wherever it stands by chance."""


class Place:
    """The URL of an interface.

    Args:
        section: The provider's section in the settings, such as `openai`.
        url: As it was set.

    Raises:
        ConfigurationError: It is no URL of HTTP with a host. The message does not show it, since
            it may hold credentials.
    """

    def __init__(self, section: str, url: str) -> None:
        try:
            parts = urlsplit(url)
            port, self._host = parts.port, parts.hostname or ""
        except ValueError:
            parts, port, self._host = urlsplit(""), None, ""
        if parts.scheme not in {"http", "https"} or not self._host:
            raise ConfigurationError(
                f"base_url of {section} has to be a URL such as https://host/v1"
            )
        self.url: Final = url
        """The URL as it was set."""
        host = f"[{self._host}]" if ":" in self._host else self._host
        where = host if port is None else f"{host}:{port}"
        self.shown: Final = f"{parts.scheme}://{where}{parts.path}".rstrip("/")
        """The URL without credentials and without its query."""
        self.secrets: Final = tuple(unquote(each) for each in (parts.password,) if each)
        """Credentials in it."""

    def is_under(self, domain: str) -> bool:
        """Say whether the host is a domain or one under it."""
        return self._host == domain or self._host.endswith(f".{domain}")


def secret_headers(headers: Mapping[str, str]) -> tuple[str, ...]:
    """Give the values of headers whose names say that they hold a secret."""
    return tuple(
        value for name, value in headers.items() if len(value) >= _SHORT and _SECRET.search(name)
    )
