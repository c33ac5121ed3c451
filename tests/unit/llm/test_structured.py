"""Answers that have to follow a form are checked in code that trusts nobody."""

from __future__ import annotations

import json
from typing import Any

import pytest
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
        ('{"findings": ' + "9" * 5000 + "}", "not JSON"),
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


def test_l13_an_answer_of_5_mb_is_read(recwarn: pytest.WarningsRecorder) -> None:
    """Size alone, up to the limit, is no reason to refuse one."""
    text = json.dumps({"findings": ["x" * 1000] * 4800})

    assert json.loads(checked(text, FORM)) == json.loads(text)


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
