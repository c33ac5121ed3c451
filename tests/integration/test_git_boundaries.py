"""What the git backend reads, and what it leaves alone: nothing outside of the repository."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
from pathlib import Path

import pytest
from git_trees import Tree, fetch, paths, read

from codeflow_engine.domain.change import WORKTREE
from codeflow_engine.errors import ChangeUnavailableError

SECRET = "of the host"  # noqa: S105 - it stands for one


@pytest.fixture
def tree(two_commits: Tree, tmp_path: Path) -> Tree:
    """Give the test a copy of its own."""
    return two_commits.copy(tmp_path / "repository")


@pytest.fixture
def host(tmp_path: Path) -> Path:
    """Make a directory outside of the repository, with files of the same names."""
    place = tmp_path / "host"
    place.mkdir()
    for name in ("a.py", "f.txt", "g.txt", "untracked.txt"):
        (place / name).write_text(f"{SECRET}\n")
    return place


@pytest.fixture
def private(tmp_path: Path) -> Tree:
    """Make somebody else's repository."""
    tree = Tree.make(tmp_path / "private")
    tree.commit({"p.py": f"p = '{SECRET}'\n"}, SECRET)
    tree.commit({"q.py": f"q = '{SECRET}'\n"}, SECRET)
    return tree


async def test_s18_links_to_files_are_their_target(tree: Tree, host: Path) -> None:
    """A link shows where it leads, and never what is there."""
    tree.link("a.py", host / "a.py")
    tree.link("new.py", "../host/untracked.txt")
    tree.link("loop", "loop")
    tree.link("environment", "/proc/self/environ")
    assert SECRET in (tree.path / "a.py").read_text()

    change = await fetch(tree.path)
    files = await read(change, "a.py", "new.py", "loop", "environment")

    assert SECRET.encode() not in change.diff.render()
    assert change.diff.render() == tree.expected()
    assert files["a.py"].content == os.fsencode(host / "a.py")
    assert files["environment"].content == b"/proc/self/environ"


async def test_s18_links_to_directories_are_not_entered(tree: Tree, host: Path) -> None:
    """A directory that became a link is gone, with all its files."""
    tree.link("dir", host)
    tree.link("new", host)
    tree.link("root", "/")
    assert SECRET in (tree.path / "dir" / "f.txt").read_text()

    change = await fetch(tree.path)

    assert SECRET.encode() not in change.diff.render()
    assert paths(change) == {
        "dir": "added",
        "dir/f.txt": "deleted",
        "dir/g.txt": "deleted",
        "new": "added",
        "root": "added",
    }
    assert (await read(change, "dir/f.txt"))["dir/f.txt"].reason == "absent"


async def test_s18_a_link_below_the_change_after_it_was_read(tree: Tree, host: Path) -> None:
    """A directory that is swapped for a link between two calls is noticed."""
    tree.write({"dir/f.txt": f"{SECRET}\n"})
    change = await fetch(tree.path)
    tree.link("dir", host)

    assert (await read(change, "dir/f.txt"))["dir/f.txt"].content is None


async def test_s18_what_is_no_file_is_not_opened(tree: Tree) -> None:
    """FIFOs and sockets hold nobody up: a tracked file is gone, others are nothing."""
    tree.remove("a.py", "dir/f.txt")
    for name in ("a.py", "pipe", "dir/pipe", ".gitattributes", "dir/.gitignore"):
        os.mkfifo(tree.path / name)
    with socket.socket(socket.AF_UNIX) as listening:
        # Its address must be short, whatever the test's directory is.
        here = os.open(tree.path / "dir", os.O_RDONLY)
        listening.bind(f"/proc/self/fd/{here}/f.txt")
        os.close(here)

        async with asyncio.timeout(30):
            change = await fetch(tree.path)

    assert paths(change) == {"a.py": "deleted", "dir/f.txt": "deleted"}


def test_s18_plain_git_is_held_up_by_a_fifo(tree: Tree) -> None:
    """The control: plain git opens a FIFO in the place of a list of ignored names."""
    os.mkfifo(tree.path / ".gitignore")
    (tree.path / "new.py").write_text("")

    with pytest.raises(subprocess.TimeoutExpired):
        subprocess.run(
            ["git", "status"], cwd=tree.path, timeout=1, capture_output=True, check=False
        )


async def test_s18_rules_in_links_are_no_rules(tree: Tree, host: Path) -> None:
    """A link in the place of `.gitignore` is shown as one, and hides nothing."""
    (host / "rules").write_text("*\n")
    tree.link(".gitignore", host / "rules")
    tree.link(".gitattributes", host / "rules")
    tree.write({"new.py": "n = 1\n", "huge/.gitignore": "#" * 2_000_000 + "\n*\n", "huge/x.py": ""})

    assert set(paths(await fetch(tree.path, max_file_bytes=1000))) == {
        *(".gitattributes", ".gitignore", "huge/.gitignore", "huge/x.py", "new.py")
    }


async def test_s23_a_working_tree_elsewhere_is_not_followed(tree: Tree, host: Path) -> None:
    """`core.worktree` makes plain git print files of the host; here it is an error."""
    tree.git("config", "core.worktree", str(host))
    assert SECRET in tree.git("diff", "HEAD")

    with pytest.raises(ChangeUnavailableError, match="that setting is never followed"):
        await fetch(tree.path)
    assert (await fetch(tree.path, head="HEAD")).title == "Second"


def lead_git_file(tree: Tree, private: Tree) -> None:
    (tree.path / ".git").rename(tree.path.parent / "old.git")
    (tree.path / ".git").write_text(f"gitdir: {private.path / '.git'}\n")


def lead_git_link(tree: Tree, private: Tree) -> None:
    (tree.path / ".git").rename(tree.path.parent / "old.git")
    (tree.path / ".git").symlink_to(private.path / ".git")


def lead_objects(tree: Tree, private: Tree) -> None:
    (tree.path / ".git/objects").rename(tree.path.parent / "old-objects")
    (tree.path / ".git/objects").symlink_to(private.path / ".git/objects")
    take_head(tree, private)


def lead_one_folder(tree: Tree, private: Tree) -> None:
    private.git("repack", "-adq")
    (tree.path / ".git/objects/pack").rmdir()
    (tree.path / ".git/objects/pack").symlink_to(private.path / ".git/objects/pack")
    take_head(tree, private)


def lead_alternates(tree: Tree, private: Tree) -> None:
    (tree.path / ".git/objects/info/alternates").write_text(
        f"# borrowed\n\n{private.path / '.git/objects'}\n"
    )
    take_head(tree, private)


def lead_alternates_relative(tree: Tree, private: Tree) -> None:
    (tree.path / ".git/objects/info/alternates").write_text("../../../private/.git/objects\n")
    take_head(tree, private)


def lead_alternates_nested(tree: Tree, private: Tree) -> None:
    inner = tree.path / ".git/inner/info"
    inner.mkdir(parents=True)
    (inner / "alternates").write_text(f"{private.path / '.git/objects'}\n")
    (tree.path / ".git/objects/info/alternates").write_text(f"{inner.parent}\n")
    take_head(tree, private)


def lead_refs(tree: Tree, private: Tree) -> None:
    lead_alternates(tree, private)
    (tree.path / ".git/refs").rename(tree.path.parent / "old-refs")
    (tree.path / ".git/refs").symlink_to(private.path / ".git/refs")


def take_head(tree: Tree, private: Tree) -> None:
    commit = private.git("rev-parse", "HEAD")
    (tree.path / ".git/refs/heads/main").write_text(commit + "\n")
    (tree.path / ".git/index").unlink()  # its objects are not there


LEADS = {
    *(lead_git_file, lead_git_link, lead_objects, lead_one_folder, lead_refs),
    *(lead_alternates, lead_alternates_relative, lead_alternates_nested),
}


@pytest.mark.parametrize("lead", sorted(LEADS, key=lambda one: one.__name__))
@pytest.mark.parametrize("head", ["HEAD", WORKTREE])
async def test_s23_another_repository_of_the_host_is_not_shown(
    tree: Tree, private: Tree, lead: object, head: str
) -> None:
    """Plain git follows whatever leads out; here that needs the caller's trust."""
    assert callable(lead)
    lead(tree, private)
    assert SECRET in tree.git("log", "-1", "-p"), "the control: plain git shows it"

    with pytest.raises(ChangeUnavailableError, match=r"outside of it|does not name") as caught:
        await fetch(tree.path, head=head)
    assert "trust" in caught.value.message
    trusted = await fetch(tree.path, head=head, trusted=[private.path])

    assert SECRET.encode() in trusted.diff.render()


async def test_s23_a_repository_that_claims_to_be_a_linked_worktree(
    tree: Tree, private: Tree
) -> None:
    """`commondir` counts only where the other repository has such a working tree."""
    (tree.path / ".git/commondir").write_text(f"{private.path / '.git'}\n")
    take_head(tree, private)
    assert SECRET in tree.git("log", "-1", "-p", private.git("rev-parse", "HEAD"))

    with pytest.raises(ChangeUnavailableError, match="of which it is no linked worktree"):
        await fetch(tree.path, head="HEAD")


async def test_s23_a_quoted_alternate_is_refused(tree: Tree) -> None:
    """A form of path that is not understood is no path that may be read."""
    (tree.path / ".git/objects/info/alternates").write_text('"/etc\\057objects"\n')

    with pytest.raises(ChangeUnavailableError, match="quoted path"):
        await fetch(tree.path)


async def test_alternates_inside_and_missing_ones(tree: Tree) -> None:
    """Objects may be borrowed from a place inside of the repository."""
    store = tree.path / ".git/store"
    (tree.path / ".git/objects").rename(store)
    (tree.path / ".git/objects/info").mkdir(parents=True)
    (tree.path / ".git/objects/info/alternates").write_text("../store\n../no-such-place\n")

    assert (await fetch(tree.path, head="HEAD")).title == "Second"


@pytest.mark.parametrize("rule", ["", "sub/\n"])
async def test_s23_a_git_file_inside_the_tree_that_leads_out(
    tree: Tree, private: Tree, rule: str
) -> None:
    """Nobody looks at a repository elsewhere for a directory of the tree, ignored or not."""
    tree.write({"sub/.git": f"gitdir: {private.path / '.git'}\n"})
    tree.write({".gitignore": rule})
    if rule:
        assert paths(await fetch(tree.path)) == {".gitignore": "added"}
    else:
        with pytest.raises(ChangeUnavailableError, match="does not name"):
            await fetch(tree.path)
        trusted = await fetch(tree.path, trusted=(str(private.path),))
        assert paths(trusted)["sub"] == "added"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
async def test_s23_a_repository_that_somebody_has_put_above(tree: Tree) -> None:
    """A repository of another user is reviewed when it is named, not when it is stumbled on."""
    os.chown(tree.path / ".git", 12345, 12345)

    with pytest.raises(ChangeUnavailableError, match="of another user"):
        await fetch(tree.path / "dir")
    assert (await fetch(tree.path)).diff.units == ()
    os.chown(tree.path / "dir", 12345, 12345)
    assert (await fetch(tree.path / "dir")).diff.units == ()


async def test_a_git_entry_that_is_no_file_is_passed_over(tree: Tree) -> None:
    """A FIFO called `.git` makes no repository, and is not opened."""
    os.mkfifo(tree.path / "dir" / ".git")

    assert (await fetch(tree.path / "dir")).target == str(tree.path)


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="needs a second file system")
async def test_the_search_ends_at_the_file_system() -> None:
    """As for git, a repository is not looked for on the file system above."""
    with pytest.raises(ChangeUnavailableError, match="is not in a git repository"):
        await fetch("/proc/sys")
