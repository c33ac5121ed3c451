"""A GitHub App reads a pull request at a forge that checks its signature and its rights."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from codeflow_engine.domain.change import ChangeRequest
from codeflow_engine.domain.diff import Side
from codeflow_engine.errors import AuthenticationError, ChangeUnavailableError
from codeflow_engine.providers.vcs.github import GitHub, GitHubApp
from codeflow_engine.sandbox import Sandbox
from codeflow_engine.testing.forge import FakeForge, ForgeRules

RIGHTS = {"contents": "read", "pull_requests": "write"}
REQUEST = ChangeRequest(target="acme/shop#1")


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with Sandbox() as made:
        yield made


@pytest.mark.parametrize("stateless", [False, True], ids=["old-tokens", "new-tokens"])
@pytest.mark.parametrize("rules", [ForgeRules(), ForgeRules(diff_files=0, tree_entries=0)])
async def test_g14_an_app_reads_with_tokens_of_both_forms(
    sandbox: Sandbox, rules: ForgeRules, *, stateless: bool
) -> None:
    """Over the interface, and by git, which gets the same token."""
    with FakeForge(rules=rules) as forge:
        forge.tokens.stateless = stateless
        shop = forge.repository("acme/shop", private=True)
        shop.open_pull_request({"a.py": "x = 1\n"}, {"a.py": "x = 2\n"})
        app = forge.app("codeflow-app", permissions=RIGHTS, on="acme")
        given = GitHubApp(app_id=app.id, private_key=app.private_key)
        backend = GitHub(app=given, base_url=forge.url)

        change = await backend.fetch_change(REQUEST, sandbox)
        (file,) = await backend.read_files(
            change, ["a.py"], side=Side.NEW, limit=1000, sandbox=sandbox
        )
        tokens = [one.value for one in backend._credentials._tokens.values()]
        await backend.aclose()

    assert file.content == b"x = 2\n"
    assert [("." in one) for one in tokens] == [stateless]


async def test_g13_an_app_that_is_not_installed_there_is_told(sandbox: Sandbox) -> None:
    """Before anything is asked of the repository."""
    with FakeForge() as forge:
        forge.repository("acme/shop").open_pull_request({"a.py": "1\n"}, {"a.py": "2\n"})
        app = forge.app("codeflow-app", permissions=RIGHTS, on="elsewhere")
        given = GitHubApp(app_id=app.id, private_key=app.private_key)
        backend = GitHub(app=given, base_url=forge.url)

        with pytest.raises(AuthenticationError, match="installation"):
            await backend.fetch_change(REQUEST, sandbox)
        await backend.aclose()


async def test_g30_an_app_without_the_right_is_told_which(sandbox: Sandbox) -> None:
    """GitHub says 403 or 404; the error names the permission."""
    with FakeForge() as forge:
        shop = forge.repository("acme/shop", private=True)
        shop.open_pull_request({"a.py": "1\n"}, {"a.py": "2\n"})
        app = forge.app("codeflow-app", permissions={"issues": "read"}, on="acme")
        given = GitHubApp(app_id=app.id, private_key=app.private_key)
        backend = GitHub(app=given, base_url=forge.url)

        with pytest.raises((AuthenticationError, ChangeUnavailableError), match="pull_requests"):
            await backend.fetch_change(REQUEST, sandbox)
        await backend.aclose()


async def test_g11_a_repository_that_was_renamed_is_read_under_its_new_name(
    sandbox: Sandbox,
) -> None:
    """GitHub redirects, and the change is called what it is called now."""
    with FakeForge() as forge:
        shop = forge.repository("acme/shop")
        shop.open_pull_request({"a.py": "1\n"}, {"a.py": "2\n"})
        forge.rename(shop, "store")
        backend = GitHub(token=forge.token("ann"), base_url=forge.url)

        change = await backend.fetch_change(REQUEST, sandbox)
        await backend.aclose()

    assert change.target == "acme/store#1"
