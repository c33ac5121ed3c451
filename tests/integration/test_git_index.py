"""The forms that an index can have, and what a hostile one can hold."""

from __future__ import annotations

import hashlib
import os
import struct
from pathlib import Path

import pytest
from git_trees import Tree, fetch, paths

from codeflow_engine.domain.change import INDEX
from codeflow_engine.errors import ChangeUnavailableError


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    """Make a repository with files in several directories."""
    tree = Tree.make(tmp_path / "repository")
    tree.commit(
        {f"{folder}/f{number}.py": f"{number}\n" for folder in "abc" for number in range(9)}
    )
    return tree


def change_a_little(tree: Tree) -> None:
    """Stage one change, and make another."""
    tree.write({"a/f1.py": "staged\n"})
    tree.git("add", "a/f1.py")
    tree.write({"b/f2.py": "unstaged\n", "new.py": "new\n"})


async def check(tree: Tree) -> None:
    """Hold working tree and index against git's own answers."""
    assert (await fetch(tree.path)).diff.render() == tree.expected()
    assert (await fetch(tree.path, head=INDEX)).diff.render() == tree.expected(staged=True)
    assert paths(await fetch(tree.path)) == {
        "a/f1.py": "modified",
        "b/f2.py": "modified",
        "new.py": "added",
    }


@pytest.mark.parametrize("version", ["2", "3", "4"])
async def test_every_version(tree: Tree, version: str) -> None:
    """Versions differ in flags and in how they write paths."""
    tree.git("config", "index.version", version)
    tree.git("update-index", "--index-version", version)
    change_a_little(tree)
    if version == "3":  # written only where an extended flag is needed
        tree.git("update-index", "--skip-worktree", "c/f1.py")

    await check(tree)

    assert (tree.path / ".git" / "index").read_bytes()[4:8] == bytes([0, 0, 0, int(version)])


async def test_a_split_index(tree: Tree) -> None:
    """Most entries lie in a second file beside the index."""
    tree.git("config", "splitIndex.maxPercentChange", "100")
    tree.git("update-index", "--split-index")
    change_a_little(tree)
    assert list((tree.path / ".git").glob("sharedindex.*"))

    await check(tree)


async def test_a_split_index_without_its_other_half(tree: Tree) -> None:
    """An index that misses its entries is an error, and never an empty one."""
    tree.git("update-index", "--split-index")
    for path in (tree.path / ".git").glob("sharedindex.*"):
        path.unlink()

    with pytest.raises(ChangeUnavailableError, match="sharedindex"):
        await fetch(tree.path)


async def test_an_index_with_caches(tree: Tree) -> None:
    """What caches in the index say of untracked and unchanged files is not believed."""
    tree.git("config", "core.untrackedCache", "true")
    tree.git("update-index", "--force-untracked-cache")
    tree.git("status")
    change_a_little(tree)

    await check(tree)


@pytest.mark.parametrize("sparse_index", ["false", "true"])
async def test_a_sparse_checkout(tree: Tree, sparse_index: str) -> None:
    """Files that are left out are no deletions, also where the index has directories only."""
    tree.git(
        "sparse-checkout",
        "set",
        "--cone",
        f"--{'' if sparse_index == 'true' else 'no-'}sparse-index",
        "a",
        "b",
    )
    assert not (tree.path / "c").exists()
    change_a_little(tree)

    change = await fetch(tree.path)

    assert paths(change) == {"a/f1.py": "modified", "b/f2.py": "modified", "new.py": "added"}
    assert (await fetch(tree.path, head=INDEX)).diff.render() == tree.expected(staged=True)


async def test_no_index(tree: Tree) -> None:
    """Without an index nothing is staged, so that every file is deleted or untracked."""
    (tree.path / ".git" / "index").unlink()

    assert (await fetch(tree.path)).diff.units == ()
    assert set(paths(await fetch(tree.path, head=INDEX)).values()) == {"deleted"}


@pytest.mark.parametrize("damage", [b"", b"DIRC", b"DIRC\0\0\0\x09\0\0\0\0", b"not an index" * 9])
async def test_a_damaged_index(tree: Tree, damage: bytes) -> None:
    """An index that git cannot read is an error."""
    (tree.path / ".git" / "index").write_bytes(damage)

    with pytest.raises(ChangeUnavailableError, match="index"):
        await fetch(tree.path)


async def test_an_index_that_is_no_file(tree: Tree) -> None:
    """A link in the index's place is not followed, and a FIFO not opened."""
    index = tree.path / ".git" / "index"
    index.unlink()
    index.symlink_to("/etc/passwd")
    with pytest.raises(ChangeUnavailableError, match="is not a regular file"):
        await fetch(tree.path)

    index.unlink()
    os.mkfifo(index)
    with pytest.raises(ChangeUnavailableError, match="is not a regular file"):
        await fetch(tree.path)


async def test_s19_an_index_that_is_huge(tree: Tree) -> None:
    """A sparse file of a terabyte is not copied."""
    os.truncate(tree.path / ".git" / "index", 2**40)

    with pytest.raises(ChangeUnavailableError, match="too large"):
        await fetch(tree.path)


def index_with(path: bytes, blob: str) -> bytes:
    """Write an index of version 2 with one entry, whatever its path."""
    entry = bytes(24) + struct.pack(">IIII", 0o100644, 0, 0, 0) + bytes.fromhex(blob)
    entry += struct.pack(">H", len(path)) + path
    entry += bytes(8 - len(entry) % 8)
    body = b"DIRC" + struct.pack(">II", 2, 1) + entry
    return body + hashlib.sha1(body, usedforsecurity=False).digest()


@pytest.mark.parametrize(
    "path",
    [
        *(b"../outside.txt", b"/etc/hostname", b"a/../../outside.txt", b"a//b", b"./a", b"a/."),
        *(b".git/config", b"a/.GIT/x", b"a/", b".git"),
    ],
)
async def test_s19_an_index_that_leads_out_of_the_tree(tree: Tree, path: bytes) -> None:
    """A path that no working tree can have is an error; nothing there is looked at."""
    blob = tree.git("hash-object", "-w", "--stdin", stdin=b"x\n")
    (tree.path.parent / "outside.txt").write_text("of the host\n")
    (tree.path / ".git" / "index").write_bytes(index_with(path, blob))

    with pytest.raises(ChangeUnavailableError, match=r"no path in it|index"):
        await fetch(tree.path)


async def test_the_hand_written_index_is_one(tree: Tree) -> None:
    """The hostile indexes above are refused for their paths, not for their form."""
    blob = tree.git("hash-object", "-w", "--stdin", stdin=b"x\n")
    (tree.path / ".git" / "index").write_bytes(index_with(b"a/plain.txt", blob))

    assert paths(await fetch(tree.path, head=INDEX))["a/plain.txt"] == "added"
