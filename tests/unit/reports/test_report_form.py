"""The form of a review is the schema's, and its counts are the ledger's."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib import resources
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from report_samples import entry, finding, review, reviews

from codeflow_engine.domain.coverage import Coverage, CoverageEntry, UnitState
from codeflow_engine.domain.finding import Category, FindingState, Severity
from codeflow_engine.domain.review import ChangeSummary, Review, Timing
from codeflow_engine.errors import SerializationError
from codeflow_engine.reports.form import conform
from codeflow_engine.reports.json import schema

VALIDATOR = Draft202012Validator(schema())
FULL = review(
    finding(suggestion={"replacement": "x", "start_line": 1, "end_line": 2}),
    finding(suggestion={"replacement": "x", "start_line": 1, "end_line": 2, "verified": True}),
    finding(evidence=None),
    entries=[entry(), entry("a", "failed"), entry("b", "skipped", hunk=None)],
    dropped={"quote not in the change": 2},
)


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """List the path of every value in a document."""
    yield path
    if isinstance(value, dict | list):
        for key, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield from places(item, (*path, key))


def put(document: Any, path: tuple[Any, ...], value: Any) -> Any:
    """Copy a document with another value at a place."""
    if not path:
        return value
    changed = copy.deepcopy(document)
    holder = changed
    for key in path[:-1]:
        holder = holder[key]
    holder[path[-1]] = value
    return changed


def refused(document: Any) -> bool:
    """Say whether our own check refuses the form of a document."""
    try:
        conform(document)
    except SerializationError as error:
        # A contradiction between a form that is right and its ledger is no matter of schema.
        return not any(word in str(error) for word in ("counts other", "which its coverage"))
    return False


def objects(value: Any) -> Iterator[dict[str, Any]]:
    """List every object of a JSON document."""
    if isinstance(value, dict):
        yield value
    for item in value.values() if isinstance(value, dict) else value:
        if isinstance(item, dict | list):
            yield from objects(item)


def test_the_schema_is_valid_and_ships_with_the_package() -> None:
    """The file is a valid schema of the 2020-12 draft and can be had as a resource."""
    text = resources.files("codeflow_engine.reports").joinpath("review.schema.json").read_text()

    Draft202012Validator.check_schema(schema())
    assert json.loads(text) == schema()
    assert "://" not in schema()["$id"]


def test_every_object_of_the_schema_is_closed_and_every_field_described() -> None:
    """No object takes unknown keys, no field is without a description, and one may be absent."""
    for part in objects(schema()):
        for field in part.get("properties", {}).values():
            target = schema()["$defs"][field["$ref"].split("/")[-1]] if "$ref" in field else field
            assert target["description"]
        if part.get("type") == "object":
            assert "additionalProperties" in part
            optional = set(part.get("properties", ())) - set(part.get("required", ()))
            # Documents of the time before there was such a field are still read.
            assert optional <= {"verified"}


@pytest.mark.parametrize(
    ("field", "kind"),
    [("severity", Severity), ("category", Category), ("state", FindingState)],
)
def test_the_enums_of_the_schema_are_those_of_the_values(field: str, kind: Any) -> None:
    """A severity, category or state that the engine can give is one that the schema knows."""
    known = schema()["$defs"]["finding"]["properties"][field]["enum"]

    assert known == [member.value for member in kind]


def test_a_review_of_the_engine_has_the_form() -> None:
    """What `Review.to_json` gives passes the schema, and stays as it is."""
    ledger = Coverage(entries=(CoverageEntry(path="a", state=UnitState.SKIPPED, reason="big"),))
    timing = Timing(started_at=datetime.now(UTC), seconds=1.5)
    made = Review(
        run_id="r", change=ChangeSummary(), coverage=ledger, isolation="none", timing=timing
    ).to_json()

    VALIDATOR.validate(made)
    assert json.dumps(conform(made)) == json.dumps(made)


@given(reviews())
@settings(deadline=None, max_examples=50)
def test_any_review_of_the_form_is_kept_whole(made: dict[str, Any]) -> None:
    """Checking a review changes no value of it."""
    VALIDATOR.validate(made)

    assert conform(made) == made


@given(
    st.sampled_from(list(places(FULL))),
    st.sampled_from([None, True, 0, -1, 1, 1.5, 2, "", "reviewed", "1", [], {}, [1], {"a": 1}]),
)
@settings(deadline=None, max_examples=200)
def test_the_check_agrees_with_the_schema(path: tuple[Any, ...], value: Any) -> None:
    """A document with one value changed is refused exactly where a JSON Schema reader would."""
    changed = put(FULL, path, value)
    valid = VALIDATOR.is_valid(changed)
    ledger_rule = path[:2] == ("coverage", "entries") and path[-1] in {"reason", "by"}

    assert refused(changed) == (not valid) or ledger_rule


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ([], "review is not an object"),
        (review() | {"schema": 2}, "review.schema is none of 1"),
        (review() | {"more": 1}, "review has 1 unknown keys"),
        ({k: v for k, v in review().items() if k != "usage"}, "review lacks usage"),
        (review() | {1: 2}, "review has a key that is not text"),
        (review(finding(line=0)), r"review.findings\[0\].line is less than 1"),
        (review(finding(line=10**30)), r"findings\[0\].line is too large for JSON"),
        (review(finding(confidence=1.5)), "confidence is more than 1"),
        (review(finding(confidence=float("nan"))), "confidence is not a finite number"),
        (review(finding(title=b"x")), "title is not text"),
        (review(finding(line="12")), "line is not a whole number or null"),
        (put(review(), ("usage", "cost_usd"), "1\n"), "cost_usd does not match"),
        (review() | {"outcome": "partial"}, "review.outcome is not reviewed"),
        (put(review(), ("coverage", "units"), 2), "review.coverage counts other units"),
        (review(entries=[entry(by=[])]), r"review.coverage.entries\[0\] is reviewed by nobody"),
        (review(entries=[entry(by=[" "])]), r"entries\[0\]\.by\[0\] does not match"),
        (review(entries=[entry(state="failed", reason=" ")]), "gives no reason"),
    ],
)
def test_another_form_is_refused_with_its_place(changed: Any, told: str) -> None:
    """What is wrong is told with its place and without any value of the document."""
    with pytest.raises(SerializationError, match=told):
        conform(changed)


@pytest.mark.parametrize(
    ("states", "outcome"),
    [
        (["failed", "failed"], "failed"),
        (["skipped", "excluded"], "skipped"),
        (["failed", "skipped"], "failed"),
        (["reviewed", "failed"], "partial"),
        (["excluded", "excluded"], "reviewed"),
        ([], "reviewed"),
    ],
)
def test_no_ledger_reads_as_another_outcome(states: list[str], outcome: str) -> None:
    """For each ledger exactly one outcome is accepted, the one that the engine derives."""
    made = review(entries=[entry(state=state) for state in states])
    accepted = [
        other
        for other in ("reviewed", "partial", "skipped", "failed")
        if not _contradicts(made | {"outcome": other})
    ]

    assert accepted == [outcome]
    loaded = Review.from_json(made | {"outcome": "reviewed"})
    assert loaded.outcome == outcome


def _contradicts(document: dict[str, Any]) -> bool:
    try:
        conform(document)
    except SerializationError:
        return True
    return False


def test_other_mappings_and_tuples_are_taken() -> None:
    """A review need not be made of dicts and lists."""
    made = review(finding(sources=("a", "b")))

    assert conform(MappingProxyType(made))["findings"][0]["sources"] == ["a", "b"]


def test_a_text_of_a_derived_type_is_taken() -> None:
    """A member of a string enum counts as its text."""
    made = review(finding(severity=Severity.LOW))

    assert conform(made)["findings"][0]["severity"] == "low"
