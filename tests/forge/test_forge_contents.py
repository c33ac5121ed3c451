"""Files, directories, trees and blobs, and git itself."""

from __future__ import annotations

import base64
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from forge_client import Client, of_pull, open_numbered

from codeflow_engine.testing.forge import FakeForge, ForgeRules, Repository

HOME = "/repos/acme/shop"
RAW = "application/vnd.github.raw+json"
FILES = {
    "a.py": b"x = 1\n",
    "d/b.py": b"y\n",
    "d/e/deep.py": b"z\n",
    "100% sure?.py": b"odd\n",
    "caf\udce9.py": b"bytes\n",
    "to-file": ("120000", b"d/to-up"),
    "d/to-up": ("120000", b"../a.py"),
    "to-dir": ("120000", b"d"),
    "to-itself": ("120000", b"to-itself"),
    "outside": ("120000", b"/etc/passwd"),
    "above": ("120000", b"../../x"),
    "sub": ("160000", b"1" * 40),
}


@pytest.fixture
def filled(shop: Repository) -> Repository:
    """Commit files of every kind."""
    shop.commit("main", FILES)
    return shop


@pytest.mark.parametrize(
    ("path", "content"),
    [
        ("a.py", b"x = 1\n"),
        ("d/b.py", b"y\n"),
        ("d%2Fe%2fdeep.py", b"z\n"),
        ("100%25%20sure%3F.py", b"odd\n"),
        ("caf%E9.py", b"bytes\n"),
        ("to-file", b"x = 1\n"),
    ],
)
@pytest.mark.usefixtures("filled")
def test_a_file_is_given_in_base64_or_raw(bot: Client, path: str, content: bytes) -> None:
    """Names are bytes, and a link to a file gives that file."""
    at = f"{HOME}/contents/{path}"

    told = bot.get(at)

    assert (told["type"], told["encoding"], told["size"]) == ("file", "base64", len(content))
    assert base64.b64decode(told["content"]) == content
    assert bot.ask(at, accept=RAW).content == content


@pytest.mark.parametrize(
    ("path", "target"),
    [
        ("to-dir", "d"),
        ("to-itself", "to-itself"),
        ("outside", "/etc/passwd"),
        ("above", "../../x"),
    ],
)
@pytest.mark.usefixtures("filled")
def test_a_link_that_leads_to_no_file_is_told_as_such(bot: Client, path: str, target: str) -> None:
    """Its target is what stands in it; nothing outside of the repository is ever read."""
    told = bot.get(f"{HOME}/contents/{path}")

    assert (told["type"], told["target"]) == ("symlink", target)
    assert "content" not in told


@pytest.mark.usefixtures("filled")
def test_a_directory_is_listed_without_what_lies_deeper(bot: Client) -> None:
    """Its entries have kinds; a submodule is called a file there, and one by itself."""
    told = {one["name"]: one["type"] for one in bot.get(f"{HOME}/contents/")}
    deeper = {one["path"]: one["type"] for one in bot.get(f"{HOME}/contents/d?ref=main")}

    assert told["sub"] == told["a.py"] == "file"
    assert (told["d"], told["to-dir"]) == ("dir", "symlink")
    assert deeper == {"d/b.py": "file", "d/e": "dir", "d/to-up": "symlink"}
    assert bot.get(f"{HOME}/contents/sub")["type"] == "submodule"
    assert bot.ask(f"{HOME}/contents/none").status_code == 404
    assert bot.ask(f"{HOME}/contents/a.py?ref=none").status_code == 404
    assert bot.ask(f"{HOME}/contents/to-dir/b.py").status_code == 404


def test_a_large_file_has_no_content_in_json_and_a_larger_one_none_at_all(
    client_of: Callable[[FakeForge, str | None], Client],
) -> None:
    """Above a megabyte it can be had raw, above a hundred by git alone."""
    rules = ForgeRules(contents_bytes=10, contents_raw_bytes=20, blob_bytes=20)
    with FakeForge(rules=rules) as forge:
        shop = forge.repository("acme/shop")
        shop.commit("main", {"10": b"x" * 10, "20": b"x" * 20, "21": b"x" * 21})
        client = client_of(forge, "ben")
        tree = client.get(f"{HOME}/git/trees/main")["tree"]

        assert client.get(f"{HOME}/contents/10")["encoding"] == "base64"
        assert client.get(f"{HOME}/contents/20")["encoding"] == "none"
        assert client.ask(f"{HOME}/contents/20", accept=RAW).content == b"x" * 20
        refused = client.ask(f"{HOME}/contents/21", accept=RAW)
        assert (refused.status_code, refused.json()["errors"][0]["code"]) == (403, "too_large")
        assert client.ask(tree[2]["url"], accept=RAW).status_code == 403
        assert client.ask(tree[1]["url"], accept=RAW).content == b"x" * 20


def test_a_tree_is_given_with_all_below_it_until_it_is_too_large(
    client_of: Callable[[FakeForge, str | None], Client],
) -> None:
    """What was cut says so."""
    with FakeForge(rules=ForgeRules(tree_entries=5)) as forge:
        forge.repository("acme/shop").commit("main", FILES)
        client = client_of(forge, "ben")

        whole = client.get(f"{HOME}/git/trees/main")
        deep = client.get(f"{HOME}/git/trees/main?recursive=1")
        inner = client.get(next(one["url"] for one in whole["tree"] if one["type"] == "tree"))

        assert (len(deep["tree"]), deep["truncated"], len(whole["tree"])) == (5, True, 5)
        assert [one["path"] for one in inner["tree"]] == ["b.py", "e", "to-up"]
        assert inner["truncated"] is False
        assert client.ask(f"{HOME}/git/trees/{'1' * 40}").status_code == 404


@pytest.mark.usefixtures("filled")
def test_history_is_that_of_a_path(shop: Repository, bot: Client) -> None:
    """A commit is found by branch and id, also a short one, and lists what it changed."""
    first = shop.branch()
    second = shop.commit("main", {**FILES, "a.py": b"x = 2\n"}, message="Raise x", author="acme")

    told = bot.get(f"{HOME}/commits?path=d/b.py")
    one = bot.get(f"{HOME}/commits/{second[:8]}")

    assert [each["sha"] for each in told] == [first]
    assert [each["sha"] for each in bot.get(f"{HOME}/commits")] == [second, first]
    assert (one["commit"]["message"], one["author"]["login"]) == ("Raise x", "acme")
    assert one["stats"] == {"total": 2, "additions": 1, "deletions": 1}
    assert [each["filename"] for each in one["files"]] == ["a.py"]
    assert bot.ask(f"{HOME}/commits/main", accept="application/vnd.github.sha").text == second
    assert bot.ask(f"{HOME}/commits/none").status_code == 404
    assert bot.ask(f"{HOME}/commits/{'1' * 40}").status_code == 422


def test_an_empty_repository_has_no_history(forge: FakeForge, bot: Client) -> None:
    """It is a conflict to ask for it."""
    forge.repository("acme/new")

    assert bot.ask("/repos/acme/new/commits").status_code == 409


def test_comparisons_say_how_far_two_branches_are_apart(shop: Repository, bot: Client) -> None:
    """From where they parted, with the name of a fork's owner before its branch."""
    pull = open_numbered(shop, fork=True)
    at = f"{HOME}/compare"
    head = f"ann:{pull.head_ref}"

    assert bot.get(f"{at}/main...{head}")["status"] == "ahead"
    assert bot.get(f"{at}/{pull.head_sha}...main")["status"] == "behind"
    assert bot.get(f"{at}/main...main")["status"] == "identical"
    shop.commit("main", {"other": b"x\n"})
    told = bot.get(f"{at}/main...{head}")
    assert (told["status"], told["ahead_by"], told["behind_by"]) == ("diverged", 1, 1)
    assert told["merge_base_commit"]["sha"] == pull.base_sha
    assert bot.ask(f"{at}/main...none").status_code == 404
    diff = bot.ask(f"{at}/main...{head}", accept="application/vnd.github.diff")
    assert diff.content == bot.ask(of_pull(pull), accept="application/vnd.github.diff").content


def git(directory: Path, *words: str) -> subprocess.CompletedProcess[bytes]:
    """Run git, without a terminal to ask for passwords at."""
    return subprocess.run(
        ["git", *words],
        cwd=directory,
        env={**os.environ, "GIT_TERMINAL_PROMPT": "0"},
        capture_output=True,
        check=False,
    )


@pytest.mark.parametrize("version", ["0", "2"])
def test_git_clones_with_either_protocol(
    forge: FakeForge, shop: Repository, tmp_path: Path, version: str
) -> None:
    """What is checked out is what was committed."""
    shop.commit("main", {"a.py": b"x = 1\n"})

    for name in ("acme/shop", "acme/shop.git"):
        place = f"{forge.web_url}/{name}"
        into = name.replace("/", "-")
        done = git(tmp_path, "-c", f"protocol.version={version}", "clone", "-q", place, into)
        assert done.returncode == 0, done.stderr
        assert (tmp_path / into / "a.py").read_bytes() == b"x = 1\n"


def test_g29_the_head_of_a_fork_is_fetched_from_the_base(
    forge: FakeForge, shop: Repository, tmp_path: Path
) -> None:
    """By its ref or by its bare id, with as little history and content as is asked for."""
    pull = open_numbered(shop, fork=True)
    old = pull.head_sha
    shop.push(pull.number, {"a.py": b"other\n"}, force=True)
    place = f"{forge.web_url}/acme/shop.git"
    git(tmp_path, "init", "-q")

    for wish in (f"refs/pull/{pull.number}/head", old):
        done = git(tmp_path, "fetch", "-q", "--depth=1", "--filter=blob:none", place, wish)
        assert done.returncode == 0, done.stderr
    assert git(tmp_path, "cat-file", "-t", pull.head_sha).stdout == b"commit\n"
    assert git(tmp_path, "cat-file", "-t", old).stdout == b"commit\n"


def test_g30_git_needs_a_token_for_a_private_repository(forge: FakeForge, tmp_path: Path) -> None:
    """Without one git is told to ask for it; with a stranger's there is no such repository."""
    forge.repository("acme/secret", private=True).commit("main", {"a.py": b"x = 1\n"})
    forge.add_user("ann", permission="write")
    place = forge.web_url.replace("http://", "")

    def clone(into: str, credentials: str) -> subprocess.CompletedProcess[bytes]:
        return git(tmp_path, "clone", "-q", f"http://{credentials}{place}/acme/secret.git", into)

    nobody = clone("a", "")
    stranger = clone("b", f"x-access-token:{forge.token('ben')}@")
    member = clone("c", f"x-access-token:{forge.token('ann')}@")

    assert b"could not read Username" in nobody.stderr
    assert b"not found" in stranger.stderr
    assert member.returncode == 0, member.stderr


def test_git_cannot_push(forge: FakeForge, shop: Repository, tmp_path: Path) -> None:
    """What is written is written by the API."""
    shop.commit("main", {"a.py": b"x = 1\n"})
    git(tmp_path, "clone", "-q", f"{forge.web_url}/acme/shop.git", "a")

    done = git(tmp_path / "a", "push", "origin", "HEAD:refs/heads/other")

    assert b"403" in done.stderr
    assert shop.git.refs().keys() == {"refs/heads/main"}
