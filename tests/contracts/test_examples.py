"""The example changes are what they say: their diffs are git's own, byte for byte."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from git_examples import commit_example, run_git

from codeflow_engine.domain.diff import Side, apply
from codeflow_engine.testing.examples import EXAMPLES, TOGETHER, Example, named
from codeflow_engine.testing.examples import shipped


@pytest.mark.parametrize("example", [*EXAMPLES, TOGETHER], ids=lambda example: example.name)
def test_git_writes_the_same_diff(example: Example, tmp_path: Path) -> None:
    """The diff of an example is the one that git makes of its trees."""
    place = tmp_path / "repository"
    commit_example(example, place)

    written = run_git(
        place,
        *("-c", "core.quotePath=false", "diff", "--full-index", "--find-renames"),
        *("main", "topic"),
    )

    assert example.diff.render().decode("utf-8", "surrogateescape") == written.decode(
        "utf-8", "surrogateescape"
    )
