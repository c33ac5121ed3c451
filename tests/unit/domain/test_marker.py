from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codeflow_engine.domain.marker import MARKER_ROOM, Marker, find_markers

values = st.from_regex(r"[A-Za-z0-9_.:-]{1,100}", fullmatch=True)
markers = st.builds(
    Marker,
    kind=st.from_regex(r"[a-z]{1,20}", fullmatch=True),
    key=values,
    run=st.none() | values,
    finding=st.none() | values,
)
plain = st.text().filter(lambda text: "<!-- codeflow" not in text)


@given(st.lists(markers, max_size=3), plain, plain)
def test_g28_what_was_written_is_found(written: list[Marker], above: str, below: str) -> None:
    """Whatever text stands around them, markers are found again, in their order."""
    text = above + "\n".join(marker.write() for marker in written) + below

    found = find_markers(text)

    assert [*found] == written
    assert all(len(marker.write()) <= MARKER_ROOM for marker in written)


@given(values, st.integers(0, 200))
def test_g28_half_a_marker_is_none(key: str, length: int) -> None:
    """One that was cut off, as by a limit of a host, is not found."""
    whole = Marker(kind="summary", key=key).write()

    assert find_markers(whole[: min(length, len(whole) - 1)]) == ()


@pytest.mark.parametrize("value", ["", "a b", "-->", "a\n", "é", "a" * 101, "key=1"])
def test_g28_no_value_ends_its_marker(value: str) -> None:
    """A value from elsewhere cannot end the comment, or say more than it may."""
    with pytest.raises(ValueError, match="letters"):
        Marker(kind="comment", key="0" * 64, finding=value)


def test_s20_a_long_text_of_almost_markers_is_read_in_time() -> None:
    """A megabyte of beginnings takes no more than a moment."""
    text = "<!-- codeflow:v1 kind=summary key=" + "a" * 90
    text *= 1_000_000 // len(text)
    began = time.process_time()

    assert find_markers(text) == ()
    assert time.process_time() - began < 2
