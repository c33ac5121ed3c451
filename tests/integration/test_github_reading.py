"""Pull requests of GitHub as changes: whole, pinned, and read by few requests."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import replace
from typing import Any

import pytest
from github_forges import fetch, github

from codeflow_engine.domain.change import INDEX, WORKTREE, Change, ChangeRequest
from codeflow_engine.domain.diff import Diff, Side
from codeflow_engine.errors import (
    AuthenticationError,
    ChangeUnavailableError,
    ConfigurationError,
    ProviderError,
)
from codeflow_engine.providers.vcs.github import GitHub, GitHubSettings
from codeflow_engine.sandbox import Sandbox
from codeflow_engine.testing.forge import FakeForge, ForgeRules, Repository

LIMIT = 1024 * 1024
NO_GIT = "no-such-git"
"""A program that is not there: what needs a clone fails."""

BASE = {"a.py": "x = 1\n", "kept.py": "k = 1\n"}
HEAD = {"a.py": "x = 2\n", "kept.py": "k = 1\n", "new.py": "n = 1\n"}


@pytest.fixture
def forge() -> Iterator[FakeForge]:
    with FakeForge() as made:
        yield made


@pytest.fixture
def shop(forge: FakeForge) -> Repository:
    return forge.repository("acme/shop")


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with Sandbox() as made:
        yield made


def paths(diff: Diff) -> list[str]:
    return sorted(file.path for file in diff.files)


async def test_a_pull_request_is_a_change(
    forge: FakeForge, shop: Repository, sandbox: Sandbox
) -> None:
    """Its title, its description, both ids, one name; without git."""
    number = shop.open_pull_request(BASE, HEAD, title="Raise x", body="By one.")

    change = await fetch(forge, sandbox, git=NO_GIT)

    pull = shop.pull(number)
    assert (change.provider, change.target, change.key) == ("github", "acme/shop#1", "acme/shop#1")
    assert (change.title, change.description) == ("Raise x", "By one.")
    assert (change.base, change.head) == (pull.base_sha, pull.head_sha)
    assert paths(change.diff) == ["a.py", "new.py"]


@pytest.mark.parametrize("form", ["acme/shop#1", "ACME/Shop#1", "{web}/acme/shop/pull/1/files"])
async def test_every_name_of_a_change_gives_one_key(
    forge: FakeForge, shop: Repository, sandbox: Sandbox, form: str
) -> None:
    """What was found in it is known again, whatever it was called."""
    shop.open_pull_request(BASE, HEAD)

    change = await fetch(forge, sandbox, form.format(web=forge.web_url))

    assert (change.target, change.key) == ("acme/shop#1", "acme/shop#1")


async def test_a_change_without_a_description_has_an_empty_one(
    forge: FakeForge, shop: Repository, sandbox: Sandbox
) -> None:
    """GitHub has null there; a long one is cut, and says so."""
    shop.open_pull_request(BASE, HEAD, body=None)
    shop.open_pull_request(BASE, HEAD, body="x" * 65_536 + "y")

    assert (await fetch(forge, sandbox)).description == ""
    assert (await fetch(forge, sandbox, "acme/shop#2")).description.endswith("x\n[cut]")


async def test_the_base_is_where_the_head_parted_from_it(
    forge: FakeForge, shop: Repository, sandbox: Sandbox
) -> None:
    """What came to the base branch since is no part of the change."""
    number = shop.open_pull_request(BASE, HEAD)
    began = shop.pull(number).base_sha
    shop.pull(number).base_sha = shop.commit("main", {**BASE, "other.py": "o = 1\n"})

    change = await fetch(forge, sandbox, git=NO_GIT)

    assert change.base == began
    assert paths(change.diff) == ["a.py", "new.py"]


@pytest.mark.parametrize("state", ["closed", "merged", "draft", "fork"])
async def test_a_change_in_any_state_can_be_read(
    forge: FakeForge, shop: Repository, sandbox: Sandbox, state: str
) -> None:
    """Closed and merged ones, drafts, and those of forks, of which some are deleted."""
    number = shop.open_pull_request(
        BASE, HEAD, author="mallory", fork=state == "fork", draft=state == "draft"
    )
    pull = shop.pull(number)
    if state in {"closed", "merged"}:
        pull.state = "closed"
    if state == "merged":
        pull.merged_at = forge.clock.now()
    if state == "fork":
        pull.head_repository = None

    change = await fetch(forge, sandbox, git=NO_GIT)

    assert paths(change.diff) == ["a.py", "new.py"]


async def test_g25_fetching_does_not_wait_for_the_trial_merge(sandbox: Sandbox) -> None:
    """It is null for as long as GitHub likes; nothing of a review depends on it."""
    with FakeForge(rules=ForgeRules(mergeable_polls=1_000_000)) as forge:
        forge.repository("acme/shop").open_pull_request(BASE, HEAD)

        change = await asyncio.wait_for(fetch(forge, sandbox), 20)

    assert paths(change.diff) == ["a.py", "new.py"]


async def test_g18_a_push_while_it_is_fetched_changes_nothing(
    forge: FakeForge, shop: Repository, sandbox: Sandbox
) -> None:
    """The diff is asked for by the ids that were read, so that both belong together."""
    number = shop.open_pull_request(BASE, HEAD)
    first = shop.pull(number).head_sha
    backend = github(forge)
    fetching = asyncio.create_task(
        backend.fetch_change(ChangeRequest(target="acme/shop#1"), sandbox)
    )
    pushes = 0
    while not fetching.done() and pushes < 20:
        pushes += 1
        text = f"y = {pushes}\n"
        await asyncio.to_thread(shop.push, number, {**HEAD, f"later{pushes}.py": text})
    change = await fetching
    await backend.aclose()

    again = await fetch(forge, sandbox, head=change.head)
    assert pushes >= 1
    assert change.head in {first, *[one.sha for one in await _history(shop, number)]}
    # Counts of another head send it to git, which writes its ids in another length.
    assert _lines(change) == _lines(again)


def _lines(change: Change) -> list[tuple[str, list[bytes]]]:
    return [(file.path, [hunk.render() for hunk in file.hunks]) for file in change.diff.files]


async def _history(shop: Repository, number: int) -> Sequence[Any]:
    shas = shop.forge.run(shop.git.history(shop.pull(number).head_sha))
    return [shop.forge.run(shop.git.commit(sha)) for sha in shas]


async def test_an_earlier_head_can_be_reviewed(
    forge: FakeForge, shop: Repository, sandbox: Sandbox
) -> None:
    """By its id; the change keeps its name, since it is a version of it."""
    number = shop.open_pull_request(BASE, HEAD)
    first = shop.pull(number).head_sha
    shop.push(number, {**HEAD, "later.py": "z = 1\n"})

    now = await fetch(forge, sandbox)
    then = await fetch(forge, sandbox, head=first)

    assert paths(now.diff) == ["a.py", "later.py", "new.py"]
    assert paths(then.diff) == ["a.py", "new.py"]
    assert (then.head, then.key) == (first, now.key)


async def test_another_base_is_another_comparison(
    forge: FakeForge, shop: Repository, sandbox: Sandbox
) -> None:
    """By its name; what is found there is none of the pull request's own."""
    number = shop.open_pull_request(BASE, HEAD)
    shop.commit("release/1.0", {**BASE, "a.py": "x = 2\n"}, parents=(shop.pull(number).base_sha,))

    change = await fetch(forge, sandbox, base="release/1.0")

    assert change.base == shop.pull(number).base_sha
    assert change.key == "acme/shop#1 against release/1.0"


@pytest.mark.parametrize("what", [WORKTREE, INDEX])
@pytest.mark.parametrize("side", ["base", "head"])
async def test_a_pull_request_has_no_working_tree(
    forge: FakeForge, shop: Repository, sandbox: Sandbox, what: str, side: str
) -> None:
    """It is refused before anything is asked."""
    with pytest.raises(ConfigurationError, match="a pull request has no"):
        await fetch(forge, sandbox, **{side: what})


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"target": "acme/shop#2"}, "pull_requests"),
        ({"target": "acme/nowhere#1"}, "pull_requests"),
        ({"head": "0123456789abcdef0123456789abcdef01234567"}, "0123456789abcdef0123456789abcdef"),
        ({"base": "no-such-branch"}, "no-such-branch"),
    ],
)
async def test_g30_what_is_not_there_is_unavailable(
    forge: FakeForge, shop: Repository, sandbox: Sandbox, asked: dict[str, str], told: str
) -> None:
    """The error names what was asked for, and that a permission may be missing."""
    shop.open_pull_request(BASE, HEAD)

    with pytest.raises(ChangeUnavailableError, match=told):
        await fetch(forge, sandbox, **asked)


async def test_g30_a_private_repository_looks_like_none_to_a_stranger(
    forge: FakeForge, sandbox: Sandbox
) -> None:
    """GitHub does not say that it is there; the error says both."""
    forge.repository("acme/secret", private=True).open_pull_request(BASE, HEAD)

    with pytest.raises(ChangeUnavailableError, match="the token may not see it"):
        await fetch(forge, sandbox, "acme/secret#1", login="stranger")


async def test_a_wrong_token_is_told_as_one(shop: Repository, sandbox: Sandbox) -> None:
    """Before anything of the change is there."""
    shop.open_pull_request(BASE, HEAD)
    backend = GitHub(GitHubSettings(token="wrong"), base_url=shop.forge.url)  # noqa: S106 - it is

    with pytest.raises(AuthenticationError, match="GITHUB_TOKEN"):
        await backend.fetch_change(ChangeRequest(target="acme/shop#1"), sandbox)

    await backend.aclose()


MANY = {f"src/m{number:04}.py": f"value = {number}\n" for number in range(400)}


@pytest.mark.parametrize("way", ["listing", "clone"])
async def test_g23_more_than_300_files_are_all_there(
    forge: FakeForge, shop: Repository, sandbox: Sandbox, way: str
) -> None:
    """GitHub answers 406: the list of files shows them too, and else git does."""
    changed = {path: text.replace("value", "other") for path, text in MANY.items()}
    if way == "clone":  # bytes that are no UTF-8 cannot stand in a list
        with_bytes: dict[str, Any] = {**MANY, "latin.py": b"caf\xe9 = 1\n"}
        shop.open_pull_request(with_bytes, {**changed, "latin.py": b"th\xe9 = 1\n"})
    else:
        shop.open_pull_request(MANY, changed)

    git = NO_GIT if way == "listing" else "git"
    change = await fetch(forge, sandbox, git=git)

    assert len(change.diff.files) == len(MANY) + (way == "clone")
    assert all(file.hunks for file in change.diff.files)


async def test_g23_a_patch_that_is_missing_is_never_passed_over(
    forge: FakeForge, shop: Repository, sandbox: Sandbox
) -> None:
    """Neither the diff nor the list has it: git does, and without git it is an error."""
    large = "".join(f"row_{number} = {number}\n" for number in range(21_000))
    shop.open_pull_request({"a.py": "x = 1\n"}, {"a.py": "x = 2\n", "table.py": large})

    change = await fetch(forge, sandbox)
    with pytest.raises(ProviderError, match="git fetch"):
        await fetch(forge, sandbox, git=NO_GIT)

    table = next(file for file in change.diff.files if file.path == "table.py")
    assert (table.added, table.is_binary) == (21_000, False)


async def test_g22_more_files_than_a_list_holds_come_by_git(sandbox: Sandbox) -> None:
    """The list ends without a word: it is held against the number that GitHub tells."""
    with FakeForge(rules=ForgeRules(diff_files=10, pull_files=30)) as forge:
        files = {f"m{number}.py": f"v = {number}\n" for number in range(40)}
        forge.repository("acme/shop").open_pull_request({}, files)

        change = await fetch(forge, sandbox)
        with pytest.raises(ProviderError, match="git fetch"):
            await fetch(forge, sandbox, git=NO_GIT)

    assert len(change.diff.files) == 40


async def test_g22_more_commits_than_a_comparison_lists_do_not_matter(
    forge: FakeForge, shop: Repository, sandbox: Sandbox
) -> None:
    """The merge base and the diff are those of the whole branch."""
    number = shop.open_pull_request(BASE, HEAD)
    first = shop.pull(number).base_sha
    for step in range(6):
        shop.push(number, {**HEAD, "steps.py": f"s = {step}\n"})

    change = await fetch(forge, sandbox)

    assert change.base == first
    assert paths(change.diff) == ["a.py", "new.py", "steps.py"]


async def test_a_diff_over_our_own_limit_is_refused_with_its_setting(
    forge: FakeForge, shop: Repository, sandbox: Sandbox
) -> None:
    """Git's would be as large, so that nothing is cloned for it."""
    shop.open_pull_request(BASE, {**HEAD, "big.py": "b = 1\n" * 5_000})

    with pytest.raises(ChangeUnavailableError, match="max_diff_bytes"):
        await fetch(forge, sandbox, max_diff_bytes=10_000, git=NO_GIT)


async def test_files_are_read_by_few_requests(
    forge: FakeForge, shop: Repository, sandbox: Sandbox
) -> None:
    """Trees and blobs never change: what was read once is not asked for again."""
    tree = {f"d{n % 3}/e/f{n}.py": f"v = {n}\n" for n in range(30)}
    shop.open_pull_request(tree, {**tree, "d0/e/f0.py": "v = 'new'\n"})
    change = await fetch(forge, sandbox)
    backend = github(forge, git=NO_GIT)

    async def read(names: Sequence[str]) -> None:
        await backend.read_files(change, names, side=Side.NEW, limit=LIMIT, sandbox=sandbox)

    await read([*tree])
    before = backend._trees._used
    shop.forge.tokens.revoke(backend._credentials.secrets[0])
    await read([*tree, "d1/e/none.py", "d9/x"])
    await backend.aclose()

    assert backend._trees._used == before


async def test_more_files_than_are_worth_a_request_each_come_by_git(
    forge: FakeForge, shop: Repository, sandbox: Sandbox
) -> None:
    """One fetch in place of hundreds of requests."""
    shop.open_pull_request({}, MANY)
    change = await fetch(forge, sandbox)
    backend = github(forge)

    found = await backend.read_files(change, [*MANY], side=Side.NEW, limit=LIMIT, sandbox=sandbox)
    other = github(forge, git=NO_GIT)
    with pytest.raises(ProviderError, match="git fetch"):
        await other.read_files(change, [*MANY], side=Side.NEW, limit=LIMIT, sandbox=sandbox)
    await backend.aclose()
    await other.aclose()

    assert [file.content for file in found] == [text.encode() for text in MANY.values()]


@pytest.mark.parametrize("head", [None, WORKTREE, "main", "-x" * 20, "a" * 39])
async def test_s21_a_change_without_ids_is_not_read(
    forge: FakeForge, shop: Repository, sandbox: Sandbox, head: str | None
) -> None:
    """A change may come from anywhere; nothing but a full id gets into a path or to git."""
    shop.open_pull_request(BASE, HEAD)
    change = replace(await fetch(forge, sandbox), head=head)
    backend = github(forge)

    with pytest.raises(ChangeUnavailableError, match="names no commit"):
        await backend.read_files(change, ["a.py"], side=Side.NEW, limit=LIMIT, sandbox=sandbox)
    await backend.aclose()
