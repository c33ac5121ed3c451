"""Objects that lead out of a repository, one by one: git follows them, a review does not."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from git_trees import Tree

from codeflow_engine import Engine
from codeflow_engine.errors import ChangeUnavailableError

SECRET = "of somebody else"  # noqa: S105 - it stands for one


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Tree:
    """Make a repository with two commits."""
    tree = Tree.make(tmp_path_factory.mktemp("made") / "repository")
    tree.commit({"a.py": "a = 1\n"}, "First")
    tree.commit({"a.py": "a = 2\n"}, "Second")
    return tree


@pytest.fixture
def tree(made: Tree, tmp_path: Path) -> Tree:
    """Give the test a copy of its own."""
    return made.copy(tmp_path / "repository")


@pytest.fixture
def private(tmp_path: Path) -> Tree:
    """Make somebody else's repository."""
    tree = Tree.make(tmp_path / "private")
    tree.commit({"p.py": f"p = '{SECRET}'\n"}, "First")
    tree.commit({"q.py": f"q = '{SECRET}'\n"}, "Second")
    return tree


def link_loose(tree: Tree, private: Tree) -> None:
    for path in (private.path / ".git/objects").glob("??/*"):
        place = tree.path / ".git/objects" / path.parent.name
        place.mkdir(exist_ok=True)
        if not (place / path.name).exists():
            (place / path.name).symlink_to(path)


def link_packs(tree: Tree, private: Tree) -> None:
    private.git("repack", "-adq")
    for path in (private.path / ".git/objects/pack").iterdir():
        (tree.path / ".git/objects/pack" / path.name).symlink_to(path)


@pytest.mark.parametrize("lead", [link_loose, link_packs], ids=["loose", "packs"])
@pytest.mark.parametrize("head", ["HEAD", ":worktree"])
def test_s18_s23_links_among_the_objects_show_no_other_repository(
    tree: Tree, private: Tree, lead: Callable[[Tree, Tree], None], head: str
) -> None:
    """Each object and each pack has to lie in the repository, or in a place that is trusted."""
    lead(tree, private)
    (tree.path / ".git/refs/heads/main").write_text(private.git("rev-parse", "HEAD") + "\n")
    (tree.path / ".git/index").unlink()
    assert SECRET in tree.git("log", "-1", "-p"), "the control: plain git shows it"

    with (
        Engine(analyzers=[]) as engine,
        pytest.raises(ChangeUnavailableError, match="outside of it"),
    ):
        engine.review(tree.path, head=head)


def test_s18_a_fifo_among_the_objects_holds_nobody_up(tree: Tree) -> None:
    """Git would wait at it for ever; here it is an error before git is started."""
    blob = tree.git("rev-parse", "HEAD:a.py")
    place = tree.path / ".git/objects" / blob[:2] / blob[2:]
    place.unlink()
    os.mkfifo(place)

    with (
        Engine(analyzers=[]) as engine,
        pytest.raises(ChangeUnavailableError, match="is not a regular file"),
    ):
        engine.review(tree.path, head="HEAD")


def test_s18_s23_an_index_of_packs_is_not_believed(tree: Tree, tmp_path: Path) -> None:
    """It names packs, and git takes a name for a path: one outside is read by git alone."""
    tree.git("repack", "-adq")
    tree.git("multi-pack-index", "write")
    folder = tree.path / ".git/objects/pack"
    (name,) = (path.name for path in folder.glob("*.idx"))
    outside = f"../../../../{'o' * (len(name) - len('../../../../.idx'))}"
    index = folder / "multi-pack-index"
    index.chmod(0o600)
    index.write_bytes(index.read_bytes().replace(name.encode(), f"{outside}.idx".encode()))
    for path in folder.glob("pack-*"):
        path.rename(folder / f"{outside}{path.suffix}")
    assert tree.git("cat-file", "-p", "HEAD:a.py") == "a = 2", "the control: plain git follows it"
    assert sorted(path.suffix for path in tmp_path.glob("ooo*")) == [".idx", ".pack"]

    with (
        Engine(analyzers=[]) as engine,
        pytest.raises(ChangeUnavailableError, match="no commit"),
    ):
        engine.review(tree.path, head="HEAD")
