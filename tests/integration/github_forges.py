"""GitHub against the fake forge."""

from __future__ import annotations

from typing import Any

from codeflow_engine.domain.change import Change, ChangeRequest
from codeflow_engine.providers.vcs.github import GitHub, GitHubSettings
from codeflow_engine.sandbox import Sandbox
from codeflow_engine.testing.forge import FakeForge

__all__ = ["fetch", "github"]


def github(forge: FakeForge, *, login: str = "codeflow-app[bot]", **settings: Any) -> GitHub:
    """Make a backend; settings go by their names."""
    chosen = GitHubSettings(**{"write_interval": 0.0, **settings})
    return GitHub(chosen, token=forge.token(login), base_url=forge.url)


async def fetch(
    forge: FakeForge, sandbox: Sandbox, target: str = "acme/shop#1", **asked: Any
) -> Change:
    """Fetch a change with a backend of its own; settings go by their names."""
    names = {"base", "head"}
    request = ChangeRequest(target=target, **{n: v for n, v in asked.items() if n in names})
    backend = github(forge, **{n: v for n, v in asked.items() if n not in names})
    try:
        return await backend.fetch_change(request, sandbox)
    finally:
        await backend.aclose()
