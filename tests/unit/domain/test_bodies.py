"""Bodies of rows: the text of any value is JSON, and is read back as an equal one."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from enum import Enum, IntEnum, StrEnum
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codeflow_engine.domain.bodies import encode
from codeflow_engine.errors import StorageError


class Word(StrEnum):
    YES = "yes"


class Number(IntEnum):
    ONE = 1


class Other(Enum):
    ONE = "one"


@dataclass(frozen=True, slots=True)
class Single:
    value: Any


@dataclass(frozen=True, slots=True)
class Several:
    first: Any
    second: Any = None


@dataclass(frozen=True, slots=True)
class Nothing:
    pass


NOON = datetime(2026, 1, 2, 12, 0, 0, 5, tzinfo=UTC)
PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    # Halves of characters that stand side by side are refused.
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda parts: st.lists(parts) | st.dictionaries(st.text(max_size=5), parts),
    max_leaves=20,
)


@given(PLAIN)
def test_plain_data_is_written_as_json_writes_it(value: object) -> None:
    """To the letter: what an older version has written is read by the same code."""
    told = encode("a row", Several(value))

    assert told == json.dumps({"first": value, "second": None}, separators=(",", ":"))


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        (Single(1), {"value": 1}),
        (Nothing(), {}),
        ((Single("a"), [Nothing()]), [{"value": "a"}, [{}]]),
        ({"a": Several(1.5, second=True)}, {"a": {"first": 1.5, "second": True}}),
        (Word.YES, "yes"),
        (Number.ONE, 1),
        (Other.ONE, "one"),
        (Decimal("0.10"), "0.10"),
        (NOON, "2026-01-02T12:00:00.000005+00:00"),
        (NOON.astimezone(timezone(timedelta(hours=2))), "2026-01-02T14:00:00.000005+02:00"),
        ('\ud800 % "\\', '\ud800 % "\\'),
    ],
)
def test_a_value_of_this_package_is_written_as_plain_data(value: object, plain: object) -> None:
    """Dataclasses by their fields, enumerations by their values, moments in ISO 8601."""
    assert json.loads(encode("a row", Several(value))) == {"first": plain, "second": None}


@pytest.mark.parametrize(
    "value",
    [
        float("nan"),
        float("-inf"),
        Decimal("inf"),
        datetime(2026, 1, 2),  # noqa: DTZ001 - it is what is refused
        "\ud83d\ude00",
        {"\ud83d\ude00": 1},
        {1: "a"},
        {1, 2},
        b"bytes",
        pytest.param(10**5000, id="many digits"),
    ],
)
def test_what_has_no_json_form_is_refused(value: object) -> None:
    """It would come back as something else; the error names the row."""
    with pytest.raises(StorageError, match=r"^a row cannot be stored"):
        encode("a row", [Single(value)])


def test_a_value_that_contains_itself_is_refused() -> None:
    """It has no end."""
    endless: list[object] = []
    endless.append(endless)

    with pytest.raises(StorageError, match="a row cannot be stored"):
        encode("a row", endless)
