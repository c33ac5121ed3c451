"""Comments stand where the diff shows their lines, and nowhere else."""

from __future__ import annotations

from typing import Any

import pytest

from codeflow_engine.domain.diff import Side
from codeflow_engine.errors import InvalidResponseError
from codeflow_engine.providers.vcs.github.anchors import Anchors

PATCH = (
    "@@ -1,3 +1,4 @@ def f\n a\n-b\n+B\n+C\n d\n"
    "@@ -20,2 +21,2 @@\n-x\n+y\n z\n\\ No newline at end of file"
)
FILES = [
    {"filename": "new.py", "previous_filename": "old.py", "patch": PATCH},
    {"filename": "image.png"},
    {"filename": "bad.py", "patch": "@@ -1,9 +1,9 @@\n a"},
    {"filename": "gone.py", "patch": "@@ -1,2 +0,0 @@\n-a\n-b"},
]
NEW, OLD = Side.NEW, Side.OLD


@pytest.mark.parametrize(
    ("side", "line", "end_line", "told"),
    [
        (NEW, 2, 2, {"line": 2, "side": "RIGHT"}),
        (NEW, 1, 4, {"line": 4, "side": "RIGHT", "start_line": 1, "start_side": "RIGHT"}),
        (OLD, 2, 3, {"line": 3, "side": "LEFT", "start_line": 2, "start_side": "LEFT"}),
        (NEW, 22, 22, {"line": 22, "side": "RIGHT"}),
    ],
)
def test_g15_lines_of_a_hunk_have_a_place(
    side: Side, line: int, end_line: int, told: dict[str, Any]
) -> None:
    """One line has no start; several have both ends on one side."""
    spot = Anchors(FILES).place("new.py", side, line, end_line)

    assert spot is not None
    assert spot.to_json() == {"path": "new.py", **told}


@pytest.mark.parametrize(
    ("path", "side", "line", "end_line"),
    [
        ("new.py", NEW, 5, 5),
        ("new.py", NEW, 4, 21),
        ("new.py", NEW, 0, 1),
        ("new.py", NEW, -1, -1),
        ("new.py", NEW, 3, 2),
        ("new.py", OLD, 4, 4),
        ("new.py", NEW, 10**12, 10**12),
        ("old.py", NEW, 2, 2),
        ("other.py", NEW, 1, 1),
        ("image.png", NEW, 1, 1),
        ("bad.py", NEW, 1, 1),
        ("gone.py", NEW, 1, 1),
    ],
)
def test_g15_other_lines_have_no_place(path: str, side: Side, line: int, end_line: int) -> None:
    """Outside of the hunks, over two of them, the wrong way round, or where no patch is shown."""
    assert Anchors(FILES).place(path, side, line, end_line) is None


def test_g15_the_old_side_of_a_renamed_file_is_found_by_its_old_name() -> None:
    """GitHub takes the new name for both sides."""
    spot = Anchors(FILES).place("old.py", OLD, 2, 2)

    assert spot is not None
    assert (spot.path, spot.side) == ("new.py", "LEFT")


def test_g15_a_deleted_file_has_lines_on_its_old_side() -> None:
    """There is nothing else to see of it."""
    spot = Anchors(FILES).place("gone.py", OLD, 1, 2)

    assert spot is not None
    assert spot.side == "LEFT"


def test_g24_names_that_look_the_same_are_no_names() -> None:
    """Of two files whose names differ in bytes that are no UTF-8, neither can be meant."""
    twins = [{"filename": "a\ufffd.py", "patch": PATCH}] * 2
    others = [{"filename": "b.py", "patch": PATCH}, {"filename": "b.py", "patch": f"{PATCH}\n"}]

    anchors = Anchors([*twins, *others])

    assert anchors.place("a\ufffd.py", NEW, 2, 2) is None
    assert anchors.place("b.py", NEW, 2, 2) is None


def test_g16_an_entry_that_pages_list_twice_is_one() -> None:
    """Pages move while they are read; what comes twice as it is has its lines all the same."""
    entry = {"filename": "b.py", "patch": PATCH}

    spot = Anchors([entry, {"filename": "c.py", "patch": PATCH}, entry]).place("b.py", NEW, 2, 2)

    assert spot is not None


@pytest.mark.parametrize("entry", [None, {}, {"filename": 1}, "a.py"])
def test_an_entry_without_a_name_is_no_answer(entry: object) -> None:
    """What GitHub never says is an error, and never a file that is not there."""
    with pytest.raises(InvalidResponseError):
        Anchors([entry])
