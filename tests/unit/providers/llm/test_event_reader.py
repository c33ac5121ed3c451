"""A stream of server-sent events is cut as the standard says, however its bytes come."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codeflow_engine.errors import InvalidResponseError, ProviderUnavailableError
from codeflow_engine.providers.llm.calls.events import EventReader
from codeflow_engine.providers.llm.calls.faults import Called

CALLED = Called(provider="p", model="m", key_name="P_API_KEY")


def read(*parts: bytes) -> tuple[list[Any], bool]:
    """Read parts of a stream, and say whether it has told its end."""
    reader = EventReader(CALLED)
    return [told for part in parts for told in reader.feed(part, {})], reader.is_done


@pytest.mark.parametrize(
    "stream",
    [
        b'data: {"a": 1}\n\n',
        b'data:{"a": 1}\n\n',
        b'data: {"a": 1}\r\n\r\n',
        b'data: {"a": 1}\r\r:\n',
        b'\xef\xbb\xbfdata: {"a": 1}\n\n',
        b': kept alive\n\nid: 7\nretry: 1\nevent: x\ndata: {"a": 1}\n\n',
        b'data: {"a":\ndata: 1}\n\n',
        b'\n\n\ndata: {"a": 1}\n\n\n\n',
        b'data: {"a": 1}\n\ndata: {"cut": ',
    ],
)
def test_l19_each_usual_form_is_read(stream: bytes) -> None:
    """Line ends, comments, a byte order mark, several lines, and an event that is cut."""
    assert read(stream) == ([{"a": 1}], False)


@given(
    texts=st.lists(st.text(max_size=20), max_size=5),
    ends=st.sampled_from([b"\n", b"\r\n"]),
    cuts=st.lists(st.integers(0, 400), max_size=10),
)
def test_l19_how_bytes_come_makes_no_difference(
    texts: list[str], ends: bytes, cuts: list[int]
) -> None:
    """A character, a line's end and an event may be split anywhere."""
    events = [json.dumps({"t": text}, ensure_ascii=False) for text in texts]
    written = [b"data: " + event.encode("utf-8", "replace") + ends * 2 for event in events]
    stream = b"".join([*written, b"data: [DONE]", ends * 2])
    places = sorted({0, len(stream), *(cut for cut in cuts if cut < len(stream))})
    parts = [stream[one:two] for one, two in itertools.pairwise(places)]

    assert read(*parts) == read(stream)
    assert read(stream) == ([{"t": told} for told in map(replaced, texts)], True)


def replaced(text: str) -> str:
    """Give a text as it comes back from UTF-8."""
    return text.encode("utf-8", "replace").decode()


def test_nothing_is_read_after_the_end() -> None:
    """What stands behind `[DONE]` is no part of the answer."""
    assert read(b'data: 1\n\ndata: [DONE]\n\ndata: {"late": 1}\n\n') == ([1], True)


@pytest.mark.parametrize("data", [b"{", b"NOT", b"\xff\xfe", b"[" * 100_000])
def test_l19_an_event_that_is_no_json_is_an_error(data: bytes) -> None:
    """No raw error of a decoder escapes."""
    with pytest.raises(InvalidResponseError):
        read(b"data: " + data + b"\n\n")


def test_l20_an_event_of_the_name_error_is_one() -> None:
    """Its type says which, whatever form its data has."""
    with pytest.raises(ProviderUnavailableError) as caught:
        read(b'event: error\ndata: {"type": "overloaded_error", "message": "busy"}\n\n')

    assert caught.value.kind == "overloaded"


def test_an_endless_line_is_an_error() -> None:
    """A server cannot fill the memory with one event."""
    with pytest.raises(InvalidResponseError, match="no end"):
        read(*[b"x" * (1 << 20)] * 17)
