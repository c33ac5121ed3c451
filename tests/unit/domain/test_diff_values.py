"""A diff's values: units, lookups, equality, pickling, laziness."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from dataclasses import FrozenInstanceError
from typing import Any, cast

import pytest

from codeflow_engine.domain.diff import Diff, Line, LineKind, Side, Unit
from codeflow_engine.errors import DiffError

ONE = (
    b"diff --git a/x b/x\nindex 1111111..2222222 100644\n--- a/x\n+++ b/x\n"
    b"@@ -2,3 +2,4 @@ f\n a\n-b\n+c\n+d\n e\n@@ -10 +11,0 @@ g\n-h\n@@ -10,0 +12 @@\n+i\n"
)
TWO = b"diff --git a/m b/m\nold mode 100644\nnew mode 100755\n"
THREE = b"diff --git a/y b/y\nnew file mode 100644\n--- /dev/null\n+++ b/y\n@@ -0,0 +1 @@\n+a\n"
DATA = b"commit 1\n\n" + ONE + TWO + b"\ncommit 2\n\n" + THREE
ADDED = Line(kind=LineKind.ADD, text="c", old_number=None, new_number=3)


def test_units_are_hunks_and_entries_without_hunks() -> None:
    """Every hunk is a unit, and so is every entry that has none."""
    diff = Diff.parse(DATA)

    assert diff.units == (
        Unit(file=0, hunk=0),
        Unit(file=0, hunk=1),
        Unit(file=0, hunk=2),
        Unit(file=1, hunk=None),
        Unit(file=2, hunk=0),
    )
    assert len(set(diff.units)) == 5


@pytest.mark.parametrize(
    ("side", "number", "place"),
    [
        *((Side.OLD, number, 0) for number in (2, 3, 4)),
        *((Side.NEW, number, 0) for number in (2, 3, 4, 5)),
        (Side.OLD, 10, 1),
        (Side.NEW, 12, 2),
        *((Side.OLD, number, None) for number in (-1, 0, 1, 5, 9, 11, 12, 10**12)),
        *((Side.NEW, number, None) for number in (-1, 0, 1, 6, 10, 11, 13, 10**12)),
    ],
)
def test_a_line_number_finds_its_hunk(side: Side, number: int, place: int | None) -> None:
    """A number finds the one hunk that shows it, also beside hunks without that side."""
    file = Diff.parse(DATA).files[0]

    assert file.find_hunk(side, number) == place
    assert [hunk.covers(side, number) for hunk in file.hunks] == [
        index == place for index in range(3)
    ]
    line = file.line_at(side, number)
    if place is None:
        assert line is None
        assert all(hunk.line_at(side, number) is None for hunk in file.hunks)
    else:
        assert line is not None
        assert number == (line.old_number if side is Side.OLD else line.new_number)


def test_a_line_is_found_with_its_text() -> None:
    """The line at a number is the very line of the hunk."""
    file = Diff.parse(DATA).files[0]

    found = file.line_at(Side.NEW, 3)

    assert found == ADDED
    assert found is file.hunks[0].lines[2]


def test_a_hunk_gives_each_side() -> None:
    """A side of a hunk is its context with what was deleted or added."""
    hunk = Diff.parse(DATA).files[0].hunks[0]

    assert [line.text for line in hunk.side(Side.OLD)] == ["a", "b", "e"]
    assert [line.text for line in hunk.side(Side.NEW)] == ["a", "c", "d", "e"]
    assert (hunk.numbers(Side.OLD), hunk.numbers(Side.NEW)) == (range(2, 5), range(2, 6))


def test_no_hunk_is_found_in_an_entry_without_hunks() -> None:
    """A mode change shows no line."""
    file = Diff.parse(DATA).files[1]

    assert file.find_hunk(Side.NEW, 1) is None
    assert file.line_at(Side.OLD, 1) is None


def test_spans_cut_the_input() -> None:
    """The spans of entries and hunks cut their bytes out of the input."""
    diff = Diff.parse(DATA)
    file = diff.files[0]

    assert [DATA[entry.span.start : entry.span.end] for entry in diff.files] == [ONE, TWO, THREE]
    assert [DATA[hunk.span.start : hunk.span.end] for hunk in file.hunks] == [
        hunk.render() for hunk in file.hunks
    ]
    assert file.hunks[1].render() == b"@@ -10 +11,0 @@ g\n-h\n"
    assert (file.span.line, file.hunks[1].span.line, len(file.span)) == (3, 13, len(ONE))


def test_files_and_hunks_are_sequences() -> None:
    """Files and hunks can be counted, sliced, reversed, searched and compared."""
    diff = Diff.parse(DATA)
    hunks = diff.files[0].hunks

    assert [file.path for file in diff.files[1:]] == ["m", "y"]
    assert [file.path for file in reversed(diff.files)] == ["y", "m", "x"]
    assert diff.files[-1].path == "y"
    assert diff.files.index(diff.files[1]) == 1
    assert hunks == tuple(hunks) == hunks[:]
    assert hunks != hunks[:2]
    assert hunks != "hunks"
    assert hash(hunks) == hash(tuple(hunks))
    assert repr(hunks) == "<3 lazy items>"
    with pytest.raises(IndexError):
        diff.files[3]


def test_hunks_live_as_long_as_their_file() -> None:
    """A file makes a hunk once, and a hunk its lines once, when they are asked for."""
    file = Diff.parse(DATA).files[0]

    assert file.hunks[0] is file.hunks[0]
    assert file.hunks[0].lines is file.hunks[0].lines


def test_equal_bytes_are_equal_values() -> None:
    """Entries and hunks are equal when their bytes are, wherever they stand."""
    one, other = Diff.parse(DATA), Diff.parse(b"\n" + ONE)
    file, same = one.files[0], other.files[0]

    assert one == Diff.parse(DATA)
    assert one != other
    assert (file, hash(file)) == (same, hash(same))
    assert (file.hunks[0], hash(file.hunks[0])) == (same.hunks[0], hash(same.hunks[0]))
    assert file != one.files[1]
    assert file.hunks[0] != file.hunks[1]
    assert file.span != ONE
    assert hash(one) == hash(Diff.parse(DATA))


def pickled[T](value: T) -> T:
    """Take a value through pickle."""
    return cast("T", pickle.loads(pickle.dumps(value)))  # noqa: S301  # our own bytes


@pytest.mark.parametrize("again", [pickled, copy.deepcopy])
def test_values_survive_pickling(again: Callable[[Any], Any]) -> None:
    """A diff, an entry, a hunk, a line and a unit come back equal, with their places."""
    diff = Diff.parse(DATA)

    for value in (diff, *diff.files, *diff.files[0].hunks, *diff.files[0].hunks[0].lines):
        assert again(value) == value
    assert again(diff.units) == diff.units
    assert again(diff.files) == tuple(diff.files)
    file = again(diff.files[2])
    assert (file.span.start, file.span.end) == (diff.files[2].span.start, len(DATA))
    assert file.hunks[0].span.start == diff.files[2].hunks[0].span.start
    assert file.line_at(Side.NEW, 1) == diff.files[2].line_at(Side.NEW, 1)


def test_a_pickled_entry_carries_its_own_bytes_alone() -> None:
    """A pickled entry or hunk does not drag the whole input along."""
    diff = Diff.parse(ONE * 1_000)

    assert len(pickle.dumps(diff.files[500])) < 2_000
    assert len(pickle.dumps(diff.files[500].hunks[0])) < 1_000


def test_values_cannot_be_changed() -> None:
    """Nothing of a diff can be assigned to."""
    diff = Diff.parse(DATA)

    for value, name in ((diff, "data"), (diff.files[0], "old_path"), (ADDED, "text")):
        with pytest.raises((FrozenInstanceError, AttributeError)):
            setattr(value, name, "other")


def test_a_repr_is_short() -> None:
    """Printing a diff, an entry or a hunk does not print the input."""
    diff = Diff.parse(ONE * 1_000)

    assert repr(diff) == f"<Diff of {len(ONE) * 1_000} bytes: 1000 files, 3000 hunks>"
    assert "Span(start=0, end=" in repr(diff.files[0])
    assert len(repr(diff.files[0])) + len(repr(diff.files[0].hunks[0])) < 600


def test_a_text_is_read_like_its_bytes() -> None:
    """A text gives the same diff as its UTF-8, surrogates standing for other bytes."""
    data = ONE.replace(b" e\n", b" \xff\xc3\xa4\xe2\x80\xa8\n")

    diff = Diff.parse(data.decode("utf-8", "surrogateescape"))

    assert diff == Diff.parse(data)
    assert diff.render() == data
    assert diff.files[0].hunks[0].lines[-1].text == "\udcffä\u2028"


def test_a_surrogate_that_stands_for_no_byte_is_refused() -> None:
    """A text with a lone surrogate has no bytes, and the error names its line."""
    with pytest.raises(DiffError, match="lone surrogate") as caught:
        Diff.parse("a\nb\ud800\n")

    assert caught.value.line == 2
