"""The suite of VCS hosts holds for GitHub where it writes, for kinds that stand beside others."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

import pytest

from codeflow_engine.contracts import VCS
from codeflow_engine.domain.change import ChangeRequest
from codeflow_engine.domain.effect import Effect, EffectKind
from codeflow_engine.providers.vcs.github import GitHub, GitHubApp, GitHubSettings
from codeflow_engine.testing.contracts import Published, VCSContract
from codeflow_engine.testing.examples import Example
from codeflow_engine.testing.forge import FakeForge

SETTINGS = GitHubSettings(write_interval=0.0)

type Make = Callable[[str, str, str], Effect]


class TestGitHubReviews(VCSContract):
    @pytest.fixture
    def server(self) -> Iterator[FakeForge]:
        with FakeForge() as forge:
            yield forge

    @pytest.fixture
    def credentials(self, server: FakeForge) -> dict[str, Any]:
        """Say who writes."""
        return {"token": server.token("codeflow-app[bot]")}

    @pytest.fixture
    async def create(
        self, server: FakeForge, credentials: dict[str, Any]
    ) -> AsyncIterator[Callable[[], VCS]]:
        made: list[GitHub] = []

        def create() -> VCS:
            made.append(GitHub(SETTINGS, base_url=server.url, **credentials))
            return made[-1]

        yield create
        for one in made:
            await one.aclose()

    @pytest.fixture
    def published(self, server: FakeForge) -> Callable[[Example], Published]:
        def publish(example: Example) -> Published:
            repository = server.repository("acme/shop")
            number = repository.open_pull_request(example, base=f"base-{example.name}")
            return Published(
                request=ChangeRequest(target=f"acme/shop#{number}"),
                example=example,
                push=lambda later: repository.push(number, later.head) and None,
            )

        return publish

    @pytest.fixture
    def effect(self) -> Make:
        return lambda target, head, key: Effect(
            key=key,
            kind=EffectKind.REVIEW,
            target=target,
            head=head,
            payload={"body": "Nothing was found.", "comments": []},
        )

    @pytest.fixture
    def forge(self, server: FakeForge) -> Callable[[Effect], Awaitable[None]]:
        """Write as somebody else, who may write to the repository too."""
        server.add_user("mallory", permission="write")
        token = server.token("mallory")

        async def write(effect: Effect) -> None:
            other = GitHub(SETTINGS, token=token, base_url=server.url)
            await other.deliver(effect)
            await other.aclose()

        return write


class TestGitHubIssues(TestGitHubReviews):
    @pytest.fixture
    def effect(self) -> Make:
        return lambda target, head, key: Effect(
            key=key,
            kind=EffectKind.ISSUE,
            target=target,
            head=head,
            payload={
                "fingerprint": f"finding-{key[:8]}",
                "title": "Something is wrong",
                "body": "It is wrong.",
                "labels": [],
            },
        )


class TestGitHubChecks(TestGitHubReviews):
    """As an app, which alone has check runs."""

    @pytest.fixture
    def credentials(self, server: FakeForge) -> dict[str, Any]:
        return {"app": _app(server, "codeflow-app")}

    @pytest.fixture
    def effect(self) -> Make:
        return lambda target, head, key: Effect(
            key=key,
            kind=EffectKind.CHECK,
            target=target,
            head=head,
            payload={
                "name": "codeflow",
                "conclusion": "success",
                "title": "Nothing was found",
                "summary": "All was looked at.",
                "annotations": [],
            },
        )

    @pytest.fixture
    def forge(self, server: FakeForge) -> Callable[[Effect], Awaitable[None]]:
        """Write as another app."""
        app = _app(server, "another-app")

        async def write(effect: Effect) -> None:
            other = GitHub(SETTINGS, app=app, base_url=server.url)
            await other.deliver(effect)
            await other.aclose()

        return write


def _app(server: FakeForge, slug: str) -> GitHubApp:
    """Register an app that may do all that we ask of one."""
    rights = ("checks", "contents", "issues", "pull_requests", "security_events", "statuses")
    permissions = {"metadata": "read", **dict.fromkeys(rights, "write")}
    made = server.app(slug, permissions=permissions, on="acme", repositories=["acme/shop"])
    return GitHubApp(app_id=made.id, private_key=made.private_key)
