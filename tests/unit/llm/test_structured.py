"""Answers that have to follow a form are checked in code that trusts nobody."""

from __future__ import annotations

import json
import time
from contextlib import suppress
from typing import Any

import pytest
from gateway_world import PAYER, Scripted, question
from hypothesis import given
from hypothesis import strategies as st

from codeflow_engine.errors import ConfigurationError
from codeflow_engine.llm.structured import MisfitError, checked

FORM: dict[str, Any] = {
    "type": "object",
    "properties": {"findings": {"type": "array", "items": {"type": "string"}}},
    "required": ["findings"],
    "additionalProperties": False,
}
GOOD = '{"findings": ["one"]}'

values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@pytest.mark.parametrize(
    "text",
    [
        GOOD,
        f"  {GOOD}\n",
        f"\ufeff{GOOD}",
        f"```json\n{GOOD}\n```",
        f"```\n{GOOD}\n```\n",
        f"Here is what I found:\n\n```json\n{GOOD}\n```\nThat is all.",
        f"Sure! {GOOD}",
        f"{GOOD} Hope that helps.",
    ],
)
def test_l13_json_is_found_inside_of_what_models_put_around_it(text: str) -> None:
    """A fence, a mark of byte order, and prose are taken away; the JSON is the same."""
    assert json.loads(checked(text, FORM)) == {"findings": ["one"]}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "not JSON"),
        ("I cannot do that.", "not JSON"),
        ('{"findings": ["one"', "not JSON"),
        ('{"findings": ["one"]', "not JSON"),
        ('{"findings": [1]}', r"\$\.findings\[0\]: type has to be \"string\""),
        ("[]", r"\$: type"),
        ("{}", r"\$: required"),
        ('{"findings": [], "more": 1}', "additionalProperties"),
        ('{"findings": [], "findings": ["x"]}', "same key twice"),
        ('{"findings": NaN}', "number that is none"),
        ('{"findings": -Infinity}', "number that is none"),
        ('{"findings": 1e999}', "beyond all limits"),
        ('{"findings": ' + "9" * 5000 + "}", "beyond all limits"),
        ("[" * 10_000 + "]" * 10_000, "nested too deeply"),
        ('{"findings": ' + "[" * 10_000, "nested too deeply|not JSON"),
        (GOOD + GOOD, "more than one"),
        (f"{GOOD} or rather {GOOD}", "more than one"),
        (f"```json\n{GOOD}\n```\n```json\n{GOOD}\n```", "more than one"),
        (" " * 5_000_001, "longer than"),
    ],
    ids=lambda value: value[:24] if isinstance(value, str) else None,
)
def test_l13_what_does_not_follow_the_form_is_refused(text: str, reason: str) -> None:
    """Each kind of nonsense has its reason, and none is taken as an answer."""
    with pytest.raises(MisfitError, match=reason):
        checked(text, FORM)


def test_l13_a_large_answer_is_read(recwarn: pytest.WarningsRecorder) -> None:
    """Size alone, up to the limit, is no reason to refuse one."""
    text = json.dumps({"findings": ["x" * 1000] * 980})

    assert json.loads(checked(text, FORM)) == json.loads(text)


def test_l13_an_answer_of_5_mb_is_refused() -> None:
    """No model writes as much, and reading it would hold up every thread."""
    with pytest.raises(MisfitError, match="longer than 1,000,000"):
        checked(json.dumps({"findings": ["x" * 1000] * 4800}), FORM)


@pytest.mark.parametrize(
    ("text", "schema"),
    [
        ("```a\n" * 160_000, {}),
        ("```\n" * 160_001, {}),
        (json.dumps([{"a": number} for number in range(60_000)]), {"uniqueItems": True}),
        ("[" * 900_000, {}),
        ('{"a":' * 190_000, {}),
        ("x" + " [" * 400_000, {}),
        ("x" + "[ " * 400_000 + '"', {}),
    ],
    ids=["open fences", "fences", "unique", "arrays", "objects", "openings", "blanks"],
)
def test_l13_no_answer_takes_longer_than_its_length_explains(
    text: str, schema: dict[str, Any]
) -> None:
    """A model that is out to keep us busy gets seconds, and not minutes."""
    began = time.perf_counter()
    with suppress(MisfitError):
        checked(text, schema)

    assert time.perf_counter() - began < 10


@pytest.mark.parametrize(
    "text",
    [
        f'{GOOD}\n```json\n{{"findings": []}}\n```',
        f'```json\n{{"findings": []}}\n```\nOr rather: {GOOD}',
        '```json\n{"findings": []}\n```\n["one"]',
    ],
)
def test_l13_json_beside_a_block_of_json_makes_both_doubtful(text: str) -> None:
    """Which of two answers is meant, nobody knows; the empty one must not win."""
    with pytest.raises(MisfitError, match="outside of its block"):
        checked(text, {})


def test_l13_brackets_in_prose_are_no_json() -> None:
    """An index, a link, or a name in braces beside the block does no harm."""
    text = f"See `a[0]`, [this](x) and {{name}}:\n```json\n{GOOD}\n```"

    assert json.loads(checked(text, FORM)) == {"findings": ["one"]}


@pytest.mark.parametrize(
    ("items", "fits"),
    [
        ([1, 1.0], False),
        ([1, True], True),
        ([{"a": 1, "b": [2]}, {"b": [2], "a": 1.0}], False),
        ([[1, 2], [2, 1]], True),
        ([None, False, 0, "", {}, []], True),
        (["a", "a"], False),
    ],
)
def test_items_are_alike_as_json_schema_says(items: list[Any], fits: bool) -> None:  # noqa: FBT001
    """1 and 1.0 are equal, true and 1 are not, and the order of keys says nothing."""
    if fits:
        assert json.loads(checked(json.dumps(items), {"uniqueItems": True})) == items
        return
    with pytest.raises(MisfitError, match="uniqueItems"):
        checked(json.dumps(items), {"uniqueItems": True})


@pytest.mark.parametrize(
    "number", ["1" + "0" * 400, "-" + "9" * 4000], ids=["larger than a float", "long"]
)
def test_l13_a_number_beyond_all_limits_is_refused(number: str) -> None:
    """A rule such as `multipleOf` would make a float of it, and fail."""
    with pytest.raises(MisfitError, match="beyond all limits"):
        checked(number, {"multipleOf": 0.5})


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "strin"},
        {"type": "string", "pattern": "("},
        {"required": 5},
        {"minimum": "x"},
        {"properties": 5},
        {"multipleOf": 0},
        {"enum": {1, 2}},
        {"type": object},
    ],
    ids=lambda schema: next(iter(schema)),
)
async def test_a_schema_that_is_none_is_told_before_anything_is_paid(
    ask: Any, schema: dict[str, Any]
) -> None:
    """It is the mistake of a workflow's author, and no model is asked for it."""
    model = Scripted("m", "5")
    with pytest.raises(ConfigurationError, match="the schema of the answer"):
        await ask(model).ask(question(answer_schema=schema), PAYER)

    assert model.requests == []


@given(values)
def test_what_fits_comes_back_unchanged(value: Any) -> None:
    """For any JSON value, with a form that takes all, the text that comes back is that value."""
    assert json.loads(checked(json.dumps(value), {})) == value


@given(st.text(max_size=200))
def test_any_text_is_refused_or_is_json(text: str) -> None:
    """Nothing but a misfit is raised, whatever a model says."""
    try:
        told = checked(text, {"type": "object"})
    except MisfitError:
        return
    assert isinstance(json.loads(told), dict)


def test_a_misfit_quotes_nothing_of_the_answer() -> None:
    """Keys and values of the model stand in no message."""
    said = "canary-7f3a"
    text = json.dumps({"findings": [{said: said}], said: 1})

    with pytest.raises(MisfitError) as refused:
        checked(text, FORM)

    assert said not in str(refused.value)


def test_a_schema_never_reaches_out() -> None:
    """A reference to another place is not looked up."""
    with pytest.raises(ConfigurationError, match="schema"):
        checked("1", {"$ref": "http://127.0.0.1:9/schema.json"})
