from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codeflow_engine.domain.effect import Effect, EffectKind, Plan, effect_key
from codeflow_engine.errors import SerializationError

HEAD = "1" * 40
PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.text(st.characters(codec="utf-8")),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(codec="utf-8")), inner),
    max_leaves=6,
)


def effect(**fields: Any) -> Effect:
    given = {"target": "o/r#1", "kind": EffectKind.SUMMARY, "head": HEAD, "payload": {}}
    content = fields.pop("content", None)
    made = {**given, **fields}
    key = effect_key(made["target"], made["kind"], made["head"], content)
    return Effect(**{"key": key, **made})


def plan(*effects: Effect, **fields: Any) -> Plan:
    given = {"provider": "github", "target": "o/r#1", "head": HEAD, "run_id": "r1"}
    return Plan(**{**given, "effects": effects, **fields})


def plain(*effects: Effect) -> dict[str, Any]:
    """Give the JSON form of a plan, after a way through text."""
    form: dict[str, Any] = json.loads(json.dumps(plan(*effects).to_json()))
    return form


@given(PLAIN)
def test_equal_content_has_an_equal_key(content: object) -> None:
    """A key is the same in every process, and for a copy of the content that came as JSON."""
    key = effect_key("t", EffectKind.CHECK, HEAD, content)

    assert key == effect_key("t", EffectKind.CHECK, HEAD, json.loads(json.dumps(content)))
    assert len(key) == 64


def test_a_key_does_not_change_between_releases() -> None:
    """What is on a host is found again by the key that an older release gave it."""
    key = effect_key("o/r#1", EffectKind.REVIEW, HEAD, ["f00d", {"b": 1, "a": "\xe9"}])

    assert key == "24be5133f86228f7fd54440d8e05a32adced504e083290b05c117189286e5fbb"
    assert key == effect_key("o/r#1", EffectKind.REVIEW, HEAD, ["f00d", {"a": "\xe9", "b": 1}])


@pytest.mark.parametrize(
    "other",
    [
        ("t2", EffectKind.CHECK, HEAD, ["a"]),
        ("t", EffectKind.REVIEW, HEAD, ["a"]),
        ("t", EffectKind.CHECK, "2" * 40, ["a"]),
        ("t", EffectKind.CHECK, HEAD, ["b"]),
        ("t", EffectKind.CHECK, HEAD, "a"),
        ("t", EffectKind.CHECK, HEAD, None),
    ],
)
def test_another_target_kind_head_or_content_has_another_key(other: tuple[Any, ...]) -> None:
    """Each of the four tells effects apart."""
    assert effect_key(*other) != effect_key("t", EffectKind.CHECK, HEAD, ["a"])


@pytest.mark.parametrize("content", [float("nan"), {1, 2}, b"x", object()])
def test_content_that_is_no_json_has_no_key(content: object) -> None:
    """What could not be compared in another process is refused."""
    with pytest.raises(SerializationError):
        effect_key("t", EffectKind.CHECK, HEAD, content)


def test_the_key_of_a_plan_is_that_of_its_effects() -> None:
    """Provider and run do not count; target, head, effects and their order do."""
    one, two = effect(content=1), effect(content=2)
    there = [effect(content=1, target="o/r#2")]

    key = plan(one, two).key

    assert key == plan(one, two, run_id="r2", provider="other").key
    others = [plan(two, one), plan(one), plan(), plan(*there, target="o/r#2")]
    assert len({key, *(other.key for other in others)}) == 5


@pytest.mark.parametrize("fields", [{"target": "o/r#2"}, {"head": "2" * 40}])
def test_a_plan_holds_effects_of_its_target_and_head_alone(fields: dict[str, Any]) -> None:
    """One effect for somewhere else, or for another head, spoils the plan."""
    with pytest.raises(ValueError, match="goes to its target"):
        plan(effect(), effect(**fields))
    with pytest.raises(ValueError, match="goes to its target"):
        plan(effect(**fields))


def test_a_plan_holds_no_effect_twice() -> None:
    """Two effects with one key are one effect."""
    with pytest.raises(ValueError, match="the same key"):
        plan(effect(), effect(payload={"body": "other words"}))


@given(st.dictionaries(st.text(st.characters(codec="utf-8")), PLAIN))
def test_a_plan_comes_back_from_json(payload: dict[str, Any]) -> None:
    """A plan is equal after a way through text, whatever its payloads hold."""
    made = plan(effect(payload=payload), effect(content=1, kind=EffectKind.CHECK))

    assert Plan.from_json(json.loads(json.dumps(made.to_json()))) == made


@pytest.mark.parametrize(
    "fields",
    [
        {"schema": 2},
        {"schema": True},
        {"key": "0" * 64},
        {"key": None},
        {"target": "o/r#2"},
        {"head": "2" * 40},
        {"effects": []},
        {"effects": None},
        {"note": "more"},
        {"provider": 1},
    ],
    ids=repr,
)
def test_a_plan_of_another_form_is_refused(fields: dict[str, Any]) -> None:
    """Another schema, an unknown key, and effects that the key is not of, are errors."""
    with pytest.raises(SerializationError):
        Plan.from_json(plain(effect()) | fields)


@pytest.mark.parametrize("given", [None, [], {}, "text"])
def test_what_is_no_plan_is_refused(given: Any) -> None:
    """Anything that is no object with a schema is an error."""
    with pytest.raises(SerializationError):
        Plan.from_json(given)


def test_an_effect_that_was_altered_is_found_out() -> None:
    """An effect with another key than the plan was made of is no part of it."""
    form = plain(effect())
    form["effects"][0]["key"] = "0" * 64

    with pytest.raises(SerializationError, match="not that of its effects"):
        Plan.from_json(form)
