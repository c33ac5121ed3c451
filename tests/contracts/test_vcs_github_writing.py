"""The suite of VCS hosts holds for each kind of effect that may stand on GitHub beside others."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import test_vcs_github as reading

from codeflow_engine.domain.effect import Effect, EffectKind
from codeflow_engine.providers.vcs.github import GitHubApp
from codeflow_engine.testing.contracts.vcs.delivering import DeliveryTests
from codeflow_engine.testing.contracts.vcs.discussing import DiscussionTests
from codeflow_engine.testing.forge import FakeForge

type Make = Callable[[str, str, str], Effect]


class TestGitHubIssues(reading.TestGitHub):
    usual = (DeliveryTests,)

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


class TestGitHubChecks(reading.TestGitHub):
    """As an app, which alone has check runs."""

    usual = (DeliveryTests, DiscussionTests)

    @pytest.fixture
    def ours(self, server: FakeForge) -> dict[str, Any]:
        return {"app": _app(server, "codeflow-app")}

    @pytest.fixture
    def others(self, server: FakeForge) -> dict[str, Any]:
        return {"app": _app(server, "another-app")}

    @pytest.fixture
    def effect(self) -> Make:
        return lambda target, head, key: Effect(
            key=key,
            kind=EffectKind.CHECK,
            target=target,
            head=head,
            payload={
                # A check replaces those of its name before it, so each has a name of its own.
                "name": f"codeflow {key[:8]}",
                "conclusion": "success",
                "title": "Nothing was found",
                "summary": "All was looked at.",
                "annotations": [],
            },
        )


def _app(server: FakeForge, slug: str) -> GitHubApp:
    """Register an app that may do all that we ask of one."""
    rights = ("checks", "contents", "issues", "pull_requests", "security_events", "statuses")
    permissions = {"metadata": "read", **dict.fromkeys(rights, "write")}
    made = server.app(slug, permissions=permissions, on="acme", repositories=["acme/shop"])
    return GitHubApp(app_id=made.id, private_key=made.private_key)
