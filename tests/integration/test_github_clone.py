"""Git against GitHub: what it is told, what it may do, and what a server can make of it."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest

from codeflow_engine.domain.change import ChangeRequest
from codeflow_engine.domain.diff import Side
from codeflow_engine.errors import (
    AuthenticationError,
    ChangeUnavailableError,
    CodeflowError,
    ProviderError,
    ProviderTimeoutError,
    ProviderUnavailableError,
)
from codeflow_engine.providers.vcs.github import GitHub, GitHubSettings
from codeflow_engine.providers.vcs.github.clone import Clone
from codeflow_engine.providers.vcs.github.place import Place
from codeflow_engine.providers.vcs.github.target import Target
from codeflow_engine.sandbox import Sandbox
from codeflow_engine.testing.forge import FakeForge, ForgeRules
from fault_server import Ending, FaultServer, Reply
from github_wires import TOKEN
from stopwatch import stopwatch

COMMIT = "a" * 40
BY_GIT = ForgeRules(diff_files=0, tree_entries=0)
"""Rules by which neither a diff nor a tree comes over the interface."""

SPY = """\
#!/bin/sh
{ printf '%s\\n' "$@"; echo ---; } >> WITNESS.argv
env >> WITNESS.env
[ -n "$GIT_DIR" ] && cat "$GIT_DIR/config" >> WITNESS.config
exec git "$@"
"""


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with Sandbox() as made:
        yield made


def clone(
    server: FaultServer, sandbox: Sandbox, commit: str = COMMIT, **settings: Any
) -> AbstractAsyncContextManager[Clone]:
    async def header() -> str:
        return f"Bearer {TOKEN}"

    return Clone.of(
        "acme/shop",
        commit,
        place=Place.at(f"{server.url}/api/v3"),
        settings=GitHubSettings(**settings),
        sandbox=sandbox,
        header=header,
        proxies={},
    )


async def refusal(given: AbstractAsyncContextManager[Clone]) -> BaseException:
    """Give what cloning raises; it has to raise."""
    try:
        async with given:
            pytest.fail("it was cloned")
    except Exception as error:  # noqa: BLE001 - the test looks at it
        return error


async def test_s24_the_token_is_in_no_argument_no_file_and_no_url(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    """It goes by a variable of git's own process, in a header for this server alone."""
    spy = tmp_path / "spy"
    spy.write_text(SPY.replace("WITNESS", str(tmp_path / "seen")), encoding="utf-8")
    spy.chmod(0o755)
    with FakeForge(rules=BY_GIT) as forge:
        forge.repository("acme/shop", private=True).open_pull_request({"a": "1\n"}, {"a": "2\n"})
        token = forge.token("codeflow-app[bot]")
        settings = GitHubSettings(git=str(spy))
        backend = GitHub(settings, token=token, base_url=forge.url)

        change = await backend.fetch_change(ChangeRequest(target="acme/shop#1"), sandbox)
        await backend.aclose()

    encoded = base64.b64encode(f"x-access-token:{token}".encode()).decode()
    argv, env, config = (
        (tmp_path / f"seen.{name}").read_text("utf-8") for name in ("argv", "env", "config")
    )
    assert len(change.diff.files) == 1
    assert "fetch" in argv
    for text in (argv, config):
        assert token not in text
        assert encoded not in text
    assert f"GIT_CONFIG_VALUE_0=Authorization: Basic {encoded}" in env
    assert f"GIT_CONFIG_KEY_0=http.{forge.web_url}/.extraHeader" in env
    assert "GIT_ALLOW_PROTOCOL=http\n" in env
    assert env.count(encoded) <= env.count("GIT_ALLOW_PROTOCOL=http\n")


async def test_git_goes_through_the_proxy_of_the_host(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its environment is empty otherwise, so that it would not know of it."""
    async with FaultServer(Reply(status=404)) as proxy:
        monkeypatch.setenv("http_proxy", proxy.url)
        backend = GitHub(GitHubSettings(token=TOKEN), base_url="http://code.example.org/api/v3")
        monkeypatch.delenv("http_proxy")
        target = Target(owner="acme", name="shop", number=1)

        error = await refusal(backend._source(target, sandbox).clone(COMMIT))
        await backend.aclose()

    assert isinstance(error, ChangeUnavailableError)
    assert [each.target.partition("?")[0] for each in proxy.requests] == [
        "http://code.example.org/acme/shop.git/info/refs"
    ]


async def test_s22_git_speaks_the_one_protocol_that_is_configured(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    """Plain HTTP only where the interface is reached by it, too."""
    spy = tmp_path / "spy"
    spy.write_text(SPY.replace("WITNESS", str(tmp_path / "seen")), encoding="utf-8")
    spy.chmod(0o755)

    async def header() -> str:
        return f"Bearer {TOKEN}"

    error = await refusal(
        Clone.of(
            "acme/shop",
            COMMIT,
            place=Place.at("https://127.0.0.1:1/api/v3"),
            settings=GitHubSettings(git=str(spy), clone_timeout=20),
            sandbox=sandbox,
            header=header,
            proxies={},
        )
    )

    env = (tmp_path / "seen.env").read_text("utf-8")
    assert isinstance(error, ProviderUnavailableError)
    assert "GIT_ALLOW_PROTOCOL=https\n" in env
    assert 'url = "https://127.0.0.1:1/acme/shop.git"' in (tmp_path / "seen.config").read_text(
        "utf-8"
    )


@pytest.mark.parametrize("to", ["http", "file", "ext"])
async def test_s22_git_follows_no_redirect(sandbox: Sandbox, tmp_path: Path, to: str) -> None:
    """Neither to another server, which would get the header, nor to another protocol."""
    witness = tmp_path / "witness"
    async with FaultServer(Reply(status=404)) as other:
        location = {
            "http": f"{other.url}/acme/shop.git/info/refs?service=git-upload-pack",
            "file": f"file://{tmp_path}",
            "ext": f"ext::sh -c touch% {witness}",
        }[to]
        away = Reply(status=302, headers=(("location", location),))
        async with FaultServer(away) as server:
            error = await refusal(clone(server, sandbox))

    assert isinstance(error, ProviderError)
    assert other.requests == []
    assert not witness.exists()


@pytest.mark.parametrize(
    ("reply", "meant"),
    [
        (Reply(status=401), AuthenticationError),
        (Reply(status=403), AuthenticationError),
        (Reply(status=404), ChangeUnavailableError),
        (Reply(status=500), ProviderUnavailableError),
        (Reply(status=200, body=b"no git at all"), ProviderUnavailableError),
        (Reply(ending=Ending.CUT), ProviderUnavailableError),
        (Reply(ending=Ending.STALL), ProviderTimeoutError),
    ],
    ids=["401", "403", "404", "500", "no-git", "cut", "stall"],
)
async def test_g30_every_failure_of_git_is_typed(
    sandbox: Sandbox, reply: Reply, meant: type[CodeflowError]
) -> None:
    """Its words are shown on one line, without the token."""
    async with FaultServer(reply) as server, stopwatch() as watch:
        error = await refusal(clone(server, sandbox, clone_timeout=4.0))

    encoded = base64.b64encode(f"x-access-token:{TOKEN}".encode()).decode()
    assert type(error) is meant, repr(error)
    assert watch.seconds < 10
    told = repr(error) + repr(error.__cause__)
    assert TOKEN not in told
    assert encoded not in told


@pytest.mark.parametrize(
    "commit", ["--upload-pack=touch owned", "main", "a" * 39, "a" * 40 + "\n--all", "", "A" * 40]
)
async def test_s21_nothing_but_full_ids_goes_to_git(sandbox: Sandbox, commit: str) -> None:
    """They go through standard input, and are looked at before."""
    async with FaultServer(Reply(status=404)) as server:
        error = await refusal(clone(server, sandbox, commit))

    assert isinstance(error, ChangeUnavailableError)
    assert server.requests == []


async def test_s23_what_a_change_configures_is_never_obeyed(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    """Submodules, attributes, filters, drivers, LFS: all of it is text of the change."""
    witness = tmp_path / "witness"
    touch = f"touch {witness}"
    hostile: dict[str, Any] = {
        ".gitmodules": f'[submodule "x"]\n\tpath = x\n\turl = ext::sh -c {touch}\n'
        f"\tupdate = !{touch}\n",
        ".gitattributes": "* filter=evil diff=evil merge=evil\n*.py -diff\n*.bin lfs\n",
        ".gitconfig": f'[filter "evil"]\n\tsmudge = {touch}\n',
        ".lfsconfig": "[lfs]\n\turl = http://127.0.0.1:9/\n",
        ".git-hooks/post-checkout": f"#!/bin/sh\n{touch}\n",
        "x": ("160000", b"3" * 40),
        "evil.py": "import os\n\nos.system('true')\n",
        "link": ("120000", b"/etc/passwd"),
    }
    with FakeForge(rules=BY_GIT) as forge:
        forge.repository("acme/shop").open_pull_request({"a.py": "1\n"}, hostile)
        backend = GitHub(
            GitHubSettings(), token=forge.token("codeflow-app[bot]"), base_url=forge.url
        )

        change = await backend.fetch_change(ChangeRequest(target="acme/shop#1"), sandbox)
        found = await backend.read_files(
            change, [*hostile], side=Side.NEW, limit=10_000, sandbox=sandbox
        )
        await backend.aclose()

    entries = {file.path: file for file in change.diff.files}
    assert not witness.exists()
    assert not entries["evil.py"].is_binary
    assert entries["evil.py"].added == 3
    assert {file.path: file.content for file in found}["link"] == b"/etc/passwd"


async def test_s20_a_pack_over_the_limit_ends_git(sandbox: Sandbox) -> None:
    """It is an error with the name of the setting, and nothing stays on the disk."""
    noise = bytes(hash((n, "x")) % 256 for n in range(400_000))
    with FakeForge(rules=BY_GIT) as forge:
        forge.repository("acme/shop").open_pull_request({"a": "1\n"}, {"a": noise})
        settings = GitHubSettings(max_clone_bytes=100_000)
        backend = GitHub(settings, token=forge.token("codeflow-app[bot]"), base_url=forge.url)

        with pytest.raises(ChangeUnavailableError, match="max_clone_bytes"):
            await backend.fetch_change(ChangeRequest(target="acme/shop#1"), sandbox)
        await backend.aclose()


async def test_a_clone_is_small(sandbox: Sandbox) -> None:
    """Of a large repository, only what the change touches is fetched."""
    rest = {f"assets/{n}.txt": bytes(hash((n, k)) % 251 for k in range(20_000)) for n in range(60)}
    with FakeForge(rules=BY_GIT) as forge:
        forge.repository("acme/shop").open_pull_request(
            {**rest, "a.py": "x = 1\n"}, {**rest, "a.py": "x = 2\n"}
        )
        # The repository has 1.2 MB in blobs that do not compress.
        settings = GitHubSettings(max_clone_bytes=200_000)
        backend = GitHub(settings, token=forge.token("codeflow-app[bot]"), base_url=forge.url)

        change = await backend.fetch_change(ChangeRequest(target="acme/shop#1"), sandbox)
        await backend.aclose()

    assert [file.path for file in change.diff.files] == ["a.py"]
