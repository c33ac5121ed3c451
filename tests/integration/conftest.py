"""What several tests of the git backend and of hostile changes stand on."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from git_trees import Tree
from hostile_repository import Hostile, build
from hostile_runs import Listener


@pytest.fixture(scope="module")
def listener() -> Iterator[Listener]:
    """Wait where every address of the repository leads."""
    with Listener() as listener:
        yield listener


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory, listener: Listener) -> Iterator[Hostile]:
    """Build the repository, which no review changes."""
    made = build(tmp_path_factory.mktemp("hostile"), port=listener.port)
    yield made
    made.close()


@pytest.fixture(scope="module")
def two_commits(tmp_path_factory: pytest.TempPathFactory) -> Tree:
    """Make a repository with two commits."""
    tree = Tree.make(tmp_path_factory.mktemp("made") / "repository")
    tree.commit({"a.py": "a = 1\n", "dir/f.txt": "f\n", "dir/g.txt": "g\n"}, "First")
    tree.commit({"a.py": "a = 2\n"}, "Second")
    return tree
