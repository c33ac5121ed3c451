"""Files around a change: each side, each reason, and nothing outside of the repository."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest
from git_trees import EMPTY_TREE, Tree, fetch, read

from codeflow_engine.domain.change import INDEX, WORKTREE, Change
from codeflow_engine.domain.diff import Diff, Side
from codeflow_engine.errors import ChangeUnavailableError


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Tree:
    """Make a repository with two commits."""
    tree = Tree.make(tmp_path_factory.mktemp("made") / "repository")
    tree.write({"run.sh": "#!/bin/sh\n", "moved.py": "m = 1\n" * 9, "kind": "a file\n"})
    tree.commit({".codeflow.toml": "rules = 1\n", "a.py": "a = 1\n", "dir/b.py": "b = 1\n"})
    tree.link("link", "a.py")
    tree.commit({"a.py": "a = 2\n", ".codeflow.toml": "rules = 2\n"})
    return tree


@pytest.fixture
def tree(made: Tree, tmp_path: Path) -> Tree:
    """Give the test a copy of its own."""
    return made.copy(tmp_path / "repository")


async def test_both_sides_of_a_commit(tree: Tree) -> None:
    """The old side is the base, the new one the head; files outside of the diff are there."""
    change = await fetch(tree.path, head="HEAD")
    names = ("a.py", ".codeflow.toml", "dir/b.py", "run.sh", "link", "none.py")

    new = await read(change, *names)
    old = await read(change, *names, side=Side.OLD)

    assert [new[name].content for name in names] == [
        *(b"a = 2\n", b"rules = 2\n", b"b = 1\n", b"#!/bin/sh\n", b"a.py", None)
    ]
    assert [old[name].content for name in names] == [
        *(b"a = 1\n", b"rules = 1\n", b"b = 1\n", b"#!/bin/sh\n", None, None)
    ]
    assert [new[name].mode for name in names[:5]] == [*["100644"] * 4, "120000"]
    assert new["none.py"].reason == "absent"
    assert (await read(change, "dir"))["dir"].reason == "a directory"
    assert old["link"].reason == "absent"


@pytest.mark.parametrize("head", [WORKTREE, INDEX])
async def test_both_sides_of_uncommitted_work(tree: Tree, head: str) -> None:
    """What the diff shows is the new side; what it does not show is as it was at the base."""
    tree.write({"a.py": "a = 3\n", "new.py": "n = 1\n"})
    tree.remove("dir", "kind")
    (tree.path / "run.sh").chmod(0o755)
    (tree.path / "moved.py").rename(tree.path / "here.py")
    tree.link("kind", "a.py")
    tree.git("add", "--all")
    change = await fetch(tree.path, head=head)
    names = ("a.py", "new.py", "dir/b.py", "run.sh", "moved.py", "here.py", "kind", "link")

    new = await read(change, *names, ".codeflow.toml")
    old = await read(change, *names, ".codeflow.toml", side=Side.OLD)

    assert [new[name].content for name in names] == [
        *(b"a = 3\n", b"n = 1\n", None, b"#!/bin/sh\n", None, b"m = 1\n" * 9, b"a.py", b"a.py")
    ]
    assert [old[name].content for name in names] == [
        *(b"a = 2\n", None, b"b = 1\n", b"#!/bin/sh\n", b"m = 1\n" * 9, None, b"a file\n", b"a.py")
    ]
    assert (new["run.sh"].mode, old["run.sh"].mode) == ("100755", "100644")
    assert (new["kind"].mode, old["kind"].mode) == ("120000", "100644")
    assert {new["dir/b.py"].reason, new["moved.py"].reason, old["here.py"].reason} == {"absent"}
    assert new[".codeflow.toml"].content == old[".codeflow.toml"].content == b"rules = 2\n"


async def test_the_policy_of_the_base_is_not_that_of_the_working_tree(tree: Tree) -> None:
    """A policy that the change brings along is its new side alone."""
    tree.write({".codeflow.toml": "rules = 'none'\n"})
    change = await fetch(tree.path)

    old = (await read(change, ".codeflow.toml", side=Side.OLD))[".codeflow.toml"]

    assert old.content == b"rules = 2\n"


async def test_an_ignored_file_is_no_part_of_the_new_side(tree: Tree) -> None:
    """A file on disk that is not in the change is absent, and its content stays unread."""
    tree.commit({".gitignore": ".env\n"})
    tree.write({".env": "TOKEN=1\n", "a.py": "a = 3\n"})
    change = await fetch(tree.path)

    assert (await read(change, ".env"))[".env"].reason == "absent"


async def test_a_file_that_changed_since_the_change_was_read(tree: Tree) -> None:
    """What is not what the diff was made from has a reason, and no content."""
    tree.write({"a.py": "a = 3\n", "new.py": "n = 1\n", "gone.py": "g = 1\n", "turned.py": "a.py"})
    change = await fetch(tree.path)
    tree.write({"a.py": "a = 4\n"})
    tree.remove("gone.py")
    tree.link("turned.py", "a.py")

    files = await read(change, "a.py", "new.py", "gone.py", "turned.py")

    stale = "changed since the change was read"
    assert {files[name].reason for name in ("a.py", "gone.py", "turned.py")} == {stale}
    assert files["new.py"].content == b"n = 1\n"
    assert all(files[name].content is None for name in ("a.py", "gone.py", "turned.py"))


async def test_a_file_larger_than_the_limit(tree: Tree) -> None:
    """Too large a file has a reason on every side, and exactly the limit is not too large."""
    tree.write({"new.py": "n" * 101, "fits.py": "n" * 100})
    worktree = await fetch(tree.path)
    commit = await fetch(tree.path, head=tree.commit())

    for change in (worktree, commit):
        files = await read(change, "new.py", "fits.py", limit=100)
        assert (files["new.py"].content, files["new.py"].reason) == (None, "larger than 100 bytes")
        assert files["fits.py"].content == b"n" * 100


async def test_the_same_path_twice_and_no_path(tree: Tree) -> None:
    """The answer has one entry for each path asked for, in their order."""
    change = await fetch(tree.path, head="HEAD")

    assert (await read(change)) == {}
    assert (await read(change, "a.py", "a.py"))["a.py"].content == b"a = 2\n"


@pytest.mark.parametrize("head", ["HEAD", WORKTREE])
@pytest.mark.parametrize(
    "path",
    [
        *(
            "../outside",
            "/etc/hostname",
            "dir/../a.py",
            "./a.py",
            "dir//b.py",
            "dir/",
            "",
            ".",
            "..",
        ),
        *(".git/config", "dir/.GIT/x", "nul\0", "\ud800", "sub/../../outside"),
    ],
)
async def test_s9_a_path_that_no_repository_has(tree: Tree, head: str, path: str) -> None:
    """A path out of the tree, or in another form than git's own, is never looked up."""
    (tree.path.parent / "outside").write_text("of the host\n")
    tree.write({"new.py": ""})
    change = await fetch(tree.path, head=head)

    found = (await read(change, path))[path]

    assert (found.content, found.reason) == (None, "not a path of a repository")


@pytest.mark.parametrize("head", ["HEAD", WORKTREE])
@pytest.mark.parametrize(
    "path", ["--output=x", "-r", ":(glob)**", ":(top)", "*", "HEAD:a.py", "a.py\n"]
)
async def test_s21_a_path_is_never_an_option_or_a_pattern(tree: Tree, head: str, path: str) -> None:
    """Names that mean something to git are names; absent ones find nothing."""
    tree.write({"new.py": ""})
    assert (await read(await fetch(tree.path, head=head), path))[path].reason == "absent"

    tree.write({path: "found\n"})
    tree.commit()
    assert (await read(await fetch(tree.path, head="HEAD"), path))[path].content == b"found\n"
    assert not (tree.path / "x").exists()


async def test_s9_a_change_that_names_paths_of_the_host(tree: Tree, tmp_path: Path) -> None:
    """A change from elsewhere cannot make the backend read a file outside of the tree."""
    (tmp_path / "secret").write_text("of the host\n")
    blob = tree.git("hash-object", str(tmp_path / "secret"))
    tree.link("lead", tmp_path)
    tree.link("direct", tmp_path / "secret")
    for path in ("../secret", str(tmp_path / "secret"), "lead/secret", "direct"):
        text = (
            f"diff --git a/{path} b/{path}\nnew file mode 100644\n"
            f"index {'0' * 40}..{blob}\n--- /dev/null\n+++ b/{path}\n@@ -0,0 +1 @@\n+of the host\n"
        )
        change = Change(
            provider="git",
            target=str(tree.path),
            base=tree.git("rev-parse", "HEAD"),
            head=WORKTREE,
            diff=Diff.parse(text),
        )

        found = (await read(change, path))[path]

        assert found.content is None


async def test_abbreviated_ids_in_the_diff(tree: Tree) -> None:
    """A diff that came with short ids is read by its paths."""
    change = await fetch(tree.path, head="HEAD")
    short = tree.git("diff", "HEAD~1", "HEAD").encode() + b"\n"
    assert b"index " in short
    assert change.diff.render() != short

    files = await read(replace(change, diff=Diff.parse(short)), "a.py", "link")

    assert files["a.py"].content == b"a = 2\n"
    assert files["link"].mode == "120000"
    uncommitted = replace(change, diff=Diff.parse(short), head=WORKTREE)
    assert (await read(uncommitted, "a.py"))["a.py"].content is None


async def test_copies_keep_their_source(tree: Tree) -> None:
    """The source of a copy is there on both sides."""
    tree.commit({"copy.py": "m = 1\n" * 9})
    change = await fetch(tree.path, head="HEAD")
    text = tree.git("diff", "--find-copies-harder", "--full-index", "HEAD~1", "HEAD") + "\n"
    assert "copy from" in text
    copied = replace(change, diff=Diff.parse(text))

    assert (await read(copied, "copy.py"))["copy.py"].content == b"m = 1\n" * 9
    for side in Side:
        source = (await read(copied, "moved.py", side=side))["moved.py"]
        assert source.content == b"m = 1\n" * 9
    assert (await read(copied, "copy.py", side=Side.OLD))["copy.py"].reason == "absent"


async def test_a_change_without_revisions(tree: Tree) -> None:
    """A bare patch has no files around it."""
    change = Change(provider="git", target=str(tree.path), diff=Diff.parse(b""))

    with pytest.raises(ChangeUnavailableError, match="names no revision"):
        await read(change, "a.py")


async def test_files_of_nothing(tree: Tree) -> None:
    """At the empty tree every file is absent."""
    change = await fetch(tree.path, head="HEAD~1")
    assert change.base == EMPTY_TREE

    assert (await read(change, "a.py", side=Side.OLD))["a.py"].reason == "absent"


async def test_a_working_tree_that_is_gone(tree: Tree) -> None:
    """Without its working tree, a change of it cannot be read."""
    tree.write({"a.py": "a = 3\n"})
    change = await fetch(tree.path)
    tree.git("config", "core.bare", "true")

    with pytest.raises(ChangeUnavailableError, match="bare"):
        await read(change, "a.py")


async def test_s18_a_fifo_in_place_of_a_file(tree: Tree) -> None:
    """What became a FIFO after the change was read is not opened."""
    tree.write({"a.py": "a = 3\n"})
    change = await fetch(tree.path)
    tree.remove("a.py")
    os.mkfifo(tree.path / "a.py")

    assert (await read(change, "a.py"))["a.py"].reason == "changed since the change was read"


async def test_many_paths_at_once(tree: Tree) -> None:
    """More paths than one argument vector holds are looked up in several."""
    names = [f"{'d' * 100}/{'e' * 100}/f{number}.py" for number in range(600)]
    tree.commit(dict.fromkeys(names, "x\n"))
    change = await fetch(tree.path, head="HEAD~1")

    files = await read(replace(change, head=tree.git("rev-parse", "HEAD")), *names)

    assert {file.content for file in files.values()} == {b"x\n"}
