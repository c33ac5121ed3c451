"""The VCS backend of pull requests on GitHub."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from enum import StrEnum
from typing import TYPE_CHECKING, ClassVar, Final, override

from codeflow_engine.contracts.vcs import VCS, VCSCapability
from codeflow_engine.domain.change import Change, ChangeRequest, FileContent
from codeflow_engine.domain.diff import Side
from codeflow_engine.domain.discussion import Thread
from codeflow_engine.domain.effect import Effect, Receipt
from codeflow_engine.errors import ConfigurationError
from codeflow_engine.providers.vcs.github import changes, files, posting
from codeflow_engine.providers.vcs.github.auth import (
    AppCredentials,
    Credentials,
    GitHubApp,
    HostCredentials,
    TokenCredentials,
)
from codeflow_engine.providers.vcs.github.client import Client, Memory
from codeflow_engine.providers.vcs.github.etags import Shelf
from codeflow_engine.providers.vcs.github.line import Line
from codeflow_engine.providers.vcs.github.place import HOME, Place
from codeflow_engine.providers.vcs.github.sdk import SDK
from codeflow_engine.providers.vcs.github.settings import GitHubSettings
from codeflow_engine.providers.vcs.github.source import Source
from codeflow_engine.providers.vcs.github.target import Target
from codeflow_engine.providers.vcs.github.trees import Trees
from codeflow_engine.sandbox import Sandbox

if TYPE_CHECKING:
    import aiohttp
    import github

__all__ = ["GitHub", "connect"]

_TOKEN: Final = "GITHUB_TOKEN"  # noqa: S105 - the name of a variable
_URL: Final = "GITHUB_API_URL"
_PROXIES: Final = frozenset({"http_proxy", "https_proxy", "all_proxy", "no_proxy"})
_BLOBS: Final = 32 * 1024 * 1024


class GitHub(VCS):
    """Pull requests of GitHub, of github.com or of an Enterprise Server.

    `target` is `owner/repo#number`, or the URL of the pull request's page. Open, closed and
    merged ones can be read. A `head` reviews an earlier commit, a `base` another comparison;
    both are what GitHub takes for a commit: an id, a branch, a tag.

    The diff is what GitHub writes, where that is the whole. Where it is not (GitHub gives none
    of more than 300 files or 20,000 lines), or hides text as binary by an attribute of the
    change, git fetches the two commits and writes it.

    Args:
        settings: Who we are to GitHub, where it is, and limits.
        token: A token, or what gives the one that holds now; before that of the settings.
        app: A GitHub App to act as; before that of the settings.
        client: The host's `github.Github`. Its URL, credentials and certificates are used, over
            connections of our own; it is neither changed nor closed.
        session: The host's session, for what is streamed; it is not closed.
        base_url: URL of the REST interface; before that of the settings.

    Raises:
        ConfigurationError: The URL is none, or there are two of token, app and client.
    """

    capabilities: ClassVar[frozenset[StrEnum]] = frozenset(VCSCapability)

    def __init__(
        self,
        settings: GitHubSettings | None = None,
        *,
        token: str | Callable[[], str] | None = None,
        app: GitHubApp | None = None,
        client: github.Github | None = None,
        session: aiohttp.ClientSession | None = None,
        base_url: str | None = None,
    ) -> None:
        settings = settings or GitHubSettings()
        if len([one for one in (token, app, client) if one is not None]) > 1:
            raise ConfigurationError("github takes one of token, app and client")
        if client is not None and base_url is not None:
            raise ConfigurationError("a client of github has its own base_url")
        if client is None:
            url = base_url or settings.base_url or os.environ.get(_URL) or HOME
        else:
            url = client.requester.base_url
        self._settings = settings
        self._place = Place.at(url)
        self._line = Line(self._place, settings, host=client, session=session)
        self._credentials = self._choose(token, app, client)
        self._proxies = {
            name: value for name, value in os.environ.items() if name.lower() in _PROXIES
        }
        self._memory = Memory(sdk=SDK(self._line))
        self._trees = Trees()
        self._blobs: Shelf[bytes] = Shelf(_BLOBS)

    def _choose(
        self,
        token: str | Callable[[], str] | None,
        app: GitHubApp | None,
        client: github.Github | None,
    ) -> Credentials:
        settings = self._settings
        if client is not None:
            return HostCredentials(client.requester.auth, self._line)
        if app is None and token is None and settings.app_id is not None:
            if not settings.private_key:
                raise ConfigurationError(
                    "github has an app_id without its private_key: set "
                    "CODEFLOW_PLUGINS__GITHUB__PRIVATE_KEY"
                )
            app = GitHubApp(
                app_id=settings.app_id,
                private_key=settings.private_key,
                installation_id=settings.installation_id,
            )
        if app is not None:
            return AppCredentials(app, self._line)
        return TokenCredentials(token or settings.token or os.environ.get(_TOKEN))

    @property
    def secrets(self) -> tuple[str, ...]:
        """Keys and tokens that it uses now, those that GitHub has made for us among them."""
        return self._credentials.secrets

    @override
    async def fetch_change(self, request: ChangeRequest, sandbox: Sandbox) -> Change:
        asked = Target.parse(request.target, self._place)
        changes.check(request)
        target, pull = await self._look_up(asked)
        return await changes.fetch(self._source(target, sandbox), target, pull, request)

    @override
    async def canonical(self, target: str) -> str:
        found, _ = await self._look_up(Target.parse(target, self._place))
        return found.text

    @override
    async def read_head(self, target: str, sandbox: Sandbox) -> str:
        _, pull = await self._look_up(Target.parse(target, self._place))
        return pull.head

    async def _look_up(self, asked: Target) -> tuple[Target, changes.Pull]:
        """Find a pull request, and its name: its repository may be renamed, or written large."""
        pull = await changes.read_pull(self._client(asked), asked)
        owner, _, name = pull.repository.partition("/")
        return replace(asked, owner=owner, name=name), pull

    @override
    async def read_files(
        self, change: Change, paths: Sequence[str], *, side: Side, limit: int, sandbox: Sandbox
    ) -> tuple[FileContent, ...]:
        source = self._source(Target.parse(change.target, self._place), sandbox)
        return await files.read(source, change, paths, side=side, limit=limit)

    @override
    async def find_effects(self, effects: Sequence[Effect]) -> tuple[Receipt, ...]:
        return await posting.find_effects(effects, self._pull)

    @override
    async def deliver(self, effect: Effect) -> Receipt:
        return await posting.deliver(effect, self._pull(effect.target))

    @override
    async def withdraw(self, target: str, receipt: Receipt) -> None:
        await posting.withdraw(receipt, self._pull(target))

    @override
    async def read_threads(self, target: str) -> tuple[Thread, ...]:
        return await posting.read_threads(self._pull(target))

    def _pull(self, name: str) -> posting.Pull:
        target = Target.parse(name, self._place)
        return posting.Pull(client=self._client(target), target=target, settings=self._settings)

    def _client(self, target: Target) -> Client:
        """Give the one way to GitHub for a change: with the rights for its repository."""
        return Client(self._line, self._credentials, target.repository, self._memory)

    def _source(self, target: Target, sandbox: Sandbox) -> Source:
        return Source(
            client=self._client(target),
            place=self._place,
            settings=self._settings,
            trees=self._trees,
            blobs=self._blobs,
            sandbox=sandbox,
            proxies=self._proxies,
        )

    @override
    async def aclose(self) -> None:
        await self._line.aclose()
        self._memory.sdk.close()


def connect(client: github.Github | None, settings: GitHubSettings | None = None) -> GitHub:
    """Make the backend as the registry does: with the host's client, or by settings alone."""
    return GitHub(settings, client=client)
