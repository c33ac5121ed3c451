"""GitHub with what a host brings: its client, its session, its settings, its engine."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

import aiohttp
import github as sdk
import pytest

from codeflow_engine import AsyncEngine
from codeflow_engine.domain.change import ChangeRequest
from codeflow_engine.domain.diff import Side
from codeflow_engine.errors import (
    AuthenticationError,
    ConfigurationError,
    InvalidResponseError,
    ProviderError,
)
from codeflow_engine.providers.vcs.github import GitHub, GitHubApp, GitHubSettings
from codeflow_engine.providers.vcs.github.target import Target
from codeflow_engine.sandbox import Sandbox
from codeflow_engine.testing.forge import FakeForge
from fault_server import FaultServer, Received, Reply
from github_wires import TOKEN, answer, private_key

BASE_ID, HEAD_ID, TREE_ID, BLOB_ID, OTHER_ID = ("a" * 40, "b" * 40, "c" * 40, "d" * 40, "e" * 40)


@pytest.fixture
def forge() -> Iterator[FakeForge]:
    with FakeForge() as made:
        made.repository("acme/shop").open_pull_request({"a.py": "x = 1\n"}, {"a.py": "x = 2\n"})
        yield made


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with Sandbox() as made:
        yield made


async def paths(backend: GitHub, sandbox: Sandbox) -> list[str]:
    change = await backend.fetch_change(ChangeRequest(target="acme/shop#1"), sandbox)
    return [file.path for file in change.diff.files]


async def test_the_hosts_client_is_used_and_left_as_it_is(
    forge: FakeForge, sandbox: Sandbox
) -> None:
    """Its URL and credentials are; its retries, pauses and connections are not."""
    auth = sdk.Auth.Token(forge.token("codeflow-app[bot]"))
    client = sdk.Github(auth=auth, base_url=forge.url, per_page=7)
    before = dict(client.requester.kwargs)
    backend = GitHub(client=client)

    found = await paths(backend, sandbox)
    author = await backend._client(Target(owner="acme", name="shop", number=1)).whoami()
    await backend.aclose()

    assert found == ["a.py"]
    assert author.login == "codeflow-app[bot]"
    assert dict(client.requester.kwargs) == before
    assert client.requester.auth is auth
    assert client.get_repo("acme/shop").full_name == "acme/shop"  # its connections still stand
    assert auth.token in backend.secrets
    client.close()


async def test_a_hosts_client_without_credentials_is_told(
    forge: FakeForge, sandbox: Sandbox
) -> None:
    """Nothing is asked as nobody, by mistake."""
    client = sdk.Github(base_url=forge.url)
    backend = GitHub(client=client)

    with pytest.raises(AuthenticationError, match="no credentials"):
        await paths(backend, sandbox)

    await backend.aclose()
    client.close()


async def test_a_hosts_app_is_not_bound_to_our_copy(forge: FakeForge) -> None:
    """PyGithub binds such credentials to the last client that is made with them."""
    app = sdk.Auth.AppAuth(1, private_key())
    auth = app.get_installation_auth(7)
    client = sdk.Github(auth=auth, base_url=forge.url)
    bound = auth.requester
    backend = GitHub(client=client)

    await backend._line.in_thread(lambda _wire, _call: backend._line.copy(None), _asked())

    assert auth.requester is bound
    await backend.aclose()
    client.close()


def _asked() -> Any:
    from codeflow_engine.providers.vcs.github.errors import Asked

    return Asked(method="GET", path="/")


async def test_the_hosts_session_is_used_and_left_open(forge: FakeForge, sandbox: Sandbox) -> None:
    """What is streamed goes over it."""
    asked = []
    trace = aiohttp.TraceConfig()

    async def note(_session: Any, _context: Any, given: aiohttp.TraceRequestStartParams) -> None:
        asked.append(given.url.path)

    trace.on_request_start.append(note)
    async with aiohttp.ClientSession(trace_configs=[trace]) as session:
        backend = GitHub(
            token=forge.token("codeflow-app[bot]"), base_url=forge.url, session=session
        )
        found = await paths(backend, sandbox)
        await backend.aclose()
        open_still = not session.closed

    assert found == ["a.py"]
    assert open_still
    assert [path.rpartition("/")[0] for path in asked] == ["/api/v3/repos/acme/shop/compare"]


async def test_an_engine_reads_github_by_name_and_by_the_hosts_client(
    forge: FakeForge, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both ways give the same review, and the token is shown nowhere."""
    token = forge.token("codeflow-app[bot]")
    client = sdk.Github(auth=sdk.Auth.Token(token), base_url=forge.url)
    async with AsyncEngine(vcs=client) as engine:
        brought = await engine.review("acme/shop#1")
    monkeypatch.setenv("CODEFLOW_PLUGINS__GITHUB__TOKEN", token)
    monkeypatch.setenv("CODEFLOW_PLUGINS__GITHUB__BASE_URL", forge.url)
    async with AsyncEngine(vcs="github") as engine:
        named = await engine.review("acme/shop#1")
    client.close()

    assert brought.change == named.change
    assert named.change.files == 1
    assert token not in json.dumps([brought.to_json(), named.to_json()])


def test_variables_say_what_is_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """They are read once; what is set comes first."""
    monkeypatch.setenv("GITHUB_TOKEN", TOKEN)
    monkeypatch.setenv("GITHUB_API_URL", "https://code.example.org/api/v3")
    plain, given = GitHub(), GitHub(GitHubSettings(base_url="https://h.example"), token="t" * 20)
    monkeypatch.setenv("GITHUB_TOKEN", "later")

    assert (plain.secrets, plain._place.web) == ((TOKEN,), "https://code.example.org")
    assert (given.secrets, given._place.web) == (("t" * 20,), "https://h.example")


def test_an_app_may_stand_in_the_settings() -> None:
    """With its key; half of it is a mistake."""
    key = private_key()
    made = GitHub(GitHubSettings(app_id="7", private_key=key, token=TOKEN))

    assert made.secrets == (key,)
    with pytest.raises(ConfigurationError, match="PRIVATE_KEY"):
        GitHub(GitHubSettings(app_id="7"))


def test_s33_settings_do_not_show_their_secrets() -> None:
    """They get into logs."""
    shown = repr(GitHubSettings(token=TOKEN, private_key=private_key(), app_id="7"))

    assert TOKEN not in shown
    assert "PRIVATE KEY" not in shown


@pytest.mark.parametrize("concurrency", ["0", "101"])
async def test_g9_more_than_github_takes_at_once_cannot_be_set(
    monkeypatch: pytest.MonkeyPatch, concurrency: str
) -> None:
    """A hundred, for all that use one account."""
    monkeypatch.setenv("CODEFLOW_PLUGINS__GITHUB__TOKEN", TOKEN)
    monkeypatch.setenv("CODEFLOW_PLUGINS__GITHUB__CONCURRENCY", concurrency)

    with pytest.raises(ConfigurationError, match="concurrency"):
        async with AsyncEngine(vcs="github") as engine:
            await engine.review("acme/shop#1")


def pull(**more: Any) -> dict[str, Any]:
    side = {"repo": {"full_name": "acme/shop"}}
    told = {"title": "T", "body": None, "changed_files": 1}
    return {**told, "base": {**side, "sha": BASE_ID}, "head": {**side, "sha": HEAD_ID}, **more}


def scripted(diff: bytes, blob: bytes, **more: Any) -> Any:
    """Answer as GitHub does for one pull request."""

    def script(received: Received) -> Reply:
        path, accept = received.path, received.headers["accept"]
        if path.endswith("/files"):
            return answer([])
        if "/pulls/" in path:
            return answer(pull(**more))
        if "/compare/" in path and accept.endswith(".diff"):
            return Reply(body=diff)
        if "/compare/" in path:
            return answer({"merge_base_commit": {"sha": BASE_ID}})
        if "/git/trees/" in path:
            place = {"path": "evil.py", "mode": "100644", "type": "blob", "sha": BLOB_ID, "size": 9}
            return answer({"sha": TREE_ID, "tree": [place], "truncated": False})
        return Reply(body=blob)

    return script


BINARY = b"""\
diff --git a/evil.py b/evil.py
index ddddddd..ddddddd 100644
Binary files a/evil.py and b/evil.py differ
"""
TEXT = b"""\
diff --git a/evil.py b/evil.py
index 1111111..ddddddd 100644
--- a/evil.py
+++ b/evil.py
@@ -1 +1 @@
-x = 1
+x = 2
"""


async def fetched(script: Any, sandbox: Sandbox) -> Any:
    async with FaultServer(script) as server:
        settings = GitHubSettings(token=TOKEN, git="no-such-git")
        backend = GitHub(settings, base_url=f"{server.url}/api/v3")
        try:
            return await backend.fetch_change(ChangeRequest(target="acme/shop#1"), sandbox)
        finally:
            await backend.aclose()


async def test_text_that_an_attribute_calls_binary_is_not_hidden(sandbox: Sandbox) -> None:
    """`*.py -diff` makes GitHub show nothing; git is asked, and here there is none."""
    change = await fetched(scripted(BINARY, b"\0binary"), sandbox)
    with pytest.raises(ProviderError, match="git fetch"):
        await fetched(scripted(BINARY, b"import os\n"), sandbox)

    assert change.diff.files[0].is_binary


@pytest.mark.parametrize("diff", [b"", TEXT[:-3], b"<html>", TEXT + b"diff --git broken\n"])
async def test_a_diff_that_is_cut_is_not_taken(sandbox: Sandbox, diff: bytes) -> None:
    """It has fewer files than GitHub says, or ends in the middle of one."""
    whole = await fetched(scripted(TEXT, b""), sandbox)
    with pytest.raises(ProviderError, match="git fetch"):
        await fetched(scripted(diff, b""), sandbox)
    with pytest.raises(ProviderError, match="git fetch"):
        await fetched(scripted(TEXT, b"", changed_files=2), sandbox)

    assert len(whole.diff.files) == 1


@pytest.mark.parametrize(
    "more",
    [
        {"base": None},
        {"head": {"sha": "main"}},
        {"title": 7},
        {"body": ["x"]},
        {"base": {"sha": 1}},
    ],
)
async def test_a_pull_request_of_another_form_is_an_error(
    sandbox: Sandbox, more: dict[str, Any]
) -> None:
    """Nothing of it gets into a path."""
    with pytest.raises(InvalidResponseError):
        await fetched(scripted(TEXT, b"", **more), sandbox)


async def test_a_repository_that_was_renamed_has_its_new_name(sandbox: Sandbox) -> None:
    """A name that is none does not count."""
    base = {"sha": BASE_ID, "repo": {"full_name": "new-owner/new.name"}}
    odd = {"sha": BASE_ID, "repo": {"full_name": "../../etc"}}

    renamed = await fetched(scripted(TEXT, b"", base=base), sandbox)
    kept = await fetched(scripted(TEXT, b"", base=odd), sandbox)

    assert (renamed.target, renamed.key) == ("new-owner/new.name#1",) * 2
    assert kept.target == "acme/shop#1"


async def test_a_list_of_another_moment_is_not_taken(sandbox: Sandbox) -> None:
    """GitHub lists the files of the pull request as it is now; the trees say what it was."""
    listed = {"filename": "evil.py", "status": "modified", "additions": 1, "deletions": 1}
    patch = "@@ -1 +1 @@\n-x = 1\n+x = 2"

    def script(blob: str, patch: str) -> Any:
        usual = scripted(TEXT, b"")

        def tell(received: Received) -> Reply:
            if received.path.endswith("/files"):
                return answer([{**listed, "sha": blob, "patch": patch}])
            if "/compare/" in received.path and received.headers["accept"].endswith(".diff"):
                return Reply(status=406, body=b"{}")
            reply: Reply = usual(received)
            return reply

        return tell

    change = await fetched(script(BLOB_ID, patch), sandbox)
    cut = patch.rpartition("\n")[0]
    for blob, shown in ((OTHER_ID, patch), (BLOB_ID, cut), (BLOB_ID, patch + "\ufffd")):
        with pytest.raises(ProviderError, match="git fetch"):
            await fetched(script(blob, shown), sandbox)

    assert [(file.path, file.added) for file in change.diff.files] == [("evil.py", 1)]


async def test_files_that_are_larger_than_their_trees_say_have_a_reason(sandbox: Sandbox) -> None:
    """What a server gives is held against the limit, whatever it says."""
    async with FaultServer(scripted(TEXT, b"x" * 100)) as server:
        backend = GitHub(GitHubSettings(token=TOKEN), base_url=f"{server.url}/api/v3")
        change = await backend.fetch_change(ChangeRequest(target="acme/shop#1"), sandbox)

        (large,) = await backend.read_files(
            change, ["evil.py"], side=Side.NEW, limit=50, sandbox=sandbox
        )
        await backend.aclose()

    assert (large.content, large.reason) == (None, "larger than 50 bytes")


def test_two_ways_to_say_who_we_are_are_one_too_many() -> None:
    """A mistake of the host, that would otherwise be decided silently."""
    app = GitHubApp(app_id=1, private_key="k")
    with sdk.Github() as client:
        for given in ({"app": app, "client": client}, {"client": client, "token": TOKEN}):
            with pytest.raises(ConfigurationError, match="one of token, app and client"):
                GitHub(**given)
        with pytest.raises(ConfigurationError, match="base_url"):
            GitHub(client=client, base_url="https://h.example")
