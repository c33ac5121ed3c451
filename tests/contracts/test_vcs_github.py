"""The suite of VCS hosts holds for GitHub, against a forge that refuses what GitHub refuses."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

import pytest

from codeflow_engine.contracts import VCS
from codeflow_engine.domain.change import ChangeRequest
from codeflow_engine.domain.effect import Effect, EffectKind
from codeflow_engine.providers.vcs.github import GitHub, GitHubSettings
from codeflow_engine.testing.contracts import Published, VCSContract
from codeflow_engine.testing.examples import Example
from codeflow_engine.testing.forge import FakeForge, ForgeRules

SETTINGS = GitHubSettings(write_interval=0.0)

type Create = Callable[[], VCS]
type Publishing = Callable[[Example], Published]


class TestGitHub(VCSContract):
    rules = ForgeRules()

    @pytest.fixture
    def server(self) -> Iterator[FakeForge]:
        with FakeForge(rules=self.rules) as forge:
            yield forge

    @pytest.fixture
    def ours(self, server: FakeForge) -> dict[str, Any]:
        """Say who writes."""
        return {"token": server.token("codeflow-app[bot]")}

    @pytest.fixture
    def others(self, server: FakeForge) -> dict[str, Any]:
        """Say who else may write."""
        server.add_user("mallory", permission="write")
        return {"token": server.token("mallory")}

    @pytest.fixture
    async def create(self, server: FakeForge, ours: dict[str, Any]) -> AsyncIterator[Create]:
        made: list[GitHub] = []

        def create() -> VCS:
            made.append(GitHub(SETTINGS, base_url=server.url, **ours))
            return made[-1]

        yield create
        for one in made:
            await one.aclose()

    @pytest.fixture
    def effect(self) -> Callable[[str, str, str], Effect]:
        """Make reviews: of those, several may stand, other than of summaries."""
        return lambda target, head, key: Effect(
            key=key,
            kind=EffectKind.REVIEW,
            target=target,
            head=head,
            payload={"body": "Nothing was found.", "comments": []},
        )

    @pytest.fixture
    def forge(
        self, server: FakeForge, others: dict[str, Any]
    ) -> Callable[[Effect], Awaitable[None]]:
        async def write(effect: Effect) -> None:
            other = GitHub(SETTINGS, base_url=server.url, **others)
            await other.deliver(effect)
            await other.aclose()

        return write

    @pytest.fixture
    def published(self, server: FakeForge) -> Publishing:
        def publish(example: Example) -> Published:
            repository = server.repository("acme/shop")
            number = repository.open_pull_request(example, base=f"base-{example.name}")

            def push(later: Example) -> None:
                repository.push(number, later.head)

            request = ChangeRequest(target=f"acme/shop#{number}")
            return Published(request=request, example=example, push=push)

        return publish


class TestGitHubByListing(TestGitHub):
    """The interface gives no diff in one piece, so that its list of files is put together."""

    rules = ForgeRules(diff_files=0)


class TestGitHubByClone(TestGitHub):
    """The interface gives neither diff nor trees, so that git fetches both."""

    rules = ForgeRules(diff_files=0, tree_entries=0)
