"""The example changes are what they say: their diffs are git's own, byte for byte."""

from __future__ import annotations

from pathlib import Path

import pytest
from git_examples import commit_example, run_git

from codeflow_engine.domain.diff import Diff, FileStatus, Side
from codeflow_engine.testing.contracts.vcs.published import shortcomings
from codeflow_engine.testing.examples import (
    EXAMPLES,
    LINK,
    SUBMODULE,
    TOGETHER,
    Example,
    ExampleFile,
    named,
    shipped,
    together,
)

ALL = [*EXAMPLES, TOGETHER]


@pytest.mark.parametrize("example", ALL, ids=lambda example: example.name)
def test_the_diff_of_an_example_is_the_one_that_git_makes(example: Example, tmp_path: Path) -> None:
    """Names, modes, ids, similarity, hunks and their headings: all of it."""
    commit_example(example, tmp_path / "repository")

    written = run_git(
        tmp_path / "repository",
        *("-c", "core.quotePath=false", "diff", "--full-index", "--find-renames"),
        *("main", "topic"),
    )

    assert example.diff.render() == written


@pytest.mark.parametrize("example", ALL, ids=lambda example: example.name)
def test_the_diff_of_an_example_makes_its_head_of_its_base(example: Example) -> None:
    """By the engine's own reading of it."""
    assert [*shortcomings(example, example.diff)] == []


TEXT = ExampleFile.of("a = 1\n")
OTHER = ExampleFile.of("a = 2\n")
LINKED = ExampleFile.of("a", LINK)


def change(base: dict[str, ExampleFile], head: dict[str, ExampleFile]) -> Example:
    return Example(name="x", base=base, head=head)


@pytest.mark.parametrize(
    ("told", "complaint"),
    [
        (change({}, {}), "'a' was changed or removed, and no entry says so"),
        (change({}, {"a": OTHER}), "'a' was changed or removed, and no entry says so"),
        (change({"a": TEXT}, {}), "'a' was changed or added, and no entry says so"),
        (change({"a": TEXT}, {"a": TEXT, "b": TEXT}), "'b' has a side that the change does not"),
        (change({"a": OTHER}, {"a": TEXT}), "'a': line 5: the hunk does not apply"),
        (change({"a": TEXT}, {"a": LINKED}), "'a' has the mode 100644, not 120000"),
        (
            change({"a": ExampleFile(content=b"\0")}, {"a": OTHER}),
            "'a' is a text, and is shown as binary",
        ),
        (
            change({"a": TEXT}, {"a": ExampleFile.of("a = 3\n")}),
            "'a' becomes something else by its hunks",
        ),
        (
            change({"a": TEXT, "same": OTHER}, {"a": OTHER, "same": TEXT}),
            "'same' has an entry, and is what it was",
        ),
    ],
)
def test_what_a_diff_falls_short_of_is_told(told: Example, complaint: str) -> None:
    """Each way in which a diff can be wrong about a change has its sentence."""
    true = change({"a": TEXT, "same": TEXT}, {"a": OTHER, "same": TEXT})

    said = list(shortcomings(true, told.diff))

    assert any(one.startswith(complaint) for one in said), said


def test_a_mode_that_is_not_told_falls_short() -> None:
    """A link that comes looks like a file where the diff does not say."""
    true = change({}, {"a": LINKED})
    plain = Diff.parse(b"--- /dev/null\n+++ b/a\n@@ -0,0 +1 @@\n+a\n\\ No newline at end of file\n")

    assert [*shortcomings(true, plain)] == ["'a' comes with a mode that is not told"]
    assert [*shortcomings(true, true.diff)] == []


def test_the_examples_hold_what_a_change_may_hold() -> None:
    """Every status, mode and kind of entry that a backend has to know is in one of them."""
    files = list(TOGETHER.diff.files)

    assert {file.status for file in files} >= {
        *(FileStatus.ADDED, FileStatus.DELETED, FileStatus.MODIFIED),
        *(FileStatus.RENAMED, FileStatus.MODE_CHANGED),
    }
    assert {file.new_mode for file in files} >= {"100644", "100755", "120000", "160000"}
    for quality in ("is_binary", "is_symlink", "is_submodule"):
        assert any(getattr(file, quality) for file in files)
    assert any(line.no_newline for file in files for hunk in file.hunks for line in hunk.lines)


def test_every_example_has_a_name_and_is_documented() -> None:
    """It is found by its name, which the table of the module explains."""
    names = [example.name for example in EXAMPLES]

    assert len(set(names)) == len(names)
    for example in ALL:
        assert named(example.name) is example
    for name in names:
        assert f"`{name}`" in (shipped.__doc__ or "")
    with pytest.raises(KeyError):
        named("none of them")


def test_an_authors_own_example_is_worked_out_in_the_same_way() -> None:
    """Two trees are all that it takes; in a change of several it has a directory of its name."""
    base = {"a.sql": ExampleFile.of("SELECT 1;\n")}
    mine = Example(name="mine", base=base, head={"a.sql": ExampleFile.of("SELECT *;\n")})

    assert [(one.path, one.added, one.deleted) for one in mine.diff.files] == [("a.sql", 1, 1)]
    both = together("both", [mine, named("new-file")])
    assert {one.path for one in both.diff.files} == {"mine/a.sql", "new-file/src/deep/new.py"}


def test_revisions_are_those_of_the_trees() -> None:
    """Equal trees have equal ids, as in git."""
    nothing, edit = named("nothing"), named("edit")

    assert nothing.revisions[0] == nothing.revisions[1]
    assert edit.revisions[0] != edit.revisions[1]
    assert (edit.change().base, edit.change().head) == edit.revisions


async def test_an_example_reads_its_files_as_a_host_does() -> None:
    """Content, or a reason; only what is absent does not exist."""
    example = named("submodule")

    kept, moved, folder, none = await example.read_files(
        ["kept.py", "vendor/moved", "vendor", "none"], Side.NEW
    )

    assert kept.content == example.head["kept.py"].content
    assert (moved.content, moved.mode, moved.exists) == (None, SUBMODULE, True)
    assert (folder.content, folder.exists) == (None, True)
    assert (none.content, none.exists) == (None, False)
    assert all(file.reason for file in (moved, folder, none))
    assert example.read("kept.py", Side.NEW, limit=3).reason == "larger than 3 bytes"


async def test_a_bare_patch_has_no_files_around_it() -> None:
    """As in the engine, every file of it is absent."""
    analysis = named("edit").analysis(bare=True)

    (file,) = await analysis.read_files(["README.md"], Side.NEW)

    assert analysis.change.provider is None
    assert (file.content, file.exists) == (None, False)
