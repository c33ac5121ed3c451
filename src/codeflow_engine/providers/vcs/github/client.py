"""The one way to GitHub, for reading and for writing."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from codeflow_engine.errors import (
    AuthenticationError,
    ChangeUnavailableError,
    CodeflowError,
    RateLimitError,
)
from codeflow_engine.providers.vcs.github.auth import AppCredentials, Credentials, Pass
from codeflow_engine.providers.vcs.github.errors import (
    Asked,
    Refusal,
    graphql_refusal,
    malformed,
    refused,
)
from codeflow_engine.providers.vcs.github.etags import Kept, Shelf
from codeflow_engine.providers.vcs.github.json_reader import parse
from codeflow_engine.providers.vcs.github.limits import resource_of
from codeflow_engine.providers.vcs.github.line import Line
from codeflow_engine.providers.vcs.github.sdk import SDK
from codeflow_engine.providers.vcs.github.stream import Told
from codeflow_engine.providers.vcs.github.wire import Call, Carrier, Wire

if TYPE_CHECKING:
    import github

__all__ = ["Answer", "Author", "Client", "Memory"]

_JSON: Final = "application/vnd.github+json"
_NEXT: Final = re.compile(r'<([^<>]*)>\s*;(?:[^,"]|"[^"]*")*?\brel="?next"?')
_MUTATION: Final = re.compile(r"\s*(?:#[^\n]*\n\s*)*mutation\b")
_PAGE: Final = 100
_ETAGS: Final = 16 * 1024 * 1024
_BOT: Final = "[bot]"
_KNOWN: Final = 60.0
"""Seconds for which the name of our account is believed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An answer of GitHub that is no error."""

    status: int
    headers: Mapping[str, str]
    """By lower-case name."""

    body: Any
    """What its JSON holds; None where it has none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Author:
    """Whom GitHub takes us for: the author of what we post."""

    login: str
    """As REST has it: that of an app ends in `[bot]`."""

    app_slug: str | None = None
    """Name of the app; None for a person."""


@dataclass(slots=True, kw_only=True)
class Memory:
    """What the clients of one backend share beside the line."""

    sdk: SDK
    etags: Shelf[Kept] = field(default_factory=lambda: Shelf(_ETAGS))
    author: tuple[float, Author] | None = None
    """Until when we are taken for somebody, by `time.monotonic`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Came:
    """What a thread brings back."""

    told: Told
    text: str
    body: Any


class Client:
    """Calls of GitHub that concern one repository, with the rights for that one.

    Nobody sleeps here because of a limit: a `RateLimitError` says how long to wait, and what is
    asked earlier is refused without asking. Writes go one after the other.

    Args:
        line: The way to the server.
        credentials: Who we are.
        repository: `owner/name`.
        memory: Shared with the other clients of the backend.
    """

    def __init__(
        self, line: Line, credentials: Credentials, repository: str, memory: Memory
    ) -> None:
        self.repository = repository
        self._line = line
        self._credentials = credentials
        self._memory = memory

    async def request(
        self,
        method: str,
        path: str,
        *,
        parameters: Mapping[str, object] | None = None,
        body: object = None,
        accept: str | None = None,
        needs: str = "",
    ) -> Answer:
        """Send a request of REST.

        Args:
            method: In capitals.
            path: Under the URL of the interface, such as `/repos/acme/shop/pulls/1`, with its
                parts quoted; or a whole URL that GitHub gave.
            parameters: Of the query.
            body: What is sent as JSON.
            accept: Media type of the answer, where it is another form of JSON.
            needs: The permission that it takes, for the message of an error.

        Raises:
            CodeflowError: GitHub refuses, or gives no answer; see `errors.py`.
        """
        asked = Asked(method=method, path=path, needs=needs)
        sent = _Sent(parameters=dict(parameters or {}), body=body, accept=accept or _JSON)
        if not asked.is_write:
            return await self._exchange(asked, sent)
        async with self._line.writing():
            return await self._exchange(asked, sent)

    async def pages(
        self,
        path: str,
        *,
        parameters: Mapping[str, object] | None = None,
        key: str | None = None,
        most: int = 100_000,
        needs: str = "",
    ) -> list[Any]:
        """Give the entries of all pages, as far as GitHub's own links lead.

        Args:
            path: As in `request`.
            parameters: Of the first page; a page has 100 entries unless they say otherwise.
            key: Under which field the entries are, where a page is no list, as `check_runs`.
            most: Entries beyond which it is an error.
            needs: As in `request`.

        Raises:
            CodeflowError: As in `request`, or there are more.
        """
        asked = Asked(method="GET", path=path, needs=needs)
        found: list[Any] = []
        seen: set[str] = set()
        at: str | None = path
        given: Mapping[str, object] | None = {"per_page": _PAGE, **(parameters or {})}
        while at is not None:
            answer = await self.request("GET", at, parameters=given, needs=needs)
            page = answer.body
            if key is not None:
                page = page.get(key) if isinstance(page, dict) else None
            if not isinstance(page, list):
                raise malformed(asked, "a page that is no list")
            found += page
            if len(found) > most:
                raise malformed(asked, f"more than {most} entries")
            seen.add(at)
            at, given = _next(answer.headers), None
            if at in seen:
                raise malformed(asked, "pages that lead back to themselves")
        return found

    async def graphql(self, query: str, variables: Mapping[str, object]) -> dict[str, Any]:
        """Ask over GraphQL and give the data; a mutation counts as a write.

        Raises:
            CodeflowError: As in `request`; errors in the answer count as well, also where a part
                of the data is there.
        """
        asked = Asked(method="POST" if _MUTATION.match(query) else "GET", path="/graphql")
        sent = _Sent(body={"query": query, "variables": dict(variables)}, accept=_JSON)
        if asked.is_write:
            async with self._line.writing():
                answer = await self._exchange(asked, sent, is_graphql=True)
        else:
            answer = await self._exchange(asked, sent, is_graphql=True)
        told = answer.body
        if not isinstance(told, dict):
            raise malformed(asked, "no JSON object")
        if told.get("errors"):
            refusal = graphql_refusal(told["errors"], answer.headers)
            gate = self._line.gate(self._account)
            gate.learn("graphql", refusal.status, refusal.headers, refusal.message)
            raise refused(refusal, asked)
        data = told.get("data")
        if not isinstance(data, dict):
            raise malformed(asked, "no data")
        return data

    async def raw(
        self, path: str, *, accept: str, limit: int, enough: int | None = None, needs: str = ""
    ) -> bytes:
        """Read something that is no JSON, as it comes, and never more than may be.

        Args:
            path: As in `request`.
            accept: Its media type.
            limit: Most bytes; more is an error of the kind `too_large`.
            enough: Bytes after which the rest is left unread.
            needs: As in `request`.

        Raises:
            CodeflowError: As in `request`.
        """
        asked = Asked(method="GET", path=path, needs=needs)
        url = self._line.place.url(path)
        for attempt in range(2):
            given = await self._pass(asked)
            async with self._line.turn():
                told = await self._line.streams.send(
                    asked,
                    url,
                    headers={"Authorization": given.header, "Accept": accept},
                    limit=limit,
                    enough=enough,
                )
            if not self._again(told.status, asked, attempt):
                break
        if told.status >= HTTPStatus.MULTIPLE_CHOICES:
            body = await asyncio.to_thread(_try_parse, told.data.decode("utf-8", "replace"))
            raise self._refused(given, told, asked, body)
        self._learn(given, told, asked, "")
        return told.data

    async def whoami(self) -> Author:
        """Say whom GitHub takes us for; asked once a minute, since an account may be renamed.

        Raises:
            CodeflowError: As in `request`.
        """
        known = self._known()
        if known is not None:
            return known
        async with self._line.lock("whoami"):
            known = self._known()
            if known is None:
                known = await self._ask_author()
                self._memory.author = time.monotonic() + _KNOWN, known
        return known

    def _known(self) -> Author | None:
        until, author = self._memory.author or (0.0, None)
        return author if time.monotonic() < until else None

    async def _ask_author(self) -> Author:
        if isinstance(self._credentials, AppCredentials):
            slug = await self._credentials.describe()
            return Author(login=f"{slug}{_BOT}", app_slug=slug)
        try:
            told = (await self.request("GET", "/user")).body
        except (AuthenticationError, ChangeUnavailableError):
            # A token of an installation, as that of a workflow, is no user; GraphQL knows it.
            told = (await self.graphql("query { viewer { login } }", {})).get("viewer")
        login = told.get("login") if isinstance(told, dict) else None
        if not isinstance(login, str) or not login:
            raise malformed(Asked(method="GET", path="/user"), "a user without a login")
        return Author(login=login, app_slug=login.removesuffix(_BOT) if _BOT in login else None)

    async def run[T](self, work: Callable[[github.Github], T]) -> T:
        """Have PyGithub called in a thread, with a client that is nobody else's meanwhile.

        It counts as a write, since what it does cannot be seen from here.

        Raises:
            CodeflowError: It failed.
        """
        asked = Asked(method="POST", path=f"/repos/{self.repository}")
        async with self._line.writing():
            given = await self._pass(asked)
            async with self._line.turn():
                return await self._line.in_thread(
                    lambda _wire, _call: self._memory.sdk.lend(work, given.header),
                    asked,
                )

    async def header(self) -> str:
        """Give the value of `Authorization` for reading, as git sends it too."""
        return (await self._credentials.authorize(self.repository, write=False)).header

    async def _exchange(self, asked: Asked, sent: _Sent, *, is_graphql: bool = False) -> Answer:
        place = self._line.place
        url = place.graphql if is_graphql else place.url(asked.path)
        keeps = asked.method == "GET" and not is_graphql
        shelf = f"{sent.accept} {url} {sorted(sent.parameters.items())}"
        for attempt in range(2):
            given = await self._pass(asked)  # before the turn: it may send a request of its own
            kept = self._memory.etags.get(shelf) if keeps else None
            sending = partial(self._send, url, sent, (given, kept))
            async with self._line.turn():
                came = await self._line.in_thread(sending, asked)
            if not self._again(came.told.status, asked, attempt):
                break
        told = came.told
        if told.status == HTTPStatus.NOT_MODIFIED and kept is not None:
            self._learn(given, told, asked, "")
            return Answer(status=200, headers={**kept.headers, **told.headers}, body=came.body)
        if told.status >= HTTPStatus.MULTIPLE_CHOICES:
            raise self._refused(given, told, asked, came.body)
        self._learn(given, told, asked, "")
        if keeps and "etag" in told.headers:
            entry = Kept(etag=told.headers["etag"], headers=told.headers, text=came.text)
            self._memory.etags.put(shelf, entry)
        return Answer(status=told.status, headers=told.headers, body=came.body)

    def _send(
        self, url: str, sent: _Sent, to: tuple[Pass, Kept | None], wire: Wire, call: Call
    ) -> _Came:
        """Send one request through PyGithub's requester, in a thread."""
        given, kept = to
        headers = {"Authorization": given.header, "Accept": sent.accept}
        if kept is not None:
            headers["If-None-Match"] = kept.etag
        method = "POST" if url == self._line.place.graphql else call.asked.method
        status, found, text = self._memory.sdk.send(
            method, url, headers, (sent.parameters, sent.body), Carrier(wire, call)
        )
        lowered = {name.lower(): str(value) for name, value in found.items()}
        if status == HTTPStatus.NOT_MODIFIED and kept is not None:
            text = kept.text
        read = _try_parse if status >= HTTPStatus.BAD_REQUEST else parse
        body = read(text) if text.strip() else None
        return _Came(told=Told(status=status, headers=lowered), text=text, body=body)

    async def _pass(self, asked: Asked) -> Pass:
        given = await self._credentials.authorize(self.repository, write=asked.is_write)
        self._line.gate(given.account).check(resource_of(asked.path))
        self._account = given.account
        return given

    _account = "token"

    def _again(self, status: int, asked: Asked, attempt: int) -> bool:
        """Say whether to ask once more: a token that was taken back has done nothing."""
        if status != HTTPStatus.UNAUTHORIZED or attempt:
            return False
        return self._credentials.renew(self.repository, write=asked.is_write)

    def _learn(self, given: Pass, told: Told, asked: Asked, message: str) -> None:
        gate = self._line.gate(given.account)
        gate.learn(resource_of(asked.path), told.status, told.headers, message)

    def _refused(self, given: Pass, told: Told, asked: Asked, body: Any) -> CodeflowError:
        refusal = Refusal(status=told.status, headers=told.headers, body=body)
        self._learn(given, told, asked, refusal.message)
        error = refused(refusal, asked)
        if isinstance(error, RateLimitError):
            wait = self._line.gate(given.account).wait(resource_of(asked.path))
            error.retry_after = max(error.retry_after or 0.0, wait)
        return error


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sent:
    """What a request holds beside its path."""

    accept: str
    parameters: dict[str, Any] = field(default_factory=dict)
    body: object = None


def _next(headers: Mapping[str, str]) -> str | None:
    found = _NEXT.search(headers.get("link", ""))
    return None if found is None else found[1]


def _try_parse(text: str) -> Any:
    try:
        return parse(text)
    except (ValueError, RecursionError):
        return None
