"""Pull requests, their diffs, files and commits, and what is too large of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from forge_client import Client, numbered, of_pull, open_numbered

from codeflow_engine.domain.diff import Diff
from codeflow_engine.testing.examples import EXAMPLES, LINK, PROGRAM, SUBMODULE, TOGETHER, Example
from codeflow_engine.testing.forge import FakeForge, ForgeRules, Repository

DIFF = "application/vnd.github.diff"


def many(count: int, text: str) -> dict[str, bytes]:
    """Give so many files."""
    return {f"d{number % 10}/f{number:05}.py": text.encode() for number in range(count)}


@pytest.mark.parametrize(
    ("base", "head", "over"),
    [
        (many(300, "x\n"), many(300, "y\n"), None),
        (many(301, "x\n"), many(301, "y\n"), "files (300)"),
        ({}, {"a.py": b"x\n" * (20_000 - 6)}, None),
        ({}, {"a.py": b"x\n" * (20_000 - 5)}, "lines (20000)"),
        ({}, {"a.py": b"x" * 1_048_000}, None),
        ({}, {"a.py": b"x" * 1_048_576}, "bytes (1048576)"),
    ],
)
def test_g23_a_large_diff_is_refused_whole(
    shop: Repository, bot: Client, base: Any, head: Any, over: str | None
) -> None:
    """More than 300 files, 20,000 lines or a megabyte are a 406 that says too_large."""
    number = shop.open_pull_request({"z": b"", **base}, {"z": b"", **head})

    answer = bot.ask(of_pull(shop.pull(number)), accept=DIFF)

    if over is None:
        assert answer.status_code == 200
        assert answer.content.count(b"diff --git ") == len(head)
    else:
        told = answer.json()
        assert (answer.status_code, told["errors"][0]["code"]) == (406, "too_large")
        assert told["message"].startswith(f"Sorry, the diff exceeded the maximum number of {over}")


def test_g23_files_say_nothing_of_the_lines_of_big_and_binary_ones(
    shop: Repository, bot: Client
) -> None:
    """Their patch is missing, as is each that would be more than a whole diff may have."""
    head = {
        "1-small.py": b"x\n",
        "2-binary": b"\0\1",
        "3-long.py": b"x\n" * 20_000,
        "4-wide.py": b"x" * 512_001,
        "5-fits.py": b"x\n" * 15_000,
        "6-does-not-any-more.py": b"x\n" * 6_000,
        "7-does.py": b"x\n",
    }
    number = shop.open_pull_request({"z": b""}, {"z": b"", **head})

    told = bot.get(f"{of_pull(shop.pull(number))}/files")

    assert [one["filename"][0] for one in told if "patch" in one] == ["1", "5", "7"]
    assert [one["changes"] for one in told] == [1, 0, 20_000, 1, 15_000, 6_000, 1]


def test_g22_files_come_in_pages_and_3000_of_them_at_most(shop: Repository, bot: Client) -> None:
    """A page has 30 files unless asked for up to 100, and `Link` leads to the end."""
    number = shop.open_pull_request(many(3_001, "x\n"), many(3_001, "y\n"))
    at = f"{of_pull(shop.pull(number))}/files"

    first = bot.ask(at)
    names, url = set[str](), f"{at}?per_page=1000"
    while url:
        answer = bot.ask(url)
        assert len(answer.json()) == 100
        names |= {one["filename"] for one in answer.json()}
        url = answer.links.get("next", {}).get("url", "")

    assert (len(first.json()), first.links["last"]["url"][-8:]) == (30, "page=100")
    assert len(names) == 3_000
    assert bot.get(of_pull(shop.pull(number)))["changed_files"] == 3_001


def test_g22_commits_are_250_at_most(
    client_of: Callable[[FakeForge, str | None], Client],
) -> None:
    """Both the list of a pull request and a comparison stop there, with the newest in the last."""
    with FakeForge(rules=ForgeRules(pull_commits=5, compare_commits=5)) as forge:
        shop = forge.repository("acme/shop")
        pull = open_numbered(shop)
        for number in range(6):
            shop.push(pull.number, {"a.py": b"%d\n" % number})
        client = client_of(forge, "ben")

        listed = client.get(f"{of_pull(pull)}/commits?per_page=100")
        compared = client.get(f"/repos/acme/shop/compare/{pull.base_sha}...{pull.head_sha}")

        assert (len(listed), len(compared["commits"])) == (5, 5)
        assert (compared["total_commits"], compared["ahead_by"]) == (7, 7)
        assert compared["commits"][-1]["sha"] == pull.head_sha
        assert listed[0]["parents"][0]["sha"] == pull.base_sha


def test_g22_a_comparison_has_its_files_on_the_first_page(shop: Repository, bot: Client) -> None:
    """There are 300 of them at most."""
    pull = shop.pull(shop.open_pull_request(many(301, "x\n"), many(301, "y\n")))
    at = f"/repos/acme/shop/compare/main...{pull.head_ref}"

    assert len(bot.get(at)["files"]) == 300
    assert "files" not in bot.get(f"{at}?page=2&per_page=10")


def test_g24_files_tell_renames_modes_links_and_submodules(shop: Repository, bot: Client) -> None:
    """Each file has its status, its old name where it moved, and no lines where it has none."""
    text = numbered(30)
    base = {
        "moved.py": text,
        "mode.sh": text,
        "gone.py": b"what goes\n",
        "kind": b"a file\n",
        "end.py": b"no newline",
        "crlf.py": b"x\r\n",
        "sub": (SUBMODULE, b"1" * 40),
    }
    head = {
        "new/place.py": text,
        "mode.sh": (PROGRAM, text),
        "kind": (LINK, b"mode.sh"),
        "end.py": b"newline\n",
        "crlf.py": b"y\r\n",
        "sub": (SUBMODULE, b"2" * 40),
        "caf\udce9.py": b"bytes\n",
        'a "quoted"\tname': b"what comes\n",
        "empty": b"",
    }
    pull = shop.pull(shop.open_pull_request(base, head))

    told = {one["filename"]: one for one in bot.get(f"{of_pull(pull)}/files")}

    assert {name: one["status"] for name, one in told.items()} == {
        'a "quoted"\tname': "added",
        "caf�.py": "added",
        "empty": "added",
        "crlf.py": "modified",
        "end.py": "modified",
        "gone.py": "removed",
        "kind": "changed",
        "mode.sh": "modified",
        "new/place.py": "renamed",
        "sub": "modified",
    }
    assert told["new/place.py"]["previous_filename"] == "moved.py"
    assert told["end.py"]["patch"] == (
        "@@ -1 +1 @@\n-no newline\n\\ No newline at end of file\n+newline"
    )
    assert told["crlf.py"]["patch"] == "@@ -1 +1 @@\n-x\r\n+y\r"
    assert told["sub"]["patch"].endswith(f"+Subproject commit {'2' * 40}")
    assert [name for name in told if "patch" not in told[name]] == [
        *("empty", "mode.sh", "new/place.py")
    ]


@pytest.mark.parametrize("example", [*EXAMPLES, TOGETHER], ids=lambda one: one.name)
def test_g24_every_example_can_be_published(
    shop: Repository, bot: Client, example: Example
) -> None:
    """The files of the forge are those of the example's own diff."""
    pull = shop.pull(shop.open_pull_request(example))

    told = bot.get(f"{of_pull(pull)}/files?per_page=100")
    diff = bot.ask(of_pull(pull), accept=DIFF).content

    shown = {one.path.encode("utf-8", "surrogateescape") for one in example.diff.files}
    assert {one["filename"] for one in told} == {one.decode("utf-8", "replace") for one in shown}
    parsed = Diff.parse(diff)
    assert [(one.path, one.added, one.deleted) for one in parsed.files] == [
        (one.path, one.added, one.deleted) for one in example.diff.files
    ]


def test_g24_the_diff_is_that_of_git(shop: Repository, bot: Client) -> None:
    """The media type gives bytes as git writes them, with names quoted."""
    pull = shop.pull(shop.open_pull_request({"z": b""}, {"z": b"", "é": b"\xff\n"}))

    answer = bot.ask(of_pull(pull), accept=DIFF)
    patch = bot.ask(of_pull(pull), accept="application/vnd.github.v3.patch")

    assert answer.headers["Content-Type"] == "application/vnd.github.diff; charset=utf-8"
    assert answer.content.startswith(b'diff --git "a/\\303\\251" "b/\\303\\251"\n')
    assert answer.content.endswith(b"@@ -0,0 +1 @@\n+\xff\n")
    assert patch.content.startswith(f"From {pull.head_sha} ".encode())


def test_g25_whether_it_merges_is_null_at_first(shop: Repository, bot: Client) -> None:
    """The first to ask starts the work, and a push starts it anew."""
    pull = open_numbered(shop)
    at = of_pull(pull)

    told = [bot.get(at) for _ in range(2)]
    shop.push(pull.number, {"a.py": numbered(50, changed={5: "V\n"})})
    again = bot.get(at)

    assert [one["mergeable"] for one in told] == [None, True]
    assert [one["mergeable_state"] for one in told] == ["unknown", "clean"]
    assert again["mergeable"] is None


def test_g25_a_conflict_is_found_by_merging(shop: Repository, bot: Client) -> None:
    """Both sides changed the same line."""
    pull = open_numbered(shop)
    shop.commit("main", {"a.py": numbered(50, changed={5: "Cinq\n"})})

    told = [bot.get(of_pull(pull)) for _ in range(2)][-1]

    assert (told["mergeable"], told["mergeable_state"]) == (False, "dirty")
    assert bot.get(of_pull(pull) + "/files")[0]["filename"] == "a.py"


def test_g29_the_head_of_a_fork_is_in_another_repository(shop: Repository, bot: Client) -> None:
    """The base says what it is, and a fork that was deleted is null."""
    pull = open_numbered(shop, fork=True)

    told = bot.get(of_pull(pull))
    shop.push(pull.number, {"a.py": b"other\n"})
    pull.head_repository = None
    after = bot.get(of_pull(pull))

    assert told["head"]["repo"]["full_name"] == "ann/shop"
    assert told["head"]["repo"]["fork"] is True
    assert told["base"]["repo"]["full_name"] == "acme/shop"
    assert (told["head"]["label"], told["commits"]) == (f"ann:{pull.head_ref}", 1)
    assert (after["head"]["repo"], after["commits"]) == (None, 2)


def test_lists_have_their_filters(shop: Repository, bot: Client) -> None:
    """State, base, head, sort and direction are as GitHub has them."""
    first, second = open_numbered(shop), open_numbered(shop, base="next", draft=True)
    at = "/repos/acme/shop/pulls"

    bot.ask(f"{at}/{first.number}", "PATCH", state="closed", title="Closed")

    def numbers(query: str) -> list[int]:
        return [one["number"] for one in bot.get(f"{at}?{query}")]

    assert numbers("") == [second.number]
    assert numbers("state=all") == [second.number, first.number]
    assert numbers("state=all&direction=asc") == [first.number, second.number]
    assert numbers("state=closed") == [first.number]
    assert numbers("state=all&base=next") == [second.number]
    assert numbers(f"state=all&head=acme:{first.head_ref}") == [first.number]
    assert bot.ask(f"{at}?state=odd").status_code == 422
    assert bot.get(f"{at}/{first.number}")["title"] == "Closed"
    assert bot.get(f"{at}/{second.number}")["draft"] is True


def test_a_branch_that_takes_its_base_in_shows_its_own_change_alone(
    shop: Repository, bot: Client
) -> None:
    """What came from the base is no part of the diff, on a head that was merged with it."""
    pull = open_numbered(shop)
    base = shop.commit("main", {"a.py": numbered(50), "new.py": b"x\n"})
    changed = numbered(50, changed={5: "FIVE\n"})

    head = shop.commit(
        pull.head_ref, {"a.py": changed, "new.py": b"x\n"}, parents=(pull.head_sha, base)
    )

    assert [one["filename"] for one in bot.get(f"{of_pull(pull)}/files")] == ["a.py"]
    assert (pull.base_sha, pull.head_sha) == (base, head)
    assert bot.get(of_pull(pull))["commits"] == 2
