"""A suggestion applies, does something, and can be read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from codeflow_engine.domain.change import Change
from codeflow_engine.domain.diff import Diff
from codeflow_engine.domain.finding import Finding
from codeflow_engine.review.verify import verify

CHANGE = Change.from_diff(
    Diff.parse(
        "--- a/app.py\n+++ b/app.py\n@@ -1 +1,2 @@\n-x\n+y\n+z\n@@ -9 +10 @@\n-x\n+y\n"
        "--- a/dos.py\n+++ b/dos.py\n@@ -1 +1 @@\n-x\n+y\r\n"
    )
)


def test_a_suggestion_stays_only_inside_of_one_hunk(found: Callable[..., Finding]) -> None:
    """An edit of lines that the change does not show is dropped and counted."""
    edits = [(1, 2), (2, 1), (2, 10), (3, 3), (10, 10)]
    verified = verify(CHANGE, tuple(found("", *edit) for edit in edits))

    kept = [bool(finding.suggestion) for finding in verified.findings]
    assert kept == [True, False, False, False, True]
    assert verified.dropped == {"a suggestion whose lines the change does not show": 3}


@pytest.mark.parametrize(
    ("replacement", "lines", "path", "stays"),
    [
        ("y\nz", (1, 2), "app.py", False),
        ("y", (1, 1), "app.py", False),
        ("y", (1, 2), "app.py", True),
        ("y ", (1, 1), "app.py", True),
        ("y", (1, 1), "dos.py", False),
        ("y\r", (1, 1), "dos.py", False),
    ],
)
def test_a_suggestion_that_changes_nothing_is_dropped(
    found: Callable[..., Finding],
    replacement: str,
    lines: tuple[int, int],
    path: str,
    stays: bool,  # noqa: FBT001 - a row of the table
) -> None:
    """What stands there already, whatever ends its lines, mends nothing."""
    verified = verify(CHANGE, (found(replacement, *lines, path),))

    assert (verified.findings[0].suggestion is not None) is stays
    assert verified.dropped == ({} if stays else {"a suggestion that changes nothing": 1})


@pytest.mark.parametrize(
    ("replacement", "stays"),
    [
        ("\n" * 399, True),
        ("\n" * 400, False),
        ("x" * 20_000, True),
        ("x" * 20_001, False),
    ],
    ids=["400 lines", "401 lines", "20000 characters", "20001 characters"],
)
def test_s20_a_suggestion_has_a_size_that_somebody_can_check(
    found: Callable[..., Finding],
    replacement: str,
    stays: bool,  # noqa: FBT001 - a row of the table
) -> None:
    """A longer one is dropped and counted; its finding stays."""
    (finding,) = verify(CHANGE, (found(replacement, 1, 1),)).findings

    assert (finding.suggestion is not None) is stays


def test_no_source_calls_its_own_suggestion_verified(found: Callable[..., Finding]) -> None:
    """Whatever a source says, a suggestion is not verified before the engine has looked."""
    one = found("a", 1, 1)
    assert one.suggestion is not None

    told = replace(one, suggestion=replace(one.suggestion, verified=True))

    assert verify(CHANGE, (told,)).findings == (one,)
