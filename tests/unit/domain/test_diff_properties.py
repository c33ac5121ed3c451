"""Properties of every diff: nothing is lost, nothing is misread, whatever the bytes."""

from __future__ import annotations

import re

from diff_writing import PAIRS, Pair, write
from hypothesis import example, given
from hypothesis import strategies as st

from codeflow_engine.domain.diff import Diff, DiffFile, Hunk, LineKind, Side, apply
from codeflow_engine.domain.diff.scanning import read_header
from codeflow_engine.domain.diff.usual import usual_shape
from codeflow_engine.errors import DiffError

HUNK = re.compile(rb"^@@ -\d{1,10}(?:,\d{1,10})? \+\d{1,10}(?:,\d{1,10})? @@", re.MULTILINE)
MARKS = {LineKind.ADD: "+", LineKind.DELETE: "-", LineKind.CONTEXT: " "}
FRAGMENTS = st.sampled_from(
    [
        b"\n",
        b" ",
        b"+",
        b"-",
        b"\\ No newline at end of file\n",
        b"@@ -1 +1 @@\n",
        b"@@ -1,2 +1,2 @@ f\n",
        b"--- a/x\n",
        b"+++ b/x\n",
        b"diff --git a/x b/x\n",
        b"diff --cc x\n",
        b"@@@ -1 -1 +1 @@@\n",
        b"old mode 100644\n",
        b"GIT binary patch\n",
        b"Binary files a/x and b/x differ\n",
        b"Only in x: y\n",
        b"-- \n2.39.5\n",
        b"commit 1234\n\n    text\n\n",
        b"9",
        b"\r",
    ]
)


@st.composite
def broken_diffs(draw: st.DrawFn) -> bytes:
    """Draw one to three diffs in a row, with up to four places spoiled."""
    data = b"".join(write(pair) for pair in draw(st.lists(PAIRS, min_size=1, max_size=3)))
    for _ in range(draw(st.integers(0, 4))):
        low = draw(st.integers(0, len(data)))
        high = low + draw(st.integers(0, 12))
        data = data[:low] + draw(FRAGMENTS | st.binary(max_size=4) | st.just(b"")) + data[high:]
    return data


def check_hunk(hunk: Hunk) -> None:
    """Hold a hunk against its own bytes, line by line."""
    _, *rows = hunk.render().removesuffix(b"\n").split(b"\n")
    written = [row for row in rows if not row.startswith(b"\\ ")]
    old = [row for row in written if row[:1] in {b" ", b"-", b""}]
    new = [row for row in written if row[:1] in {b" ", b"+", b""}]
    assert {row[:1] for row in rows} <= {b" ", b"+", b"-", b"", b"\\"}
    assert (len(old), len(new)) == (hunk.old_lines, hunk.new_lines)
    assert [(MARKS[line.kind], line.text) for line in hunk.lines] == [
        (row[:1].decode() or " ", row[1:].decode("utf-8", "surrogateescape")) for row in written
    ]
    assert [line.old_number for line in hunk.side(Side.OLD)] == list(hunk.numbers(Side.OLD))
    assert [line.new_number for line in hunk.side(Side.NEW)] == list(hunk.numbers(Side.NEW))
    assert sum(line.no_newline for line in hunk.lines) == len(rows) - len(written)
    assert hunk.added == sum(line.kind is LineKind.ADD for line in hunk.lines)
    assert hunk.deleted == sum(line.kind is LineKind.DELETE for line in hunk.lines)


def check_file(file: DiffFile) -> None:
    """Hold an entry against a reading of its bytes alone, and its lookups against its lines."""
    (again,) = Diff.parse(file.render()).files
    assert again == file
    assert list(again.hunks) == list(file.hunks)
    for place, hunk in enumerate(file.hunks):
        check_hunk(hunk)
        for side in Side:
            for number in hunk.numbers(side):
                assert file.find_hunk(side, number) == place
                assert file.line_at(side, number) in hunk.side(side)


def check(data: bytes) -> Diff:
    """Hold a diff against its input."""
    diff = Diff.parse(data)
    assert diff.render() == data
    end = 0
    for file in diff.files:
        assert end <= file.span.start < file.span.end <= len(data)
        assert file.path
        assert file.render() == data[file.span.start : file.span.end]
        end = file.span.end
        check_file(file)
    hunks = [hunk for file in diff.files for hunk in file.hunks]
    assert len(diff.units) == len(hunks) + sum(not file.hunks for file in diff.files)
    return diff


def read(data: bytes) -> Diff | DiffError:
    """Check a diff that may be refused."""
    try:
        return check(data)
    except DiffError as error:
        return error


@given(PAIRS)
def test_a_written_diff_is_read_and_applied_exactly(pair: Pair) -> None:
    """The diff of any two contents, read and applied, makes the one from the other."""
    (file,) = check(write(pair)).files

    assert apply(file, pair.old) == pair.new


@given(st.lists(PAIRS, min_size=1, max_size=4), st.sampled_from([b"", b"\n", b"\ncommit 1\n\n"]))
def test_diffs_in_a_row_stay_apart(pairs: list[Pair], between: bytes) -> None:
    """Several diffs in a row, with text between them, are that many entries."""
    diffs = [write(pair) for pair in pairs]

    diff = check(between.join(diffs))

    assert [file.render() for file in diff.files] == diffs
    assert [apply(file, pair.old) for file, pair in zip(diff.files, pairs, strict=True)] == [
        pair.new for pair in pairs
    ]


@given(broken_diffs())
@example(b"--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n+b\n-- \n2.39.5\n")
@example(b"--- a/x\n+++ b/x\n@@ -1,3 +1,3 @@\n\n-a\n+b\n\n\n")
def test_a_spoiled_diff_is_refused_or_read_exactly(data: bytes) -> None:
    """Any bytes are a `DiffError` or a diff whose every hunk is what its bytes say."""
    diff = read(data)

    if isinstance(diff, DiffError):
        assert 1 <= diff.line <= data.count(b"\n") + 1
        return
    starts = {hunk.span.start for file in diff.files for hunk in file.hunks}
    assert starts == {found.start() for found in HUNK.finditer(data)}


@given(st.binary(max_size=200))
def test_arbitrary_bytes_are_refused_or_blank(data: bytes) -> None:
    """Bytes that are no diff are a `DiffError`, and only blank ones are an empty diff."""
    diff = read(data)

    text = data.removeprefix(b"\xef\xbb\xbf").strip()
    assert isinstance(diff, DiffError) or diff.units or not text


NAMES = st.one_of(
    st.sampled_from(
        [b"a/x", b"b/x", b"x", b"a/", b"b/", b"/dev/null", b"/x", b"a/b c", b"\\", b"a"]
    ),
    st.text(alphabet="ab/.\\-\xe4", min_size=1, max_size=6).map(str.encode),
)
STAMPS = st.sampled_from(
    [
        b"2026-01-02 03:04:05.678901234 +0100",
        b"1970-01-01 00:00:00.000000000 +0000",
        b"9999-99-99 99:99:99.999999999 -9999",
    ]
)


@st.composite
def headers(draw: st.DrawFn) -> bytes:
    """Draw a header of the usual forms, its names often at odds."""
    old, new = draw(NAMES), draw(NAMES)
    ids = b"index 1234567..89abcde"
    stamps = draw(STAMPS), draw(STAMPS)
    plain = b"--- %b\t%b\n+++ %b\t%b\n@@ " % (old, stamps[0], new, stamps[1])
    title = b"diff --git %b %b\n" % (old, new)
    return draw(
        st.sampled_from(
            [
                title + ids + b" 100644\n--- %b\n+++ %b\n@@ " % (old, new),
                title + b"new file mode 100644\n" + ids + b"\n--- /dev/null\n+++ %b\n@@ " % new,
                title + b"deleted file mode 100644\n" + ids + b"\n--- %b\n+++ /dev/null\n@@ " % old,
                title + ids + b" 100644\nBinary files %b and %b differ\n" % (old, new),
                plain,
                b"--- %b\n+++ %b\n@@ " % (old, new),
                b"diff -u one two\n--- %b\n+++ %b\n@@ " % (old, new),
                b"diff -ru one two\n" + plain,
            ]
        )
    )


@given(headers())
def test_a_usual_header_is_what_a_full_reading_says(data: bytes) -> None:
    """What is told by a pattern alone has the shape that reading it in full gives."""
    usual = usual_shape(data, 0)

    if usual is not None:
        header = read_header(data, 0)
        assert usual == (header.body, header.shape)
        assert header.old_path or header.new_path


@given(PAIRS, st.data())
def test_a_cut_never_invents_a_line(pair: Pair, data: st.DataObject) -> None:
    """A prefix of a diff is refused, or what it shows is a prefix of what the whole shows."""
    whole = write(pair)
    diff = read(whole[: data.draw(st.integers(0, len(whole)))])
    if isinstance(diff, DiffError):
        return

    shown, lines = texts(diff), texts(Diff.parse(whole))
    assert shown[:-1] == lines[: len(shown)][:-1]
    assert not shown or lines[len(shown) - 1].startswith(shown[-1])


def texts(diff: Diff) -> list[bytes]:
    """List the bytes of every line."""
    return [
        line.text.encode("utf-8", "surrogateescape")
        for file in diff.files
        for hunk in file.hunks
        for line in hunk.lines
    ]
