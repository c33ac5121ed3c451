"""Which two states a request to the git backend compares, and how it names them."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
from git_trees import EMPTY_TREE, Tree, fetch, paths, porcelain

from codeflow_engine.domain.change import INDEX, WORKTREE
from codeflow_engine.errors import ChangeUnavailableError, ConfigurationError


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Tree:
    """Make two branches: `feature` has two commits since it parted from `main`, `main` one."""
    tree = Tree.make(tmp_path_factory.mktemp("made") / "repository")
    tree.commit({"a.py": "a = 1\n", "b.py": "b = 1\n"}, "First")
    tree.git("checkout", "--quiet", "-b", "feature")
    tree.commit({"a.py": "a = 2\n"}, "Raise a\n\nBecause of reasons.")
    tree.commit({"c.py": "c = 1\n"}, "Add c")
    tree.git("checkout", "--quiet", "main")
    tree.commit({"b.py": "b = 2\n"}, "Raise b")
    tree.git("checkout", "--quiet", "feature")
    return tree


@pytest.fixture
def tree(made: Tree, tmp_path: Path) -> Tree:
    """Give the test a copy of its own."""
    return made.copy(tmp_path / "repository")


def many_commits(count: int, message: bytes) -> bytes:
    """Write commits of a branch `long` that begins at `main`, for `git fast-import`."""
    return b"".join(
        b"commit refs/heads/long\ncommitter a <a> %d +0000\ndata %d\n%s\n"
        % (number, len(message), message)
        + (b"from refs/heads/main^0\n" if number == 0 else b"")
        for number in range(count)
    )


async def test_no_revision_means_the_working_tree_against_head(tree: Tree) -> None:
    """Staged, unstaged and untracked files are there; ignored ones are not."""
    tree.write({"staged.py": "s = 1\n", ".gitignore": "*.log\n"})
    tree.git("add", "staged.py")
    tree.write({"a.py": "a = 3\n", "new/untracked.py": "u = 1\n", "x.log": "noise\n"})

    change = await fetch(tree.path)

    assert paths(change) == {
        ".gitignore": "added",
        "a.py": "modified",
        "new/untracked.py": "added",
        "staged.py": "added",
    }
    assert change.diff.render() == tree.expected()
    assert (change.base, change.head) == (tree.git("rev-parse", "HEAD"), WORKTREE)
    assert (change.provider, change.target) == ("git", str(tree.path))
    assert change.title == "working tree of feature"


async def test_a_clean_working_tree_is_an_empty_change(tree: Tree) -> None:
    """Without differences there are no units, and it is not an error."""
    change = await fetch(tree.path)

    assert change.diff.units == ()
    assert change.head == WORKTREE


async def test_the_index_alone(tree: Tree) -> None:
    """With the index as head, only what is staged counts, whatever the files are."""
    tree.write({"a.py": "a = 3\n"})
    tree.git("add", "a.py")
    tree.write({"a.py": "a = 4\n", "untracked.py": ""})

    change = await fetch(tree.path, head=INDEX)

    assert change.diff.render() == tree.expected(staged=True)
    assert paths(change) == {"a.py": "modified"}
    assert (change.head, change.title) == (INDEX, "index of feature")


async def test_a_base_alone_means_head_since_they_parted(tree: Tree) -> None:
    """The other branch's own commits are no part of the change."""
    change = await fetch(tree.path, base="main")

    assert change.diff.render() == porcelain(tree.path, "main...feature")
    assert paths(change) == {"a.py": "modified", "c.py": "added"}
    assert change.base == tree.git("merge-base", "main", "feature")
    assert change.head == tree.git("rev-parse", "feature")
    assert change.title == "main..feature: 2 commits"
    assert change.description == "Add c\n\nRaise a\n\nBecause of reasons."


async def test_base_and_head(tree: Tree) -> None:
    """Both given, neither has to be checked out."""
    change = await fetch(tree.path, base="feature", head="main")

    assert change.diff.render() == porcelain(tree.path, "feature...main")
    assert (change.title, change.description) == ("Raise b", "Raise b")


async def test_a_base_that_is_an_ancestor(tree: Tree) -> None:
    """A base on the head's own line is the start itself."""
    change = await fetch(tree.path, base="feature~1", head="feature")

    assert change.base == tree.git("rev-parse", "feature~1")
    assert change.title == "Add c"


async def test_a_base_that_is_the_head(tree: Tree) -> None:
    """Nothing between two equal revisions is an empty change."""
    change = await fetch(tree.path, base="feature", head="feature")

    assert change.diff.units == ()
    assert change.title == "feature..feature: 0 commits"


async def test_a_head_alone_means_that_one_commit(tree: Tree) -> None:
    """It is compared with its first parent, and titled by its message."""
    change = await fetch(tree.path, head="feature~1")

    assert change.diff.render() == porcelain(tree.path, "feature~2", "feature~1")
    assert change.title == "Raise a"
    assert change.description == "Raise a\n\nBecause of reasons."


async def test_a_merge_commit_is_compared_with_its_first_parent(tree: Tree) -> None:
    """What a merge brings in is what it changes on the branch that it stands on."""
    tree.git("merge", "--quiet", "--no-edit", "main")

    change = await fetch(tree.path, head="HEAD")

    assert paths(change) == {"b.py": "modified"}
    assert change.base == tree.git("rev-parse", "HEAD^1")


async def test_the_first_commit_is_compared_with_nothing(tree: Tree) -> None:
    """A root commit adds all its files."""
    change = await fetch(tree.path, head="feature~2")

    assert paths(change) == {"a.py": "added", "b.py": "added"}
    assert change.base == EMPTY_TREE


@pytest.mark.parametrize("head", [WORKTREE, INDEX])
async def test_uncommitted_work_since_a_base(tree: Tree, head: str) -> None:
    """With a base, commits and uncommitted work are one change."""
    tree.write({"b.py": "b = 3\n"})
    tree.git("add", "b.py")

    change = await fetch(tree.path, base="main", head=head)

    assert paths(change) == {"a.py": "modified", "b.py": "modified", "c.py": "added"}
    assert change.diff.render() == porcelain(tree.path, "--cached", change.base or "")
    assert change.title.endswith("of feature against main")


async def test_a_branch_without_commits(tmp_path: Path) -> None:
    """Before the first commit, everything is new."""
    tree = Tree.make(tmp_path / "repository")
    tree.write({"a.py": "a = 1\n", "b.py": ""})
    tree.git("add", "a.py")

    worktree = await fetch(tree.path)
    index = await fetch(tree.path, head=INDEX)

    assert paths(worktree) == {"a.py": "added", "b.py": "added"}
    assert paths(index) == {"a.py": "added"}
    assert worktree.base == EMPTY_TREE


async def test_an_empty_repository_is_an_empty_change(tmp_path: Path) -> None:
    """No commit, no index and no file is no change."""
    change = await fetch(Tree.make(tmp_path / "repository").path)

    assert change.diff.units == ()


@pytest.mark.parametrize(
    ("base", "head"), [("main", None), ("HEAD", None), (None, "HEAD"), ("HEAD", WORKTREE)]
)
async def test_revisions_of_a_branch_without_commits(
    tmp_path: Path, base: str | None, head: str | None
) -> None:
    """A revision cannot be found before there is one, and the message says why."""
    tree = Tree.make(tmp_path / "repository")

    with pytest.raises(ChangeUnavailableError, match=r"no commits yet|has no commit main"):
        await fetch(tree.path, base=base, head=head)


async def test_a_detached_head(tree: Tree) -> None:
    """Without a branch, the working tree is titled by the commit."""
    tree.git("checkout", "--quiet", "--detach")
    tree.write({"a.py": "a = 9\n"})

    change = await fetch(tree.path)

    assert change.title == f"working tree of detached HEAD at {change.base[:12]}"  # type: ignore[index]
    assert paths(change) == {"a.py": "modified"}


@pytest.mark.parametrize(
    "name",
    [
        *(
            "feature",
            "refs/heads/feature",
            "heads/feature",
            "@",
            "main@{0}^{/First}",
            "v1",
            "v1^{}",
        ),
        *("annotated", "annotated^{commit}", "origin/main", "origin", "HEAD~2", "ORIG_HEAD"),
        *("a tag with", "käse"),
    ],
)
async def test_names_of_revisions(tree: Tree, name: str) -> None:
    """Whatever names a commit for git names it here, loose or packed."""
    first = tree.git("rev-parse", "main~1")
    tree.git("tag", "v1", first)
    tree.git("tag", "--annotate", "annotated", "--message", "x", first)
    tree.git("update-ref", "refs/heads/käse", first)
    tree.git("update-ref", "refs/remotes/origin/main", first)
    tree.git("pack-refs", "--all")
    tree.git("symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/main")
    tree.git("update-ref", "ORIG_HEAD", first)
    known = tree.git("rev-parse", "--verify", "--quiet", f"{name}^{{commit}}", check=False)

    if "@{0}" in name or not known:
        # Reflogs are not read, and git does not know the last name either.
        with pytest.raises(ChangeUnavailableError, match="has no commit"):
            await fetch(tree.path, head=name)
    else:
        assert (await fetch(tree.path, head=name)).head == known


async def test_an_abbreviated_id(tree: Tree) -> None:
    """The first digits of an id name its commit."""
    commit = tree.git("rev-parse", "HEAD")

    assert (await fetch(tree.path, head=commit[:7])).head == commit


async def test_an_abbreviated_id_of_several_commits(tree: Tree) -> None:
    """Digits with which several ids begin name none of them, and the message says so."""
    tree.git("fast-import", "--quiet", stdin=many_commits(500, b"short"))
    ids = sorted(tree.git("rev-list", "--all").splitlines())
    twice = next(one[:4] for one, other in pairwise(ids) if one[:4] == other[:4])

    with pytest.raises(ChangeUnavailableError, match=f"no commit {twice}: several objects"):
        await fetch(tree.path, head=twice)


@pytest.mark.parametrize(
    "name",
    ["nowhere", "0" * 40, "HEAD:a.py", "main:", "a..b", "^main", "@{upstream}", "HEAD^9", "\ud800"],
)
async def test_a_revision_that_is_none(tree: Tree, name: str) -> None:
    """What names no commit is an error that repeats it, for a base and for a head."""
    for base, head in ((name, None), (None, name)):
        with pytest.raises(ChangeUnavailableError, match="has no commit"):
            await fetch(tree.path, base=base, head=head)


@pytest.mark.parametrize("name", ["a\nb", "a\0b", ":/First", ":a.py", "\x1b[31m"])
async def test_a_text_that_can_be_no_revision(tree: Tree, name: str) -> None:
    """Control characters and leading colons never reach git."""
    with pytest.raises(ChangeUnavailableError, match="is not a revision") as caught:
        await fetch(tree.path, head=name)

    assert caught.value.message.isprintable()


@pytest.mark.parametrize(
    ("base", "head"), [("", None), (None, ""), (WORKTREE, None), (INDEX, "main")]
)
async def test_a_request_that_cannot_be(tree: Tree, base: str | None, head: str | None) -> None:
    """An empty name, and a base that is no revision, are errors of the caller."""
    with pytest.raises(ConfigurationError):
        await fetch(tree.path, base=base, head=head)


async def test_no_commit_in_common(tree: Tree) -> None:
    """Unrelated histories have no change between them."""
    tree.git("checkout", "--quiet", "--orphan", "other")
    tree.commit({"z.py": ""}, "Elsewhere")

    with pytest.raises(ChangeUnavailableError, match="main and other have no commit in common"):
        await fetch(tree.path, base="main", head="other")


async def test_many_commits_are_counted_and_their_messages_bounded(tree: Tree) -> None:
    """A long range tells that it is long, and its description stays small."""
    tree.git("fast-import", "--quiet", stdin=many_commits(60, b"m" * 2000))

    change = await fetch(tree.path, base="main", head="long")

    assert change.title == "main..long: 50+ commits"
    assert len(change.description) < 20_000
    assert change.description.endswith("[cut]")


async def test_messages_are_data(tree: Tree) -> None:
    """A message that is no UTF-8 is decoded with replacement; controls stay what they are."""
    raw = f"tree {EMPTY_TREE}\nauthor a <a> 0 +0000\ncommitter a <a> 0 +0000\n\n".encode()
    message = b"caf\xe9 \x1b[31m\n\nbody\xff"
    commit = tree.git("hash-object", "-w", "-t", "commit", "--stdin", stdin=raw + message)

    change = await fetch(tree.path, head=commit)

    assert change.title == "caf\ufffd \x1b[31m"
    assert change.description.endswith("body\ufffd")


async def test_s20_a_diff_beyond_the_cap_is_an_error(tree: Tree) -> None:
    """A diff is whole or refused; it is never cut."""
    tree.write({"large.txt": "line\n" * 1000})

    with pytest.raises(ChangeUnavailableError, match="more than 1000 bytes"):
        await fetch(tree.path, max_diff_bytes=1000)
