"""Hunks: where they end, what their lines are, and what is refused."""

from __future__ import annotations

import pytest

from codeflow_engine.domain.diff import Diff, Hunk, Line, LineKind
from codeflow_engine.errors import DiffError

HEAD = b"--- a/x\n+++ b/x\n"


def hunks(body: bytes) -> tuple[Hunk, ...]:
    """Parse a file of these hunks."""
    (file,) = Diff.parse(HEAD + body).files
    assert b"".join(hunk.render() for hunk in file.hunks) == body
    return tuple(file.hunks)


def refusal(body: bytes) -> DiffError:
    """Parse a file of these hunks, which must be refused; its line is counted from them."""
    with pytest.raises(DiffError) as caught:
        Diff.parse(HEAD + body)
    caught.value.line -= 2
    return caught.value


def rows(hunk: Hunk) -> list[tuple[str, str, int | None, int | None]]:
    """List the lines of a hunk in short."""
    return [(line.kind, line.text, line.old_number, line.new_number) for line in hunk.lines]


def test_lines_have_kind_text_and_numbers() -> None:
    """Each line has its kind, its text, and its number on the sides that have it."""
    (hunk,) = hunks(b"@@ -3,3 +5,4 @@ def f(x):\n a\n-b\n+c\n+d\n e\n")

    assert (hunk.old_start, hunk.old_lines, hunk.new_start, hunk.new_lines) == (3, 3, 5, 4)
    assert (hunk.section, hunk.added, hunk.deleted) == ("def f(x):", 2, 1)
    assert rows(hunk) == [
        ("context", "a", 3, 5),
        ("delete", "b", 4, None),
        ("add", "c", None, 6),
        ("add", "d", None, 7),
        ("context", "e", 5, 8),
    ]
    assert hunk.lines[1].kind is LineKind.DELETE


def test_a_count_that_is_left_out_is_one() -> None:
    """`-7` means `-7,1`."""
    (hunk,) = hunks(b"@@ -7 +9 @@\n-a\n+b\n")

    assert (hunk.old_lines, hunk.new_lines, hunk.section) == (1, 1, "")


def test_hunks_without_context_are_read() -> None:
    """With `-U0` an empty side names the line above it, and numbers count from there."""
    first, second, third = hunks(
        b"@@ -0,0 +1,2 @@\n+a\n+b\n@@ -4 +5,0 @@\n-c\n@@ -5 +6 @@\n-d\n+e\n"
    )

    assert rows(first) == [("add", "a", None, 1), ("add", "b", None, 2)]
    assert rows(second) == [("delete", "c", 4, None)]
    assert rows(third) == [("delete", "d", 5, None), ("add", "e", None, 6)]


def test_only_a_newline_ends_a_line() -> None:
    """Form feeds, carriage returns, NEL, U+2028 and NUL are characters of a line."""
    text = "a\f\x0b\x1c\x1d\x1e\x85\u2028\u2029\0\rb\r"

    (hunk,) = hunks(b"@@ -1 +1 @@\n-" + text.encode() + b"\n+\n")

    assert [line.text for line in hunk.lines] == [text, ""]


def test_text_that_is_no_utf8_is_kept() -> None:
    """Bytes that are no UTF-8 become surrogates, which encode to the same bytes."""
    raw = b"\xff\xe2\x82 caf\xe9"

    (hunk,) = hunks(b"@@ -0,0 +1 @@ \xe9\n+" + raw + b"\n")

    assert hunk.lines[0].text.encode("utf-8", "surrogateescape") == raw
    assert hunk.section == "\udce9"


def test_lines_that_look_like_headers_are_lines() -> None:
    """A deleted `-- a/x`, an added `++ b/x`, and headers in the context stay in the hunk."""
    (hunk,) = hunks(
        b"@@ -1,5 +1,4 @@\n--- a/x\n+++ b/x\n @@ -1 +1 @@\n-@@ -1 +1 @@\n"
        b" diff --git a/x b/x\n--- \n+-- \n"
    )

    assert [line.text for line in hunk.lines] == [
        "-- a/x",
        "++ b/x",
        "@@ -1 +1 @@",
        "@@ -1 +1 @@",
        "diff --git a/x b/x",
        "-- ",
        "-- ",
    ]


def test_a_file_header_below_a_hunk_is_no_line_of_it() -> None:
    """Counts, not looks, say that the next file begins."""
    first, second = Diff.parse(
        HEAD + b"@@ -1,2 +1,2 @@\n a\n-b\n+c\n--- a/y\n+++ b/y\n@@ -1 +1 @@\n-a\n+b\n"
    ).files

    assert (first.path, first.deleted, second.path) == ("x", 1, "y")


@pytest.mark.parametrize(
    "marker", [b"\\ No newline at end of file", b"\\ Kein Zeilenumbruch am Dateiende."]
)
def test_a_missing_newline_is_told_on_its_line(marker: bytes) -> None:
    """The marker, in any language, belongs to the line above it."""
    (hunk,) = hunks(b"@@ -1 +1 @@\n-a\n" + marker + b"\n+b\n" + marker + b"\n")

    assert [(line.text, line.no_newline) for line in hunk.lines] == [("a", True), ("b", True)]


@pytest.mark.parametrize(
    ("body", "flags"),
    [
        (b"@@ -1 +1 @@\n-a\n\\ No newline at end of file\n+a\n", [True, False]),
        (b"@@ -1 +1 @@\n-a\n+a\n\\ No newline at end of file\n", [False, True]),
        (b"@@ -1,2 +1,2 @@\n-a\n+b\n c\n\\ No newline at end of file\n", [False, False, True]),
        (b"@@ -1,2 +1 @@\n a\n\\ No newline at end of file\n-b\n", [True, False]),
    ],
)
def test_each_side_has_a_marker_of_its_own(body: bytes, flags: list[bool]) -> None:
    """Either side or both may lack the newline; with `-w` the old side may even go on."""
    (hunk,) = hunks(body)

    assert [line.no_newline for line in hunk.lines] == flags


def test_a_marker_may_end_the_input_without_newline() -> None:
    """The marker is whole, also where the input's last newline was stripped."""
    (hunk,) = hunks(b"@@ -0,0 +1 @@\n+a\n\\ No newline at end of file")

    assert hunk.lines == (
        Line(kind=LineKind.ADD, text="a", old_number=None, new_number=1, no_newline=True),
    )


def test_an_empty_line_is_empty_context() -> None:
    """A context line whose only space was left out (`suppressBlankEmpty`) is context."""
    (hunk,) = hunks(b"@@ -1,4 +1,4 @@\n\n-b\n+c\n\n\n")

    assert rows(hunk) == [
        ("context", "", 1, 1),
        ("delete", "b", 2, None),
        ("add", "c", None, 2),
        ("context", "", 3, 3),
        ("context", "", 4, 4),
    ]


def test_the_last_newline_may_be_missing() -> None:
    """A diff whose end was stripped is whole when its counts are."""
    (hunk,) = hunks(b"@@ -1 +1 @@\n-a\n+b")

    assert [(line.text, line.no_newline) for line in hunk.lines] == [("a", False), ("b", False)]


def test_a_hunk_of_context_alone_is_read() -> None:
    """A hunk may change nothing, as `git diff -w` makes it."""
    (hunk,) = hunks(b"@@ -1 +1 @@\n a\n")

    assert (hunk.added, hunk.deleted, len(hunk.lines)) == (0, 0, 1)


@pytest.mark.parametrize(
    "header",
    [
        b"@@ -1 +1",
        b"@@ -1 +1 @",
        b"@@ -a +1 @@",
        b"@@ -1, +1 @@",
        b"@@ --1 +1 @@",
        b"@@ -1 @@",
        b"@@  -1 +1 @@",
        b"@@ -1 +1,99999999999999999999 @@",
        b"@@ -\xd9\xa1 +1 @@",
        b"@@@ -1 -1 +1 @@@",
    ],
)
def test_a_malformed_header_is_refused(header: bytes) -> None:
    """A line that begins like a hunk and is none is an error, never free text."""
    error = refusal(header + b"\n-a\n+b\n")

    assert error.line == 1
    assert "malformed hunk header" in error.message


@pytest.mark.parametrize(
    ("body", "line", "word"),
    [
        (b"@@ -2147483648 +1 @@\n-a\n+b\n", 1, "names lines beyond"),
        (b"@@ -1 +1,2147483648 @@\n-a\n+b\n", 1, "names lines beyond"),
        (b"@@ -1,0 +1,0 @@\n", 1, "no line at all"),
        (b"@@ -0 +1 @@\n-a\n+b\n", 1, "begins before"),
        (b"@@ -1 +0 @@\n-a\n+b\n", 1, "begins before"),
        (b"@@ -1,2 +1 @@\n-a\n-b\n+c\n@@ -2 +2 @@\n-a\n+b\n", 5, "begins before"),
        (b"@@ -1 +1,2 @@\n-a\n+b\n+c\n@@ -2 +2 @@\n-a\n+b\n", 5, "begins before"),
        (b"@@ -9 +9 @@\n-a\n+b\n@@ -1 +1 @@\n-a\n+b\n", 4, "begins before"),
        (b"@@ -1,2 +1 @@\n-a\n+b\n", 3, "ends inside of a hunk, which still lacks 1 old and 0"),
        (b"@@ -1 +1,3 @@\n-a\n+b\n", 3, "lacks 0 old and 2 new"),
        (b"@@ -1 +1 @@", 1, "lacks 1 old and 1 new"),
        (b"@@ -1 +1 @@\n", 1, "lacks 1 old and 1 new"),
        (b"@@ -1 +1 @@\n-a", 2, "lacks 0 old and 1 new"),
        (b"@@ -1,2 +1 @@\n-a\n+b\n@@ -5 +5 @@\n-a\n+b\n", 4, "not a line of a hunk"),
        (b"@@ -1,2 +1 @@\n-a\n+b\ndiff --git a/y b/y\n", 4, "not a line of a hunk"),
        (b"@@ -1,2 +1,2 @@\n a\n*b\n", 3, "not a line of a hunk"),
        (b"@@ -1 +1 @@\n-a\n-b\n+c\n", 3, "more lines of one side"),
        (b"@@ -1 +1 @@\n-a\n b\n", 3, "more lines of one side"),
        (b"@@ -1 +1 @@\n-a\n+b\n+c\n", 4, "more lines than its header says"),
        (b"@@ -1 +1 @@\n-a\n+b\n-c\n", 4, "more lines than its header says"),
        (b"@@ -1 +1 @@\n-a\n+b\n c\n", 4, "more lines than its header says"),
        (b"@@ -1 +1 @@\n-a\n+b\n-- c\n", 4, "more lines than its header says"),
        (b"@@ -1 +1 @@\n\\ No newline\n-a\n+b\n", 2, "not a line of a hunk"),
        (b"@@ -1 +1 @@\n-a\n\\ No newline\n\\ No newline\n+b\n", 4, "not a line of a hunk"),
        (b"@@ -1 +1 @@\n-a\n+b\n\\ No newline\n\\ No newline\n", 5, "more lines"),
        (b"@@ -1 +1 @@\n-a\n\\No newline\n+b\n", 3, "not a line of a hunk"),
    ],
)
def test_a_hunk_with_wrong_counts_is_refused(body: bytes, line: int, word: str) -> None:
    """Counts, order and lines of a hunk are checked; the error names the line."""
    error = refusal(body)

    assert error.line == line
    assert word in error.message


def test_a_cut_between_two_lines_is_seen() -> None:
    """A diff that was cut between two lines is refused, or its last entry says so."""
    entry = (
        b"diff --git a/%d b/%d\nindex 1111111..2222222 100644\n--- a/%d\n+++ b/%d\n"
        b"@@ -1,3 +1,3 @@\n a\n-b\n+c\n d\n@@ -9 +9 @@\n-a\n+b\n"
    )
    first, second = (entry.replace(b"%d", name) for name in (b"1", b"2"))
    lines = (first + second).splitlines(keepends=True)
    whole_after = {9, 12, 21, 24}  # the ends of the hunks, of which a diff has any number

    for count in range(1, len(lines) + 1):
        try:
            files = Diff.parse(b"".join(lines[:count])).files
        except DiffError:
            assert count not in whole_after
        else:
            assert count in whole_after or files[-1].unsupported
