"""JSON that is read in steps, and answers that are kept."""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codeflow_engine.providers.vcs.github import json_reader
from codeflow_engine.providers.vcs.github.etags import Kept, Shelf

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(VALUES, st.sampled_from([None, 1]))
def test_values_are_those_of_the_standard_decoder(value: object, indent: int | None) -> None:
    """Whatever is in it, and however it is written."""
    text = json.dumps(value, indent=indent)

    assert in_steps(text) == value


@given(VALUES, st.integers(0), st.sampled_from(["", ",", "]", "}", "x", '"', ":", " 1"]))
def test_what_is_no_json_is_none_in_steps_either(value: object, at: int, put: str) -> None:
    """Both decoders refuse the same texts, or read the same."""
    text = json.dumps(value)
    at %= len(text) + 1
    broken = text[:at] + put + text[at + 1 :]

    assert outcome(in_steps, broken) == outcome(json.loads, broken)


def test_a_large_answer_does_not_hold_up_other_threads() -> None:
    """Another thread goes on while it is read: the decoder at once would hold it up."""
    rows = [{"path": f"src/module_{number}/file.py", "mode": "100644"} for number in range(150_000)]
    text = json.dumps({"tree": rows})
    reading = time.perf_counter()
    json.loads(text)
    at_once = time.perf_counter() - reading

    # A machine that stands still holds it up as well, so that the least of some tries counts.
    held = min(held_by(lambda: json_reader.parse(text)) for _ in range(3))

    assert json_reader.parse(text) == {"tree": rows}
    assert held < max(at_once / 2, 0.05)


def held_by(work: Callable[[], object]) -> float:
    """Do something, and give the longest time for which another thread did not go on."""
    longest = 0.0
    done = threading.Event()

    def watch() -> None:
        nonlocal longest
        before = time.perf_counter()
        while not done.is_set():
            time.sleep(0.001)
            now = time.perf_counter()
            longest, before = max(longest, now - before), now

    interval = sys.getswitchinterval()
    watcher = threading.Thread(target=watch)
    watcher.start()
    sys.setswitchinterval(0.001)
    try:
        work()
    finally:
        done.set()
        watcher.join()
        sys.setswitchinterval(interval)
    return longest


def in_steps(text: str) -> object:
    """Read in steps, however short the text is."""
    value, end = json_reader._value(text, json_reader._blank(text, 0), 2)
    if json_reader._blank(text, end) != len(text):
        raise json.JSONDecodeError("Extra data", text, end)
    return value


def outcome(read: object, text: str) -> object:
    """Give what a reader makes of a text."""
    assert callable(read)
    try:
        return read(text)
    except json.JSONDecodeError:
        return "refused"


def kept(size: int) -> Kept:
    return Kept(etag='"x"', headers={}, text="x" * size)


def test_g11_the_shelf_keeps_what_was_used_last_up_to_its_size() -> None:
    """What was not used for longest goes; what would fill it alone does not come in."""
    shelf: Shelf[Kept] = Shelf(80)
    for name in "abcdefgh":
        shelf.put(name, kept(10))
    shelf.get("a")

    shelf.put("i", kept(10))
    shelf.put("large", kept(11))

    assert shelf.get("a") is not None
    assert shelf.get("b") is None
    assert shelf.get("large") is None
    assert len(shelf) == 8


def test_what_is_put_again_counts_once() -> None:
    """Its size is that of the last value."""
    shelf: Shelf[bytes] = Shelf(16)
    for _ in range(20):
        shelf.put("a", b"xx")
    shelf.put("b", b"yy")
    shelf.drop("a")

    assert shelf.get("a") is None
    assert shelf.get("b") == b"yy"


@pytest.mark.parametrize(
    "text", ["[", '{"a"', '{"a":1', "[1", "[1,", '{"a":1,', '{"a":1,}', "[,]", ""]
)
def test_a_text_that_ends_early_is_refused(text: str) -> None:
    """Never read as what stands before."""
    with pytest.raises(json.JSONDecodeError):
        in_steps(text)
