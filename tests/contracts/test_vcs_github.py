"""The suite of VCS hosts holds for GitHub, against a forge that refuses what GitHub refuses."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from codeflow_engine.contracts import VCS
from codeflow_engine.domain.change import ChangeRequest
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
    def create(self, server: FakeForge) -> Create:
        token = server.token("codeflow-app[bot]")
        return lambda: GitHub(SETTINGS, token=token, base_url=server.url)

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
