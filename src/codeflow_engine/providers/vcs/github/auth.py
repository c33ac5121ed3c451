"""Who we are to GitHub: a token, a GitHub App, or what the host's own client has.

Tokens are opaque, whatever they look like: since April 2026 those of installations have about
520 characters with dots in them.
"""

from __future__ import annotations

import asyncio
import json
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from http import HTTPStatus
from typing import Any, Final

from codeflow_engine.errors import AuthenticationError, ConfigurationError
from codeflow_engine.providers.vcs.github.errors import (
    Asked,
    Refusal,
    from_exception,
    malformed,
    refused,
)
from codeflow_engine.providers.vcs.github.limits import server_time
from codeflow_engine.providers.vcs.github.line import Line
from codeflow_engine.providers.vcs.github.stream import Told

__all__ = [
    "READING",
    "WRITING",
    "AppCredentials",
    "Credentials",
    "GitHubApp",
    "HostCredentials",
    "Pass",
    "TokenCredentials",
]

READING: Final[Mapping[str, str]] = {
    "contents": "read",
    "issues": "read",
    "metadata": "read",
    "pull_requests": "read",
    "checks": "read",
    "security_events": "read",
    "statuses": "read",
}
"""What it takes to read a change and what stands on it."""

WRITING: Final[Mapping[str, str]] = {
    "checks": "write",
    "contents": "write",
    "issues": "write",
    "metadata": "read",
    "pull_requests": "write",
    "security_events": "write",
    "statuses": "write",
}
"""What it takes to publish, in every way that we have."""

_RANK: Final = {"read": 1, "write": 2, "admin": 3}
_BACKDATED: Final = 60
_LIFE: Final = 540
"""Seconds: GitHub takes a JWT that was issued a minute ago, and ends within ten minutes."""

_EARLY: Final = 300.0
"""Seconds before its end from which a token is no longer used."""

_DRIFT: Final = 20.0
"""Seconds that our clock may differ from GitHub's before that is told apart from a delay."""

_ANSWER: Final = 1024 * 1024
_JSON: Final = "application/vnd.github+json"


@dataclass(frozen=True, slots=True, kw_only=True)
class GitHubApp:
    """A GitHub App that the engine acts as."""

    app_id: int | str
    """Its id or client id."""

    private_key: str = field(repr=False)
    """Its private key, as the text of the PEM file."""

    installation_id: int | None = None
    """Which installation; None asks GitHub which one has the repository."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pass:
    """What one request goes with."""

    header: str = field(repr=False)
    """Value of `Authorization`."""

    account: str
    """Whose limits it counts for."""


class Credentials(ABC):
    """Gives what each request goes with."""

    @abstractmethod
    async def authorize(self, repository: str, *, write: bool) -> Pass:
        """Give what a request to a repository goes with.

        Args:
            repository: `owner/name`.
            write: Whether it changes something.
        """

    def renew(self, repository: str, *, write: bool) -> bool:  # noqa: ARG002 - most have no other
        """Forget what GitHub no longer takes; say whether there may be another one."""
        return False

    @property
    @abstractmethod
    def secrets(self) -> tuple[str, ...]:
        """Values in use that nothing may show."""


class TokenCredentials(Credentials):
    """A token, or what gives the one that holds now."""

    def __init__(self, given: str | Callable[[], str] | None) -> None:
        self._given = given

    def _current(self) -> str:
        return (self._given() if callable(self._given) else self._given) or ""

    async def authorize(self, repository: str, *, write: bool) -> Pass:  # noqa: ARG002 - it is one for all
        """Give the token.

        Raises:
            ConfigurationError: There is none, or it cannot stand in a header.
        """
        token = self._current()
        if not token:
            raise ConfigurationError(
                "github has no token: set GITHUB_TOKEN or CODEFLOW_PLUGINS__GITHUB__TOKEN, or "
                "the app_id and private_key of a GitHub App"
            )
        if not token.isascii() or not token.isprintable() or " " in token:
            raise ConfigurationError(
                "the token of github holds a blank or a character that no header can hold: "
                "set GITHUB_TOKEN anew"
            )
        return Pass(header=f"Bearer {token}", account="token")

    @property
    def secrets(self) -> tuple[str, ...]:
        """The token that holds now."""
        token = self._current()
        return (token,) if token else ()


class HostCredentials(Credentials):
    """What a host's own client is authenticated with, asked for at each request.

    Args:
        auth: Its `github.Auth.Auth`, which may fetch a token; None where it has none.
        line: The way to its threads.
    """

    def __init__(self, auth: Any, line: Line) -> None:
        self._auth = auth
        self._line = line
        self._asking = threading.Lock()
        self._seen = ""

    async def authorize(self, repository: str, *, write: bool) -> Pass:  # noqa: ARG002 - it is one for all
        """Ask the host's client, in a thread: it may ask GitHub for a token.

        Raises:
            AuthenticationError: The host's client has no credentials.
        """
        if self._auth is None:
            raise AuthenticationError("the client of github that the host gave has no credentials")
        asked = Asked(method="GET", path="the host's credentials")
        header = await self._line.in_thread(lambda _wire, _call: self._header(), asked)
        self._seen = header.partition(" ")[2]
        return Pass(header=header, account="token")

    def _header(self) -> str:
        headers: dict[str, str] = {}
        with self._asking:  # PyGithub's own have no lock around the token that they keep
            self._auth.authentication(headers)
        return headers.get("Authorization", "")

    @property
    def secrets(self) -> tuple[str, ...]:
        """The credentials that were used last."""
        return (self._seen,) if self._seen else ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Installation:
    id: int
    permissions: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Token:
    value: str = field(repr=False)
    account: str
    """Whose limits it counts for."""

    until: float
    """When it is no longer used, by `time.monotonic`."""

    @property
    def holds(self) -> bool:
        """Whether it is still used."""
        return time.monotonic() < self.until


class AppCredentials(Credentials):
    """Tokens of a GitHub App: for one repository each, with no more rights than it takes.

    Args:
        app: The app.
        line: The way to GitHub.
    """

    def __init__(self, app: GitHubApp, line: Line) -> None:
        self.app = app
        self._line = line
        self._drift = 0.0
        """Seconds that GitHub's clock is ahead of ours."""

        self._tokens: dict[tuple[str, bool], _Token] = {}
        self._key: Any = None
        """The private key as it was read: to read it takes 20 ms, each time."""

    async def authorize(self, repository: str, *, write: bool) -> Pass:
        """Give a token of the installation; one that ends within five minutes is replaced.

        Whoever asks meanwhile waits for that one request.

        Raises:
            AuthenticationError: GitHub does not take the app, or it is not installed there.
        """
        kept = self._kept(repository, write=write)
        if kept is None:
            async with self._line.lock(("mint", repository, write)):
                kept = self._kept(repository, write=write)
                if kept is None:
                    kept = await self._mint(repository, write=write)
                    held = {key: token for key, token in self._tokens.items() if token.holds}
                    self._tokens = {**held, (repository, write): kept}
        return Pass(header=f"Bearer {kept.value}", account=kept.account)

    def renew(self, repository: str, *, write: bool) -> bool:
        """Forget a token that GitHub no longer takes."""
        return self._tokens.pop((repository, write), None) is not None

    @property
    def secrets(self) -> tuple[str, ...]:
        """The private key.

        The tokens that are made with it are told by their form: there is another one each hour
        for each repository, and nobody forgets a value that has to be kept secret.
        """
        return (self.app.private_key,)

    def _kept(self, repository: str, *, write: bool) -> _Token | None:
        token = self._tokens.get((repository, write))
        return token if token is not None and token.holds else None

    async def describe(self) -> str:
        """Give the app's slug, which its bot is named after."""
        told = await self.ask("GET", "/app")
        slug = told.get("slug")
        if not isinstance(slug, str) or not slug:
            raise malformed(Asked(method="GET", path="/app"), "an app without a slug")
        return slug

    async def _mint(self, repository: str, *, write: bool) -> _Token:
        installation = await self._find(repository)
        wanted = WRITING if write else READING
        permissions = {
            name: right
            for name, right in wanted.items()
            if _RANK.get(installation.permissions.get(name, ""), 0) >= _RANK[right]
        }
        path = f"/app/installations/{installation.id}/access_tokens"
        body = {"repositories": [repository.partition("/")[2]], "permissions": permissions}
        sent = time.monotonic()
        told = await self.ask("POST", path, body)
        value, until = told.get("token"), told.get("expires_at")
        try:
            life = datetime.fromisoformat(str(until)).timestamp() - (time.time() + self._drift)
        except ValueError:
            life = -1.0
        if not isinstance(value, str) or not value or life <= 0:
            raise malformed(Asked(method="POST", path=path), "no token, or one that has ended")
        # One that lives for less, as on a server of a test, is used for half of its life.
        used = life - _EARLY if life > 2 * _EARLY else life / 2
        account = f"installation {installation.id}"
        return _Token(value=value, account=account, until=sent + used)

    async def _find(self, repository: str) -> _Installation:
        """Ask which installation has a repository, for each token: both may change."""
        given = self.app.installation_id
        path = f"/repos/{repository}/installation"
        told = await self.ask("GET", path if given is None else f"/app/installations/{given}")
        number, permissions = told.get("id"), told.get("permissions")
        if not isinstance(number, int) or not isinstance(permissions, dict):
            raise malformed(Asked(method="GET", path=path), "no installation")
        return _Installation(
            id=number, permissions={str(name): str(right) for name, right in permissions.items()}
        )

    async def ask(self, method: str, path: str, body: Any = None) -> Mapping[str, Any]:
        """Ask GitHub as the app itself.

        A JWT that it does not take for its time is made anew by GitHub's own clock, once.

        Raises:
            CodeflowError: It is refused.
        """
        asked = Asked(method=method, path=path)
        for attempt in range(2):
            told = await self._send(asked, body)
            drift = server_time(told.headers) - time.time()
            off = abs(drift - self._drift) > _DRIFT
            if told.status == HTTPStatus.UNAUTHORIZED and attempt == 0 and off:
                self._drift = drift
                continue
            break
        found = _decoded(told.data)
        if told.status >= HTTPStatus.BAD_REQUEST:
            if told.status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.NOT_FOUND}:
                what = "is not taken" if told.status == HTTPStatus.UNAUTHORIZED else "is not there"
                raise AuthenticationError(
                    f"the GitHub App, or its installation, {what} (HTTP {told.status} for "
                    f"{path}): see app_id, private_key and installation_id"
                )
            raise refused(Refusal(status=told.status, headers=told.headers, body=found), asked)
        if not isinstance(found, dict):
            raise malformed(asked, "no JSON object")
        return found

    async def _send(self, asked: Asked, body: Any) -> Told:
        signed = await asyncio.to_thread(self._sign)
        async with self._line.turn():
            return await self._line.streams.send(
                asked,
                self._line.place.url(asked.path),
                headers={
                    "Authorization": f"Bearer {signed}",
                    "Accept": _JSON,
                    "Content-Type": "application/json",
                },
                limit=_ANSWER,
                data=None if body is None else json.dumps(body).encode(),
            )

    def _sign(self) -> str:
        """Make a JWT by GitHub's rules: RS256, issued a minute ago, ends within ten minutes."""
        import jwt
        from jwt.algorithms import RSAAlgorithm

        now = int(time.time() + self._drift)
        claims = {"iat": now - _BACKDATED, "exp": now + _LIFE, "iss": str(self.app.app_id)}
        try:
            if self._key is None:
                given = self.app.private_key
                self._key = RSAAlgorithm(RSAAlgorithm.SHA256).prepare_key(given)
            return jwt.encode(claims, key=self._key, algorithm="RS256")
        except Exception as error:
            told = from_exception(error, Asked(method="GET", path="/app"))
            if told is None and not isinstance(error, ValueError | TypeError):
                raise
            raise ConfigurationError(
                "the private key of the GitHub App cannot sign: see private_key"
            ) from None


def _decoded(data: bytes) -> Any:
    try:
        return json.loads(data)
    except ValueError:
        return None
