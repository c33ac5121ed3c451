"""Time and memory on inputs that an attacker chooses: linear, whatever the shape."""

from __future__ import annotations

import time
import tracemalloc
from collections.abc import Callable

import pytest

from codeflow_engine.domain.diff import Diff, Side, apply
from codeflow_engine.errors import DiffError

HEAD = b"--- a/x\n+++ b/x\n"
ENTRY = HEAD + b"@@ -1 +1 @@\n-a\n+b\n"


def many_hunks(count: int) -> bytes:
    """Write one file of many tiny hunks."""
    return HEAD + b"".join(b"@@ -%d +%d @@\n-\n+a\n" % (n, n) for n in range(1, count + 1))


def many_files(count: int) -> bytes:
    """Write many plain files of one tiny hunk."""
    return ENTRY * count


def many_entries(count: int) -> bytes:
    """Write entries without hunks, fewer than of other things: each takes the longest."""
    return b"diff --git a/x b/x\nold mode 100644\nnew mode 100755\n" * (count // 4)


def one_long_hunk(count: int) -> bytes:
    """Write one hunk of many lines."""
    return HEAD + b"@@ -0,0 +1,%d @@\n" % count + b"+\n" * count


def one_long_line(count: int) -> bytes:
    """Write one hunk of one line."""
    return HEAD + b"@@ -0,0 +1 @@\n+" + b"x" * (20 * count) + b"\n"


def one_uncountable_hunk(count: int) -> bytes:
    """Write a hunk whose empty lines send it the slow way."""
    return HEAD + b"@@ -1,%d +1,%d @@\n" % (count, count) + b"\n" * count


def text_without_end(count: int) -> bytes:
    """Write one entry and much text of lines that begin like entries and are none."""
    lines = b"--- x\n--- y\ndiff -u\ndiff --git\n@@ x\nOnly in x\nSubmodule \n* Unmerged\n1a1\n"
    return ENTRY + b"\n" + lines * (count // 5)


def a_mail_of_quotations(count: int) -> bytes:
    """Write a mail that quotes many hunk headers in its message."""
    first = b"From " + b"1" * 40 + b" Mon Sep 17 00:00:00 2001\n\n"
    return first + b"@@ -1 +1 @@\n" * count + b"---\n\n" + ENTRY


def a_combined_hunk(count: int) -> bytes:
    """Write one combined hunk of many lines."""
    return b"diff --cc x\n@@@ -1,%d -0,0 +1,%d @@@\n" % (count, count) + b" +\n" * count


def a_binary_patch(count: int) -> bytes:
    """Write a binary patch of many lines."""
    block = b"literal 9\n" + b"zabcdefgh\n" * count + b"\n"
    return b"diff --git a/x b/x\nGIT binary patch\n" + block + block


SHAPES = [
    many_hunks,
    many_files,
    many_entries,
    one_long_hunk,
    one_long_line,
    one_uncountable_hunk,
    text_without_end,
    a_mail_of_quotations,
    a_combined_hunk,
    a_binary_patch,
]
ODD = 2**31 - 7
"""A hunk of that many lines is promised, and none is there."""


def seconds(work: Callable[[], object]) -> float:
    """Give the processor time of the work: the shortest of some tries, fewer where it is long."""
    tries: list[float] = []
    while len(tries) < 9 and sum(tries) < 0.2:
        start = time.process_time()
        work()
        tries.append(time.process_time() - start)
    return min(tries)


@pytest.mark.fault
@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.__name__)
def test_s20_ten_times_the_input_takes_no_more_than_its_share(
    shape: Callable[[int], bytes],
) -> None:
    """Ten times as much of any shape takes at most 30 times the time; square would be 100."""
    small, large = shape(1_000), shape(10_000)
    Diff.parse(small)

    ratio = seconds(lambda: Diff.parse(large)) / seconds(lambda: Diff.parse(small))

    assert ratio < 30


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.__name__)
def test_s20_the_index_is_smaller_than_the_input(shape: Callable[[int], bytes]) -> None:
    """Reading takes less memory than one more copy of the input, plus 100 kB."""
    data = shape(5_000)
    Diff.parse(shape(10))

    tracemalloc.start()
    try:
        diff = Diff.parse(data)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert peak < len(data) + 100_000
    assert diff.render() is data


def test_s20_names_that_could_part_anywhere_are_refused_soon() -> None:
    """A first line of thousands of words is refused after a few tries to split it."""
    title = b"diff --git " + b" ".join(b"/%d" % number for number in range(10_000))

    start = time.process_time()
    with pytest.raises(DiffError, match="cannot tell the two names apart"):
        Diff.parse(title + b"\n")

    assert time.process_time() - start < 1


def test_s20_a_promise_of_many_lines_costs_nothing() -> None:
    """A header that promises two thousand million lines is refused at the missing one."""
    start = time.process_time()
    with pytest.raises(DiffError, match="ends inside"):
        Diff.parse(HEAD + b"@@ -0,0 +1,%d @@\n+a\n" % ODD)

    assert time.process_time() - start < 1


def test_s20_a_number_is_found_among_many_hunks_without_reading_them() -> None:
    """Looking a line up reads the headers of a few hunks, not all of them."""
    file = Diff.parse(many_hunks(50_000)).files[0]

    tracemalloc.start()
    try:
        line = file.line_at(Side.NEW, 31_415)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert line is not None
    assert (line.text, peak < 100_000) == ("a", True)


@pytest.mark.fault
@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.__name__)
def test_s20_a_million_of_anything_is_read_within_the_ceiling(
    shape: Callable[[int], bytes],
) -> None:
    """A million hunks, files, entries or lines stay within 2 x the input + 20 MB."""
    data = shape(1_000_000)

    tracemalloc.start()
    try:
        diff = Diff.parse(data)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert len(data) + peak <= 2 * len(data) + 20_000_000
    assert diff.render() is data


@pytest.mark.fault
def test_s20_a_line_of_200_mb_is_read_and_applied() -> None:
    """One line of 200 MB is one hunk of one line, whose text comes back whole."""
    text = b"x" * 200_000_000
    data = HEAD + b"@@ -0,0 +1 @@\n+" + text + b"\n"

    diff = Diff.parse(data)

    file = diff.files[0]
    assert (file.added, len(file.hunks[0].lines[0].text)) == (1, len(text))
    assert apply(file, b"") == text + b"\n"


@pytest.mark.fault
def test_s20_a_gigabyte_of_text_is_refused_at_once() -> None:
    """A gigabyte that holds no entry is refused without a copy of it."""
    data = b"not a diff at all, only words\n" * 33_000_000

    tracemalloc.start()
    try:
        with pytest.raises(DiffError, match="holds no file entry"):
            Diff.parse(data)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert peak < 1_000_000
