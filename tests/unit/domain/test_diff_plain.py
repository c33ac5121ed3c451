"""Plain `diff -u` and `diff -r` output, notices, and combined diffs."""

from __future__ import annotations

import pytest
from diff_reading import only, refusal

from codeflow_engine.domain.diff import Diff, FileStatus, Unit

BODY = b"@@ -1 +1 @@\n-a\n+b\n"
STAMP = b"2026-01-02 03:04:05.678901234 +0100"
EPOCH = b"1970-01-01 00:00:00.000000000 +0000"


def plain(old: bytes, new: bytes, body: bytes = BODY) -> bytes:
    """Write a plain entry with these names and timestamps."""
    return b"--- " + old + b"\n+++ " + new + b"\n" + body


@pytest.mark.parametrize(
    ("old", "new", "paths"),
    [
        (b"a/x", b"b/x", ("x", "x")),
        (b"x", b"x", ("x", "x")),
        (b"x\t" + STAMP, b"x\t" + STAMP, ("x", "x")),
        (b"my x\t" + STAMP, b"my x\t" + STAMP, ("my x", "my x")),
        (b"one/sub/x\t" + STAMP, b"two/sub/x\t" + STAMP, ("sub/x", "sub/x")),
        (b"/old/tree/sub/x", b"/new/sub/x", ("sub/x", "sub/x")),
        (b"../other/x", b"./x", ("x", "x")),
        (b"x", b"new/x", ("x", "x")),
        (b"x.orig", b"x", ("x.orig", "x")),
        (b"a/x", b"b/y", ("x", "y")),
        (b"x\t(revision 5)", b"x\t(working copy)", ("x", "x")),
        (b'"one/t\\tab"\t' + STAMP, b'"two/t\\tab"\t' + STAMP, ("t\tab", "t\tab")),
        (b"one/\xff", b"two/\xff", ("\udcff", "\udcff")),
    ],
)
def test_plain_names_lose_what_differs_before_them(
    old: bytes, new: bytes, paths: tuple[str, str]
) -> None:
    """A plain entry's paths are what both names end in, without timestamps."""
    file = only(plain(old, new))

    assert (file.old_path, file.new_path) == paths
    assert (file.status, file.old_mode, file.old_id) == (FileStatus.MODIFIED, None, None)


@pytest.mark.parametrize(
    ("old", "new", "body", "status", "path"),
    [
        (b"/dev/null", b"b/x", b"@@ -0,0 +1 @@\n+a\n", FileStatus.ADDED, "x"),
        (b"/dev/null\t" + STAMP, b"src/x", b"@@ -0,0 +1 @@\n+a\n", FileStatus.ADDED, "src/x"),
        (b"a/x", b"/dev/null", b"@@ -1 +0,0 @@\n-a\n", FileStatus.DELETED, "x"),
        (b"a/", b"/dev/null", b"@@ -1 +0,0 @@\n-a\n", FileStatus.DELETED, "a/"),
        (b"one/x\t" + EPOCH, b"two/x\t" + STAMP, b"@@ -0,0 +1 @@\n+a\n", FileStatus.ADDED, "x"),
        (b"one/x\t" + STAMP, b"two/x\t" + EPOCH, b"@@ -1 +0,0 @@\n-a\n", FileStatus.DELETED, "x"),
        (
            b"one/x\t1969-12-31 19:00:00 -0500",
            b"two/x\t" + STAMP,
            b"@@ -0,0 +1 @@\n+a\n",
            FileStatus.ADDED,
            "x",
        ),
        (b"x\t(nonexistent)", b"x\t(revision 2)", b"@@ -0,0 +1 @@\n+a\n", FileStatus.ADDED, "x"),
        (b"x\t(revision 2)", b"x\t(nonexistent)", b"@@ -1 +0,0 @@\n-a\n", FileStatus.DELETED, "x"),
    ],
)
def test_a_missing_side_is_told_in_plain_output(
    old: bytes, new: bytes, body: bytes, status: FileStatus, path: str
) -> None:
    """`/dev/null`, the epoch of `diff -N`, and Subversion's word mean that a side is missing."""
    file = only(plain(old, new, body))

    missing = file.old_path if status is FileStatus.ADDED else file.new_path
    assert (file.status, file.path, missing) == (status, path, None)


@pytest.mark.parametrize(
    ("stamp", "body"),
    [
        (EPOCH, BODY),
        (EPOCH, b"@@ -0,0 +1 @@\n+a\n@@ -5 +6 @@\n-a\n+b\n"),
        (b"1970-01-01 00:00:00.000000001 +0000", b"@@ -0,0 +1 @@\n+a\n"),
        (b"1970-01-01 00:00:00 +0100", b"@@ -0,0 +1 @@\n+a\n"),
        (b"1970-01-01 24:61:00 +0000", b"@@ -0,0 +1 @@\n+a\n"),
        (b"1970-01-01", b"@@ -0,0 +1 @@\n+a\n"),
        (STAMP, b"@@ -0,0 +1 @@\n+a\n"),
        (b"", b"@@ -0,0 +1 @@\n+a\n"),
    ],
)
def test_a_side_that_is_there_is_not_taken_for_missing(stamp: bytes, body: bytes) -> None:
    """A file stamped with the epoch that has lines, or an empty file, exists."""
    file = only(plain(b"one/x\t" + stamp, b"two/x\t" + STAMP, body))

    assert (file.old_path, file.status) == ("x", FileStatus.MODIFIED)


def test_the_command_line_belongs_to_its_entry() -> None:
    """A `diff -u` line above the marks is the entry's first line."""
    command = b"diff -u -r one/x two/x\n"

    file = only(command + plain(b"one/x\t" + STAMP, b"two/x\t" + STAMP))

    assert (file.path, file.span.start) == ("x", 0)


RECURSIVE = b"diff -ru one/x two/x\n" + plain(b"one/x\t" + STAMP, b"two/x\t" + STAMP)


@pytest.mark.parametrize(
    ("notice", "old", "new"),
    [
        (b"Only in two/sub: new file", "two/sub/new file", "two/sub/new file"),
        (b"Files one/x and two/x differ", "x", "x"),
        (b"Files one/a and b and two/a and b differ", "a and b", "a and b"),
        (b"Symbolic links one/l and two/l differ", "l", "l"),
        (b"File one/t is a directory while file two/t is a regular file", "t", "t"),
        (b"File a is a fifo while file b is a regular empty file", "a", "b"),
    ],
)
@pytest.mark.parametrize("before", [b"", RECURSIVE])
@pytest.mark.parametrize("after", [b"", RECURSIVE])
def test_a_notice_is_an_entry_that_cannot_be_seen(
    notice: bytes, old: str, new: str, before: bytes, after: bytes
) -> None:
    """What `diff -r` tells in a sentence is an entry with a reason, and a unit."""
    diff = Diff.parse(before + notice + b"\n" + after)

    file = diff.files[1 if before else 0]
    assert file.render() == notice + b"\n"
    assert (file.old_path, file.new_path, file.status) == (old, new, FileStatus.UNKNOWN)
    assert file.unsupported
    assert Unit(file=1 if before else 0, hunk=None) in diff.units
    assert len(diff.files) == 1 + bool(before) + bool(after)


def test_a_binary_notice_of_gnu_diff_is_a_binary_file() -> None:
    """`Binary files A and B differ` is an entry of its own in plain output."""
    first, second = Diff.parse(
        b"Binary files one/x and two/x differ\nBinary files /dev/null and b/y differ\n"
    ).files

    assert (first.path, first.is_binary, first.unsupported) == ("x", True, None)
    assert (second.old_path, second.new_path) == ("/dev/null", "y")


@pytest.mark.parametrize(
    "line",
    [
        b"Only in tests we use this.",
        b"Files are read here.",
        b"Binary files differ",
        b"Files a, b, and c, and d differ",
        b"File names are bytes.",
    ],
)
def test_a_sentence_that_begins_like_a_notice_is_free_text(line: bytes) -> None:
    """A line is a notice only if it has all of a notice's words."""
    (file,) = Diff.parse(line + b"\n" + plain(b"a/x", b"b/x")).files

    assert file.path == "x"


def test_a_notice_below_free_text_is_free_text() -> None:
    """A commit message may well say `Only in tests: ...`."""
    (file,) = Diff.parse(b"Subject: x\n\nOnly in tests: x\n" + plain(b"a/x", b"b/x")).files

    assert file.path == "x"


@pytest.mark.parametrize(
    ("line", "status", "ids"),
    [
        (b"Submodule sub 1234567..89abcde:", FileStatus.MODIFIED, ("1234567", "89abcde")),
        (b"Submodule sub 1234567...89abcde (rewind):", FileStatus.MODIFIED, ("1234567", "89abcde")),
        (b"Submodule sub 0000000...89abcde (new submodule)", FileStatus.ADDED, (None, "89abcde")),
        (
            b"Submodule sub 89abcde...0000000 (submodule deleted)",
            FileStatus.DELETED,
            ("89abcde", None),
        ),
        (b"Submodule sub contains modified content", FileStatus.MODIFIED, (None, None)),
    ],
)
def test_a_submodule_summary_is_an_entry(
    line: bytes, status: FileStatus, ids: tuple[str | None, str | None]
) -> None:
    """`diff --submodule=log` shows a summary, which cannot be reviewed and is not lost."""
    diff = Diff.parse(b"commit 1234\n\n    text\n\n" + line + b"\n  > a commit of it\n")

    (file,) = diff.files
    assert (file.path, file.status, (file.old_id, file.new_id)) == ("sub", status, ids)
    assert file.is_submodule
    assert file.unsupported
    assert file.render() == line + b"\n"


@pytest.mark.parametrize("words", [b"* Unmerged path ", b"Property changes on: "])
def test_a_path_without_its_content_is_an_entry(words: bytes) -> None:
    """A conflict and a Subversion property change name a path, which is accounted for."""
    first, second = Diff.parse(plain(b"a/x", b"b/x") + b"\n" + words + b"src/my file\n").files

    assert (first.path, second.path) == ("x", "src/my file")
    assert second.unsupported


@pytest.mark.parametrize("line", [b"Submodule is a word", b"Submodule x 12..34"])
def test_a_sentence_about_submodules_is_free_text(line: bytes) -> None:
    """A line about submodules without two commit ids is no entry."""
    (file,) = Diff.parse(line + b"\n" + plain(b"a/x", b"b/x")).files

    assert file.path == "x"


def test_an_unknown_line_of_a_recursive_diff_is_refused() -> None:
    """`Nur in neu: x` may name a file that nothing else does; it is no free text."""
    error = refusal(RECURSIVE + b"Nur in neu: x\n")

    assert error.line == 7
    assert "LC_ALL=C" in error.message


@pytest.mark.parametrize(
    "command", [b"diff -ru", b"diff -u -r", b"diff --recursive -u", b"diff -Naur -x '*.o'"]
)
def test_every_way_to_ask_for_recursion_is_known(command: bytes) -> None:
    """The rule about unknown lines holds for every spelling of `-r`."""
    refusal(command + RECURSIVE.removeprefix(b"diff -ru") + b"Nur in neu: x\n")


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"\nfree text\n",
        b"-- \nsignature\n",
        b"Common subdirectories: one/s and two/s\n",
        b"Index: y\n",
    ],
)
def test_known_lines_may_follow_a_recursive_diff(text: bytes) -> None:
    """Blank lines, signatures and the lines of GNU diff itself are no error."""
    assert len(Diff.parse(RECURSIVE + text).files) == 1


def test_free_text_may_follow_a_plain_entry_of_another_tool() -> None:
    """Without GNU's timestamps a line below a hunk is free text."""
    text = b"diff -r 1234 x\n" + plain(b"a/x\tThu Jan 01 00:00:00 1970 +0000", b"b/x\tnow")

    assert len(Diff.parse(text + b"changeset: 2\n").files) == 1


@pytest.mark.parametrize(
    "text",
    [
        b"*** one/x\t2026\n--- two/x\t2026\n***************\n*** 1 ****\n! a\n--- 1 ----\n! b\n",
        b"diff -r one/x two/x\n2c2\n< b\n---\n> c\n",
        b"1,2d0\n< a\n< b\n",
        b"0a1,2\n> a\n",
    ],
)
def test_other_formats_are_refused(text: bytes) -> None:
    """Context and normal diffs are refused by name, also below a unified one."""
    for data in (text, plain(b"a/x", b"b/x") + text):
        assert "only unified diffs are read" in refusal(data).message


@pytest.mark.parametrize("title", [b"diff --cc sub/x", b"diff --combined sub/x"])
def test_a_combined_diff_is_an_entry_without_hunks(title: bytes) -> None:
    """A merge's combined diff is stepped over whole, whatever its lines look like."""
    combined = title + (
        b"\nindex 2922a53,7b3d5b7..e86789c\n--- a/sub/x\n+++ b/sub/x\n"
        b"@@@ -1,5 -1,5 +1,7 @@@ def f():\n  1\n  \n- -- a/x\n- y\n -3\n++++ b/x\n"
        b"++diff --git a/z b/z\n+ \n -x\n +3\n++q\n\\ No newline at end of file\n"
    )
    diff = Diff.parse(combined + plain(b"a/y", b"b/y"))

    file, after = diff.files
    assert (file.path, file.status, len(file.hunks)) == ("sub/x", FileStatus.MODIFIED, 0)
    assert "combined diff" in str(file.unsupported)
    assert (file.render(), after.path) == (combined, "y")
    assert diff.units[0] == Unit(file=0, hunk=None)


def test_the_counts_of_a_combined_hunk_are_not_believed() -> None:
    """Git counts lines of a parent that it then does not show."""
    combined = (
        b"diff --cc x\nindex 1,2..3\n--- a/x\n+++ b/x\n@@@ -16,8 -17,7 +16,8 @@@\n  a\n  b\n  c\n"
        b" +d\n+ e\n  f\n  g\n  h\n"
    )

    (file,) = Diff.parse(combined + b"\ncommit 1\n").files

    assert file.render() == combined


def test_a_marker_inside_a_combined_hunk_is_stepped_over() -> None:
    """Each parent may lack the newline at its end."""
    only(
        b"diff --cc x\nindex 1,2..3\n--- a/x\n+++ b/x\n@@@ -1 -1 +1 @@@\n- a\n"
        b"\\ No newline at end of file\n -b\n\\ No newline at end of file\n++c\n"
    )


@pytest.mark.parametrize(
    ("lines", "status", "modes"),
    [
        (b"mode 100644,100644..100755\n", FileStatus.MODIFIED, (None, None)),
        (b"new file mode 100644\n", FileStatus.ADDED, (None, "100644")),
        (b"deleted file mode 100644,100755\n", FileStatus.DELETED, ("100755", None)),
    ],
)
def test_a_combined_header_gives_the_status(
    lines: bytes, status: FileStatus, modes: tuple[str | None, str | None]
) -> None:
    """A file that a merge adds or deletes is told so."""
    file = only(b"diff --cc x\nindex 1,2..3\n" + lines + b"Binary files differ\n")

    assert (file.status, (file.old_mode, file.new_mode)) == (status, modes)
    assert file.is_binary


@pytest.mark.parametrize(
    ("hunk", "line", "word"),
    [
        (b"@@ -1 +1 @@\n-a\n+b\n", 2, "malformed header of a combined hunk"),
        (b"@@@ -1 -1 +1 @@\n", 2, "malformed header of a combined hunk"),
        (b"@@@ -1 +1 @@@\n", 2, "malformed header of a combined hunk"),
        (b"@@@ -1 -1 +1 @@@\n", 3, "without lines"),
        (b"@@@ -1 -1 +1 @@@\nfree text\n", 3, "without lines"),
        (b"@@@ -1 -1 +1 @@@\n--a\n++b\n+c\n", 5, "more lines"),
        (b"@@@ -1 -1 +1 @@@\n--a\n++b\n--- a/x\n+++ b/x\n@@ @@\n", 7, "malformed"),
    ],
)
def test_a_broken_combined_diff_is_refused(hunk: bytes, line: int, word: str) -> None:
    """A combined hunk has a header for its parents, and lines marked for each of them."""
    error = refusal(b"diff --cc x\n" + hunk)

    assert (error.line, word in error.message) == (line, True)
