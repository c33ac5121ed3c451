"""Applying an entry's hunks to the old content."""

from __future__ import annotations

import pytest

from codeflow_engine.domain.diff import Diff, DiffFile, apply
from codeflow_engine.errors import DiffError

HEAD = b"--- a/x\n+++ b/x\n"
MARKER = b"\\ No newline at end of file\n"


def entry(body: bytes) -> DiffFile:
    """Parse an entry of these hunks."""
    (file,) = Diff.parse(HEAD + body).files
    return file


@pytest.mark.parametrize(
    ("body", "old", "new"),
    [
        (b"@@ -1,3 +1,3 @@\n a\n-b\n+c\n d\n", b"a\nb\nd\n", b"a\nc\nd\n"),
        (b"@@ -2 +2 @@\n-b\n+c\n", b"a\nb\nd\n", b"a\nc\nd\n"),
        (b"@@ -0,0 +1 @@\n+z\n", b"a\n", b"z\na\n"),
        (b"@@ -1,0 +2 @@\n+z\n", b"a\nb\n", b"a\nz\nb\n"),
        (b"@@ -2,0 +3 @@\n+z\n", b"a\nb\n", b"a\nb\nz\n"),
        (b"@@ -1,2 +0,0 @@\n-a\n-b\n", b"a\nb\nc\n", b"c\n"),
        (b"@@ -1 +0,0 @@\n-a\n@@ -3 +2 @@\n-c\n+d\n", b"a\nb\nc\n", b"b\nd\n"),
        (b"@@ -1 +1 @@\n-a\n" + MARKER + b"+a\n", b"a", b"a\n"),
        (b"@@ -1 +1 @@\n-a\n+a\n" + MARKER, b"a\n", b"a"),
        (b"@@ -2 +2 @@\n-b\n" + MARKER + b"+c\n" + MARKER, b"a\nb", b"a\nc"),
        (b"@@ -1,2 +1 @@\n a\n-b\n", b"a\nb\n", b"a\n"),
        (b"@@ -1 +1 @@\n-a\n+b\n", b"a\nlast", b"b\nlast"),
        (b"@@ -1 +1 @@\n-a\r\n+\xff\f\n", b"a\r\n", b"\xff\f\n"),
        (b"@@ -1,2 +1,2 @@\n\n-b\n+c\n", b"\nb\n", b"\nc\n"),
        (b"@@ -1 +1 @@\n-a\n+b", b"a\n", b"b\n"),
    ],
)
def test_hunks_make_the_new_content(body: bytes, old: bytes, new: bytes) -> None:
    """Hunks that fit give the new content byte for byte."""
    assert apply(entry(body), old) == new


@pytest.mark.parametrize(
    ("body", "old", "word"),
    [
        (b"@@ -1,2 +1 @@\n a\n-b\n", b"a\nc\n", "differs"),
        (b"@@ -1 +1 @@\n-a\n+b\n", b"a", "differs"),
        (b"@@ -2 +2 @@\n-a\n+b\n", b"a\na", "differs"),
        (b"@@ -1 +1 @@\n-a\n+b\n", b"", "differs"),
        (b"@@ -5 +5 @@\n-a\n+b\n", b"a\n", "too few lines"),
        (b"@@ -2,0 +3 @@\n+b\n", b"a\n", "too few lines"),
        (b"@@ -1 +2 @@\n-a\n+b\n", b"a\n", "would begin at 1"),
        (b"@@ -1 +1,2 @@\n-a\n+b\n+c\n@@ -3 +3 @@\n-c\n+d\n", b"a\nb\nc\n", "would begin at 4"),
        (b"@@ -1 +1 @@\n-a\n" + MARKER + b"+b\n", b"a\nc\n", "goes on"),
        (b"@@ -1 +1 @@\n-a\n+b\n" + MARKER, b"a\nc\n", "goes on"),
        (b"@@ -1,2 +1 @@\n a\n" + MARKER + b"-b\n", b"a\nb\n", "old side goes on"),
        (b"@@ -1,0 +2 @@\n+b\n", b"a", "no newline"),
    ],
)
def test_hunks_that_do_not_fit_are_refused(body: bytes, old: bytes, word: str) -> None:
    """Nothing is searched for: other content, place or end is an error."""
    with pytest.raises(DiffError) as caught:
        apply(entry(body), old)

    assert word in caught.value.message
    assert caught.value.line >= 3


def test_the_error_names_the_line_of_the_hunk() -> None:
    """The error of a hunk that does not fit carries the line of its header in the diff."""
    file = entry(b"@@ -1 +1 @@\n-a\n+b\n@@ -3 +3 @@\n-x\n+y\n")

    with pytest.raises(DiffError) as caught:
        apply(file, b"a\nb\nc\n")

    assert caught.value.line == 6


def test_an_entry_without_hunks_keeps_the_content() -> None:
    """A rename or a mode change leaves the content as it is."""
    (file,) = Diff.parse(b"diff --git a/x b/x\nold mode 100644\nnew mode 100755\n").files

    assert apply(file, b"any\0thing") == b"any\0thing"


def test_an_added_file_has_no_old_content() -> None:
    """A file cannot be added where content is."""
    (file,) = Diff.parse(b"--- /dev/null\n+++ b/x\n@@ -0,0 +1 @@\n+a\n").files

    assert apply(file, b"") == b"a\n"
    with pytest.raises(DiffError, match="added, but has old content"):
        apply(file, b"b\n")


def test_a_deleted_file_leaves_nothing() -> None:
    """A file is deleted only with all of its content."""
    (file,) = Diff.parse(b"--- a/x\n+++ /dev/null\n@@ -1 +0,0 @@\n-a\n").files

    assert apply(file, b"a\n") == b""
    with pytest.raises(DiffError, match="content is left"):
        apply(file, b"a\nb\n")


@pytest.mark.parametrize(
    ("data", "word"),
    [
        (b"diff --git a/x b/x\nindex 1..2 100644\nBinary files a/x and b/x differ\n", "binary"),
        (b"diff --git a/x b/x\nindex 1..2 100644\n", "without showing it"),
        (b"diff --cc x\n@@@ -1 -1 +1 @@@\n--a\n++b\n", "combined"),
        (b"Only in b: x\n", "only one side"),
    ],
)
def test_what_is_not_shown_cannot_be_applied(data: bytes, word: str) -> None:
    """Binary, combined and hidden changes are refused, never passed through."""
    (file,) = Diff.parse(data).files

    with pytest.raises(DiffError, match=word):
        apply(file, b"a\n")
