"""The names in git's headers: prefixes, spaces, quotes, and bytes of any encoding."""

from __future__ import annotations

import pytest
from diff_reading import only, refusal

from codeflow_engine.domain.diff import FileStatus

BODY = b"@@ -1 +1 @@\n-a\n+b\n"


@pytest.mark.parametrize(
    ("title", "old", "new"),
    [
        (b"a/x b/x", "x", "x"),
        (b"x x", "x", "x"),
        (b"a/x a/x", "a/x", "a/x"),
        (b"i/x w/x", "x", "x"),
        (b"c/d/x i/d/x", "d/x", "d/x"),
        (b"b/x a/x", "x", "x"),
        (b"before/x after/x", "x", "x"),
        (b"one/two/x three/x", "x", "x"),
        (b"a/x b/x b/x b/x", "x b/x", "x b/x"),
        (b"a/my file b/my file", "my file", "my file"),
        (b"my file my file", "my file", "my file"),
        (b"a/old/x b/new/x", "old/x", "new/x"),
        (b"a/old dir/x b/new dir/x", "old dir/x", "new dir/x"),
        (b"OLDx NEWx", "OLDx", "NEWx"),
        (b"a/ b/", "a/", "b/"),
        (b'"a/t\\tab" "b/t\\tab"', "t\tab", "t\tab"),
        (b'"a/\\303\\244" "b/\\303\\244"', "ä", "ä"),
        (b'"a/q\\"q\\\\ \\" x" "b/q\\"q\\\\ \\" x"', 'q"q\\ " x', 'q"q\\ " x'),
        (b'"a/\\377" "b/\\377"', "\udcff", "\udcff"),
        (b"a/\xff b/\xff", "\udcff", "\udcff"),
        (b'a/x "b/x\\n"', "x", "x\n"),
        (b'"a/x\\r" b/x', "x\r", "x"),
        ("a/ä\u2028 b/ä\u2028".encode(), "ä\u2028", "ä\u2028"),
    ],
)
def test_names_are_found_in_the_first_line(title: bytes, old: str, new: str) -> None:
    """Without other lines the first one gives both paths, whatever prefix git was told."""
    file = only(b"diff --git " + title + b"\nold mode 100644\nnew mode 100755\n")

    assert (file.old_path, file.new_path) == (old, new)


@pytest.mark.parametrize(
    ("title", "old", "new", "path"),
    [
        (b"a/x y b/x y", b"a/x y\t", b"b/x y\t", "x y"),
        (b"a/x b/x b/x b/x", b"a/x b/x\t", b"b/x b/x\t", "x b/x"),
        (b"x x", b"x", b"x", "x"),
        (b"x/y x/y", b"x/y", b"x/y", "x/y"),
        (b'"a/\\344" "b/\\344"', b'"a/\\344"', b'"b/\\344"', "\udce4"),
        (b'"\\344" "\\344"', b'"\\344"', b'"\\344"', "\udce4"),
        (b"a/\xe4 b/\xe4", b"a/\xe4", b"b/\xe4", "\udce4"),
    ],
)
def test_names_with_marks_are_found(title: bytes, old: bytes, new: bytes, path: str) -> None:
    """Spaces, quotes, prefixes and bytes of any encoding survive beside `---` and `+++`."""
    file = only(
        b"diff --git "
        + title
        + b"\nindex 1111111..2222222 100644\n--- "
        + old
        + b"\n+++ "
        + new
        + b"\n"
        + BODY
    )

    assert (file.old_path, file.new_path) == (path, path)


def test_a_path_gives_its_bytes_back() -> None:
    """A path that is no UTF-8 encodes to the bytes that the file system has."""
    file = only(b'diff --git "a/\\377\\303\\244" "b/\\377\\303\\244"\nnew file mode 100644\n')

    assert file.path.encode("utf-8", "surrogateescape") == b"\xff\xc3\xa4"


@pytest.mark.parametrize("name", [b"with space", b"plain"])
def test_a_null_side_takes_its_prefix_from_the_other(name: bytes) -> None:
    """Where one side is `/dev/null`, the first line tells which prefix is in use."""
    file = only(
        b"diff --git " + name + b" " + name + b"\nnew file mode 100644\n"
        b"index 0000000..1111111\n--- /dev/null\n+++ " + name + b"\t\n@@ -0,0 +1 @@\n+a\n"
    )

    assert file.new_path == name.decode()


def test_a_null_name_may_stand_in_the_first_line() -> None:
    """Some writers put `/dev/null` into the first line of an added file."""
    file = only(
        b"diff --git /dev/null b/x\nnew mode 100644\nindex 0000000..1111111 100644\n"
        b"--- /dev/null\n+++ b/x\n@@ -0,0 +1 @@\n+a\n"
    )

    assert (file.old_path, file.new_path, file.status) == (None, "x", FileStatus.ADDED)
    assert (file.old_mode, file.new_mode) == (None, "100644")


@pytest.mark.parametrize(
    "title",
    [
        b"",
        b"alone",
        b"one two three",
        b'"a/x b/x',
        b'"a/x"b/x',
        b'a/x "b/x',
        b'"a/x\\9" "b/x\\9"',
        b'a/"x b/y',
        b"a/x\0 b/x\0",
        b'"a/\\000" "b/\\000"',
        b' ""',
    ],
)
def test_names_that_cannot_be_told_are_refused(title: bytes) -> None:
    """A first line whose names cannot be told apart, or are no paths, is an error."""
    error = refusal(b"\n\ndiff --git " + title + b"\nold mode 100644\nnew mode 100755\n")

    assert error.line == 3


def test_a_quoted_rename_is_not_held_against_its_first_line() -> None:
    """Where names are quoted, the rename lines alone count."""
    file = only(
        b'diff --git "a/\\344" b/y\nsimilarity index 100%\nrename from "\\344"\nrename to y\n'
    )

    assert (file.old_path, file.new_path) == ("\udce4", "y")


def test_s20_a_giant_header_line_is_refused() -> None:
    """A header line longer than two quoted paths can be is refused, not searched."""
    error = refusal(b"diff --git " + b" " * 100_000 + b"\n")

    assert "header line of 100012 bytes" in error.message
