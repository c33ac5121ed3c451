from __future__ import annotations

import subprocess
import sys
from collections import Counter, OrderedDict
from collections.abc import Mapping
from dataclasses import InitVar, dataclass, field
from datetime import datetime, time
from decimal import Decimal
from typing import Any, Literal
from zoneinfo import ZoneInfo

import pytest
from codec_values import KINDS, Box, Json, Leaf, Name, Positive, Tree, Word, same
from hypothesis import given
from hypothesis import strategies as st

from codeflow_engine.domain.diff import Diff
from codeflow_engine.errors import SerializationError
from codeflow_engine.runs.codec import MAX_BYTES, decode, encode
from codeflow_engine.workflows.review_input import MAX_PATCH_BYTES

VALUE = "hunter2-hunter2"


class Text(str):
    """A subclass, as parsers of XML return it."""

    __slots__ = ()


class Plain:
    """A class that says nothing of its parts."""


@dataclass
class Early:
    kept: int
    seed: InitVar[int]


@dataclass
class Derived:
    kept: int
    double: int = field(init=False)


@dataclass(init=False)
class Odd:
    kept: int


@dataclass
class Lost:
    kept: Missing  # type: ignore[name-defined] # noqa: F821 - that is the case


class SubLeaf(Leaf):
    """A subclass, which would come back as its base."""


def nested(depth: int) -> list[Any]:
    """Make a list of lists, all the way down."""
    made: list[Any] = []
    for _ in range(depth):
        made = [made]
    return made


def endless() -> dict[str, Any]:
    """Make a dict that contains itself."""
    made: dict[str, Any] = {}
    made["self"] = made
    return made


@pytest.mark.parametrize("kind", KINDS)
@given(data=st.data())
def test_a_value_comes_back_as_it_was(kind: str, data: st.DataObject) -> None:
    """A value equals what is read of it, and all its parts have the same classes."""
    declared, values = KINDS[kind]
    value = data.draw(values)

    again = decode(declared, encode(value, declared))

    assert same(again, value)


@given(st.lists(st.binary(), max_size=4), st.text(max_size=9))
def test_the_form_is_a_line_of_ascii_and_the_bytes_behind_it(blobs: list[bytes], text: str) -> None:
    """Bytes are copied as they are, in the order of the value, behind the first line feed."""
    data = encode((text, blobs), tuple[str, list[bytes]])

    line, _, rest = data.partition(b"\n")

    assert line.isascii()
    assert rest == b"".join(blobs)


def test_a_diff_is_kept_as_its_input_alone() -> None:
    """A diff costs its bytes and a length, and is read anew on the way back."""
    diff = Diff.parse(b"--- a/a\n+++ b/a\n@@ -1 +1 @@\n-x\n+\xff\n")

    data = encode(diff, Diff)

    assert data == b"%d\n%b" % (len(diff.data), diff.data)
    assert same(decode(Diff, data).units, diff.units)


def test_a_large_value_is_not_blown_up() -> None:
    """Megabytes of bytes take their own length, and a few characters."""
    value = Box(b"\xff" * 8_000_000, (b"",))

    data = encode(value, Box[bytes])

    assert len(data) < 8_000_100
    assert decode(Box[bytes], data) == value


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (float("nan"), float),
        ({"a": float("inf")}, Any),
        (Decimal("NaN"), Decimal),
        (Decimal("-Infinity"), Decimal),
        (True, int),
        (1, bool),
        (1, str),
        (1.0, int),
        (None, int),
        (b"", str),
        ("", bytes),
        (bytearray(b"x"), bytes),
        (Text("x"), str),
        (Word.YES, str),
        ("yes", Word),
        ([1], tuple[int, ...]),
        ((1,), list[int]),
        ((1,), tuple[int, int]),
        ([1], set[int]),
        (Counter("a"), dict[str, int]),
        (OrderedDict(a=1), Mapping[str, int]),
        ({1: 1}, dict[str, int]),
        ((1,), Any),
        (b"x", Any),
        ({1}, Any),
        ({1: "a"}, Any),
        (Leaf(), Any),
        (object(), object),
        (SubLeaf(), Leaf),
        ("b", Literal["a", "c"]),
        (1, Literal[True]),
        ([], Literal["a"]),
        (1.5, int | str),
        ([1, "a"], list[int] | list[str]),
        (datetime(2026, 10, 25, 2, 30, fold=1, tzinfo=ZoneInfo("Europe/Berlin")), datetime),
        (time(2, 30, tzinfo=ZoneInfo("Europe/Berlin")), time),
        (time(2, 30, fold=1), time),
        (10**5000, int),
        ({"a": 10**5000}, Any),
        (nested(100_000), Any),
        (endless(), Any),
    ],
    ids=lambda one: str(one)[:30] if isinstance(one, type) else type(one).__name__,
)
def test_what_would_come_back_otherwise_is_refused(value: Any, kind: Any) -> None:
    """Whatever is not exactly of the declared type, or has no exact form, is an error."""
    with pytest.raises(SerializationError):
        encode(value, kind)


@pytest.mark.parametrize(
    "kind",
    [
        Plain,
        list[Plain],
        Plain | None,
        Early,
        Derived,
        Odd,
        Lost,
        dict[str, Box[Plain]],
        Counter[str],
    ],
    ids=str,
)
def test_a_type_without_a_form_is_refused_whatever_the_value(kind: Any) -> None:
    """A class that does not say what it is made of has no form, and neither has what holds it."""
    with pytest.raises(SerializationError, match="has no form"):
        encode(None, kind)
    with pytest.raises(SerializationError, match="has no form"):
        decode(kind, b"null\n")


def test_a_type_that_was_refused_leaves_nothing_behind() -> None:
    """What was begun of a type that has no form is not taken for complete later."""

    @dataclass
    class Fine:
        part: int

    for _ in range(2):
        with pytest.raises(SerializationError, match="Plain has no form"):
            encode(None, tuple[Fine, Plain])
    assert decode(Fine, encode(Fine(1), Fine)) == Fine(1)


def test_an_error_names_the_place_and_quotes_nothing() -> None:
    """The way to a wrong part is told by class and field, and the value is not."""
    tree = Tree({}, Tree({Leaf(name=VALUE, data=VALUE): ()}))  # type: ignore[arg-type] # that is the case

    with pytest.raises(SerializationError) as caught:
        encode(tree, Tree)

    assert str(caught.value) == ("Tree.parent: Tree.leaves: Leaf.data: str where bytes is declared")


def test_a_value_of_no_constructor_is_refused() -> None:
    """A dataclass that lacks a field is an error, and no crash."""
    with pytest.raises(SerializationError, match=r"Leaf\.name has no value"):
        encode(object.__new__(Leaf), Leaf)


@pytest.mark.parametrize(("size", "fits"), [(99, True), (100, False)])
def test_a_value_over_the_limit_is_refused(size: int, fits: object) -> None:
    """The limit counts the whole form, and the message both numbers."""
    value = b"x" * (size - 3)
    if fits:
        assert len(encode(value, bytes, limit=99)) == 99
    else:
        with pytest.raises(SerializationError, match="takes 100 bytes, and may take 99"):
            encode(value, bytes, limit=99)
    assert MAX_PATCH_BYTES + 64 * 1024 * 1024 == MAX_BYTES


def test_equal_unions_are_one_whatever_their_order() -> None:
    """What was written for `int | str` is read for `str | int`, also in another process."""
    program = (
        "from codeflow_engine.runs.codec import *\n"
        "decode(str | int | list[bytes | int], b'[\"int\",1]\\n')\n"
        "print(encode([b'x'], list[int | bytes] | int | str))"
    )

    ran = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )

    assert ran.stdout.strip() == repr(encode([b"x"], list[int | bytes] | int | str))
    assert decode(list[bytes | int] | str | int, encode([b"x"], str | int | list[int | bytes]))


def test_classes_of_one_name_are_told_apart() -> None:
    """Two classes with the same name in a union each come back as themselves."""
    other = type("Positive", (), {"__annotations__": {"number": int}, "__module__": "elsewhere"})
    sys_like: Any = dataclass(frozen=True)(other)

    again = decode(Positive | sys_like, encode(sys_like(1), Positive | sys_like))

    assert type(again) is sys_like


def test_a_new_field_with_a_default_does_not_spoil_old_values() -> None:
    """A field that is missing gets its default; one that is not known is refused."""
    assert decode(Leaf, b'{"name":"x"}\n') == Leaf(name="x")
    with pytest.raises(SerializationError):
        decode(Leaf, b'{"name":"x","colour":1}\n')
    with pytest.raises(SerializationError):
        decode(Positive, b"{}\n")


def test_fields_may_change_their_order() -> None:
    """Bytes lie in the order of the written fields, whatever the order of the class is now."""
    assert decode(Leaf, b'{"data":1,"name":"x"}\ny') == Leaf(name="x", data=b"y")


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        (Any, b""),
        (Any, b"1"),
        (Any, b"\n"),
        (Any, b"{\n"),
        (Any, b"NaN\n"),
        (float, b"1e999\n"),
        (Any, b"1e999\n"),
        (Any, b"Infinity\n"),
        (Any, b"1\nx"),
        (Any, b'"\xff"\n'),
        (Any, b"[" * 100_000 + b"\n"),
        (int, b"1.0\n"),
        (int, b"true\n"),
        (str, b"1\n"),
        (str, b'"\\u0000zz"\n'),
        (str, b'"\\u00000011"\n'),
        (bytes, b"2\nx"),
        (bytes, b"-1\nx"),
        (bytes, b"true\nx"),
        (bytes, b'"x"\nx'),
        (Diff, b"5\nhello"),
        (Word, b'"maybe"\n'),
        (Word, b"[]\n"),
        (Decimal, b'"NaN"\n'),
        (Decimal, b'"x"\n'),
        (datetime, b'"yesterday"\n'),
        (tuple[int, str], b"[1]\n"),
        (tuple[int, ...], b'["a"]\n'),
        (set[int], b"[1,1]\n"),
        (set[Json], b"[[]]\n"),
        (dict[int, int], b"[[1,1],[1,2]]\n"),
        (dict[int, int], b"[[1]]\n"),
        (dict[int, int], b"{}\n"),
        (dict[Any, int], b"[[[],1]]\n"),
        (int | str, b"1\n"),
        (int | str, b'["float",1]\n'),
        (int | str, b'[["int"],1]\n'),
        (Literal["a"], b'"b"\n'),
        (Leaf, b"[]\n"),
        (Positive, b'{"number":0}\n'),
        (Name, b"1\n"),
    ],
)
def test_damaged_data_is_an_error(kind: Any, data: bytes) -> None:
    """Whatever no value was written as is refused, and what checks of a class say is not told."""
    with pytest.raises(SerializationError) as caught:
        decode(kind, data)

    assert "secret" not in str(caught.value)


@given(st.data())
def test_data_that_is_cut_or_altered_never_crashes(data: st.DataObject) -> None:
    """A value of some type comes back, or a typed error does."""
    kind = data.draw(st.sampled_from(sorted(KINDS)))
    declared, values = KINDS[kind]
    whole = bytearray(encode(data.draw(values), declared))
    place = data.draw(st.integers(0, len(whole) - 1))
    if data.draw(st.booleans()):
        del whole[place:]
    else:
        whole[place] = data.draw(st.integers(0, 255))

    try:
        value = decode(declared, bytes(whole))
    except SerializationError:
        return
    assert same(decode(declared, encode(value, declared)), value)


def test_writing_loads_no_pydantic() -> None:
    """Neither the codec nor a value of it costs the command line the start of Pydantic."""
    program = (
        "import sys\n"
        "from codeflow_engine.domain.change import ChangeRequest\n"
        "from codeflow_engine.runs.codec import decode, encode\n"
        "decode(ChangeRequest, encode(ChangeRequest(target='x'), ChangeRequest))\n"
        "print('pydantic' in sys.modules)"
    )

    ran = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )

    assert ran.stdout.strip() == "False"
