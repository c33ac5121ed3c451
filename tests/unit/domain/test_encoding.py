from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from enum import Enum, StrEnum
from typing import Annotated, Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field, field_validator
from pydantic_core import PydanticCustomError

from codeflow_engine.domain.encoding import from_plain, to_plain
from codeflow_engine.errors import SerializationError

VALUE = "hunter2-hunter2"


class Color(StrEnum):
    RED = "red"


class Number(Enum):
    ONE = 1


@dataclass(frozen=True, kw_only=True)
class Point:
    """A value with nested values."""

    x: int
    tags: tuple[str, ...] = ()
    next: Point | None = None


def test_values_become_plain_data() -> None:
    """Dataclasses, enums, tuples and mappings become what `json.dumps` takes."""
    value = {
        "point": Point(x=1, tags=("a", "b"), next=Point(x=2)),
        Color.RED: (Number.ONE, Color.RED),
        "flags": [True, None, 1.5],
    }

    assert to_plain(value) == {
        "point": {"x": 1, "tags": ["a", "b"], "next": {"x": 2, "tags": [], "next": None}},
        "red": [1, "red"],
        "flags": [True, None, 1.5],
    }


def test_a_subclass_of_text_becomes_plain_text() -> None:
    """Encoders that ask for the exact type take what comes out."""

    class Path(str):
        __slots__ = ()

    assert type(to_plain(Path("a"))) is str


@pytest.mark.parametrize("number", ["0.1", "1E-7", "1234567890.000000001", "0", "1E+3", "1E+400"])
def test_a_decimal_keeps_every_digit(number: str) -> None:
    """Money is written as text, and read back as the same number."""
    plain = to_plain(Decimal(number))

    assert plain == number
    assert Decimal(plain).as_tuple() == Decimal(number).as_tuple()


@pytest.mark.parametrize(
    "value",
    [
        *(float("nan"), float("inf"), float("-inf")),
        *(Decimal("NaN"), Decimal("sNaN"), Decimal("Infinity")),
    ],
    ids=str,
)
def test_a_number_that_is_not_finite_is_refused(value: object) -> None:
    """JSON has no NaN and no infinity, and most readers refuse what Python would write."""
    with pytest.raises(SerializationError, match="not finite has no JSON form"):
        to_plain([{"x": value}])


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("caf\udce9", r"caf\xe9"),
        ("\udcc3\udca9", r"\xc3\xa9"),
        ("\udc80\udcff", r"\x80\xff"),
        ("\ud800", r"\ud800"),
        ("\udfff \ude00", r"\udfff \ude00"),
        ("é \U0001f600", "é \U0001f600"),
    ],
)
def test_lone_surrogates_become_escapes(text: str, plain: str) -> None:
    """Bytes that are not UTF-8 are shown as bytes, any other surrogate as its number."""
    assert to_plain(text) == plain
    assert to_plain({text: text}) == {plain: plain}


@given(st.text(st.characters(exclude_categories=[])))
def test_every_text_can_be_written_as_utf_8(text: str) -> None:
    """Whatever a path held, the JSON document is valid UTF-8."""
    json.dumps(to_plain(text), ensure_ascii=False).encode("utf-8")


@given(st.datetimes(timezones=st.timezones()))
def test_a_time_comes_back_as_the_same_moment(moment: datetime) -> None:
    """Its text has an offset in whole minutes, as RFC 3339 wants it."""
    plain = to_plain(moment)

    again = datetime.fromisoformat(plain)
    # Compared in UTC: times of one zone that differ in `fold` alone are equal to Python.
    assert again.astimezone(UTC) == moment.astimezone(UTC)
    offset = again.utcoffset()
    assert offset is not None
    assert offset.total_seconds() % 60 == 0


def test_an_offset_with_seconds_becomes_utc() -> None:
    """Local mean time, as before railways, has no form in RFC 3339."""
    odd = timezone(timedelta(hours=1, seconds=30))

    assert to_plain(datetime(2026, 1, 1, 1, 0, 30, tzinfo=odd)) == "2026-01-01T00:00:00+00:00"


def test_a_time_without_a_zone_is_refused() -> None:
    """It would be another moment on another machine."""
    with pytest.raises(SerializationError, match="without a zone"):
        to_plain(datetime(2026, 1, 1))  # noqa: DTZ001 - what the test is about


@pytest.mark.parametrize("value", [object(), {1, 2}, b"bytes", Point, 1j], ids=lambda v: str(v)[:9])
def test_what_has_no_json_form_is_refused(value: object) -> None:
    """Nothing is written by its `repr`; the message names the type alone."""
    with pytest.raises(SerializationError, match=r"a value of type \w+ has no JSON form"):
        to_plain({"x": (value,)})


@pytest.mark.parametrize("key", [1, None, True, 1.5, (1, 2), Number.ONE], ids=str)
def test_a_key_that_is_no_text_is_refused(key: object) -> None:
    """`json.dumps` would quietly make text of some, so that they come back as another key."""
    with pytest.raises(SerializationError, match=r"a key of type \w+ has no JSON form"):
        to_plain({key: 1})


def test_plain_data_becomes_a_value() -> None:
    """Lists become tuples, and nested objects their types."""
    plain = {"x": 1, "tags": ["a"], "next": {"x": 2}}

    assert from_plain(Point, plain) == Point(x=1, tags=("a",), next=Point(x=2))


@pytest.mark.parametrize(
    ("plain", "told"),
    [
        ({"x": 1, "y": VALUE}, "y: Unexpected keyword argument"),
        ({"x": 1, "next": {"x": 1, "y": VALUE}}, "next.y: Unexpected keyword argument"),
        ({"x": VALUE}, "x: Input should be a valid integer, unable to parse"),
        ({"x": 1, "tags": [VALUE, 1]}, "tags.1: Input should be a valid string"),
        ({}, "x: Field required"),
        (VALUE, "Input should be a dictionary or an instance of Point"),
        (None, "Input should be a dictionary or an instance of Point"),
    ],
)
def test_what_has_another_form_is_refused_by_its_place(plain: Any, told: str) -> None:
    """The message says where and why, and never quotes a value."""
    with pytest.raises(SerializationError) as caught:
        from_plain(Point, plain)

    assert caught.value.message.startswith(f"not a valid Point: {told}")
    assert VALUE not in caught.value.message
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def test_a_hostile_key_cannot_write_into_a_log() -> None:
    """Control characters in the name of a place are escaped, and a long name is cut."""
    hostile = "\x1b[2J\r\nroot logged in" + "x" * 1000

    with pytest.raises(SerializationError) as caught:
        from_plain(Point, {"x": 1, hostile: 1})

    assert caught.value.message.startswith(r"not a valid Point: \x1b[2J\r\nroot logged in")
    assert caught.value.message.isprintable()
    assert len(caught.value.message) < 150


def test_many_errors_are_cut() -> None:
    """Five places are told, and the number of the others."""
    with pytest.raises(SerializationError, match=r"; and 95 more$") as caught:
        from_plain(Point, {"x": 1, "tags": list(range(100))})

    assert caught.value.message.count("tags.") == 5


class Checked(BaseModel):
    """A type of a plugin, with checks that quote what they check."""

    by_value: str = ""
    by_assertion: str = ""
    by_custom: str = ""

    @field_validator("by_value")
    @classmethod
    def check_value(cls, value: str) -> str:
        if value:
            raise ValueError(f"{value} is wrong")
        return value

    @field_validator("by_assertion")
    @classmethod
    def check_assertion(cls, value: str) -> str:
        assert not value, f"{value} is wrong"
        return value

    @field_validator("by_custom")
    @classmethod
    def check_custom(cls, value: str) -> str:
        if value:
            raise PydanticCustomError("acme", "{value} is wrong", {"value": value})
        return value


class Cat(BaseModel):
    kind: Literal["cat"]


class Dog(BaseModel):
    kind: Literal["dog"]


class Owner(BaseModel):
    pet: Annotated[Cat | Dog, Field(discriminator="kind")]


@pytest.mark.parametrize(
    ("kind", "plain", "place"),
    [
        (Checked, {"by_value": VALUE}, "by_value"),
        (Checked, {"by_assertion": VALUE}, "by_assertion"),
        (Checked, {"by_custom": VALUE}, "by_custom"),
        (Owner, {"pet": {"kind": VALUE}}, "pet"),
    ],
)
def test_s33_a_foreign_check_cannot_quote_a_value(
    kind: type[BaseModel], plain: Any, place: str
) -> None:
    """The words of a plugin's own check are left out, since the value may be among them."""
    with pytest.raises(SerializationError) as caught:
        from_plain(kind, plain)

    assert caught.value.message == f"not a valid {kind.__name__}: {place}: the value is refused"


@pytest.mark.parametrize("kind", [int | str, list[int]])
def test_a_kind_without_a_plain_name_can_be_asked_for(kind: Any) -> None:
    """A union or a generic type is named as Python writes it."""
    with pytest.raises(SerializationError, match=r"^not a valid (int \| str|list|Union)"):
        from_plain(kind, {})


def scalars() -> st.SearchStrategy[Any]:
    return st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()


def nested(children: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.lists(children) | st.dictionaries(st.text(), children)


@given(st.recursive(scalars(), nested, max_leaves=10))
def test_plain_data_stays_as_it_is(plain: Any) -> None:
    """JSON data passes unchanged, unless a number in it is infinite."""
    try:
        text = json.dumps(plain, allow_nan=False)
    except ValueError:
        with pytest.raises(SerializationError):
            to_plain(plain)
        return

    assert json.dumps(to_plain(plain)) == text


@pytest.mark.parametrize("make", [dict, list, tuple], ids=lambda kind: kind.__name__)
def test_an_empty_container_is_kept(make: Callable[[], Any]) -> None:
    """Nothing is not None."""
    assert to_plain(make()) == ({} if make is dict else [])
