from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codeflow_engine.domain.coverage import Coverage, CoverageEntry, Outcome, UnitState
from codeflow_engine.domain.diff import Side
from codeflow_engine.domain.effect import Effect, EffectKind, Plan
from codeflow_engine.domain.finding import FindingState, Severity
from codeflow_engine.domain.marker import MARKER_ROOM
from codeflow_engine.domain.publishing import Conclusion, PublishPolicy
from codeflow_engine.domain.review import ChangeSummary, Review, Timing
from codeflow_engine.domain.usage import Usage
from codeflow_engine.errors import ConfigurationError
from codeflow_engine.publish.bodies import measure
from codeflow_engine.publish.checks import conclude
from codeflow_engine.publish.planning import plan
from codeflow_engine.runs.codec import decode, encode
from review_builds import finding, review, reviews

HEAD = "1" * 40
CHANGE = ChangeSummary(title="Change", head=HEAD, files=1)
ALIVE = {FindingState.NEW, FindingState.OPEN}


def planned(made: Review, **given: Any) -> Plan:
    return plan(made, provider="github", target="o/r#1", **given)


def effects(made: Review, **given: Any) -> dict[EffectKind, Effect]:
    return {effect.kind: effect for effect in planned(made, **given).effects}


def of_head(made: Review) -> Review:
    return replace(made, change=replace(made.change, head=HEAD))


def ledger(*states: UnitState, by: tuple[str, ...] = ("ruff",)) -> Coverage:
    entries = [
        CoverageEntry(
            path=f"{number}.py", hunk=0, state=state, reason="why", by=by if "rev" in state else ()
        )
        for number, state in enumerate(states)
    ]
    return Coverage(entries=tuple(entries))


def test_a_review_without_findings_has_summary_and_check() -> None:
    """A clean review is told, too, and there is nothing to say beside the code."""
    made = planned(review(change=CHANGE))

    assert [effect.kind for effect in made.effects] == [EffectKind.SUMMARY, EffectKind.CHECK]
    assert (made.provider, made.target, made.head, made.run_id) == ("github", "o/r#1", HEAD, "r1")
    check = made.effects[1].payload
    assert check["conclusion"] == "success"
    assert check["title"] == "Review complete: no findings"
    assert check["summary"] == made.effects[0].payload["body"]


def test_a_finding_on_a_line_becomes_a_comment() -> None:
    """It stands at its place, with its message, and not with the code, which is there anyway."""
    one = finding(line=2, end_line=3, side=Side.NEW, message="Do this.")
    other = finding(fingerprint="beef", line=7, side=Side.OLD, state=FindingState.OPEN)

    payload = effects(review(change=CHANGE, findings=(one, other)))[EffectKind.REVIEW].payload

    first, second = payload["comments"]
    assert payload["body"] == "Review complete: 2 findings (2 low)\n"
    assert "Do this." in first.pop("body")
    assert "Code, line" not in second.pop("body")
    assert first == {
        "fingerprint": "f00d",
        "path": "a.py",
        "side": "new",
        "line": 2,
        "end_line": 3,
        "severity": "low",
        "suggestion": None,
    }
    assert [second[name] for name in ("side", "line", "end_line")] == ["old", 7, 7]


def test_a_review_says_how_many_of_the_findings_are_told_in_it() -> None:
    """Where others stand elsewhere; its first line counts them all."""
    made = review(change=CHANGE, findings=(finding(), finding(fingerprint="b", line=None)))

    body = effects(made)[EffectKind.REVIEW].payload["body"]
    assert body == "Review complete: 2 findings (2 low)\n\nNew beside the code: 1.\n"


@pytest.mark.parametrize(
    "fields",
    [
        {"line": None},
        {"state": FindingState.RESOLVED},
        {"state": FindingState.DISMISSED},
        {"path": "l\udcff.py"},
    ],
    ids=repr,
)
def test_a_finding_without_a_place_is_told_in_the_summary_alone(fields: dict[str, Any]) -> None:
    """What speaks of a whole file, or counts no more, gets no comment."""
    made = effects(review(change=CHANGE, findings=(finding(**fields),)))

    assert EffectKind.REVIEW not in made


@given(reviews().map(of_head), st.none() | st.sampled_from(Severity))
def test_only_a_complete_review_without_findings_is_a_success(
    made: Review, fail_at: Severity | None
) -> None:
    """A success is earned by all units and no finding, and what is not complete passes nowhere."""
    check = effects(made, policy=PublishPolicy(fail_at=fail_at))[EffectKind.CHECK].payload
    live = [one.severity for one in made.findings if one.state in ALIVE]
    grave = fail_at is not None and any(one.at_least(fail_at) for one in live)

    assert check["conclusion"] == conclude(made, fail_at=fail_at).value
    if check["conclusion"] == "success":
        assert made.outcome is Outcome.REVIEWED
        assert not live
    assert made.outcome is Outcome.REVIEWED or check["conclusion"] in {"action_required", "failure"}
    assert (check["conclusion"] == "failure") == (grave or made.outcome is Outcome.FAILED)


@pytest.mark.parametrize(
    ("coverage", "conclusion"),
    [
        (ledger(), Conclusion.SUCCESS),
        (ledger(UnitState.REVIEWED), Conclusion.SUCCESS),
        (ledger(UnitState.REVIEWED, UnitState.EXCLUDED), Conclusion.SUCCESS),
        (ledger(UnitState.EXCLUDED), Conclusion.NEUTRAL),
        (ledger(UnitState.SKIPPED), Conclusion.ACTION_REQUIRED),
        (ledger(UnitState.REVIEWED, UnitState.SKIPPED), Conclusion.ACTION_REQUIRED),
        (ledger(UnitState.REVIEWED, UnitState.FAILED), Conclusion.ACTION_REQUIRED),
        (ledger(UnitState.FAILED, UnitState.SKIPPED), Conclusion.FAILURE),
    ],
)
def test_the_check_follows_the_ledger(coverage: Coverage, conclusion: Conclusion) -> None:
    """What nobody has examined is no success, whatever was not found in it."""
    assert conclude(review(coverage=coverage)) is conclusion


@pytest.mark.parametrize(
    ("severity", "fail_at", "conclusion"),
    [
        (Severity.HIGH, Severity.HIGH, Conclusion.FAILURE),
        (Severity.CRITICAL, Severity.HIGH, Conclusion.FAILURE),
        (Severity.MEDIUM, Severity.HIGH, Conclusion.NEUTRAL),
        (Severity.INFO, Severity.INFO, Conclusion.FAILURE),
        (Severity.CRITICAL, None, Conclusion.NEUTRAL),
    ],
)
def test_the_host_chooses_what_fails(
    severity: Severity, fail_at: Severity | None, conclusion: Conclusion
) -> None:
    """Findings below the chosen severity are neutral, and without a choice all are."""
    made = review(findings=(finding(severity=severity),))

    assert conclude(made, fail_at=fail_at) is conclusion


@given(reviews().map(of_head), st.randoms())
def test_two_runs_that_found_the_same_plan_the_same(made: Review, random: Any) -> None:
    """Run, time, cost, isolation, words and order of the findings change no key."""
    shuffled = [replace(one, title="Otherwise", message="put") for one in made.findings]
    random.shuffle(shuffled)
    again = replace(
        made,
        run_id="another",
        timing=Timing(started_at=datetime(2030, 1, 1, tzinfo=UTC), seconds=99),
        usage=Usage(calls=9, cost_usd=Decimal(9)),
        isolation="bwrap",
        findings=tuple(shuffled),
    )

    assert planned(again).key == planned(made).key


@given(reviews().map(of_head))
def test_a_plan_is_a_function_of_the_review(made: Review) -> None:
    """The same review gives the same plan, which is kept whole as JSON and in the journal."""
    first = planned(made)

    assert planned(made) == first
    assert Plan.from_json(json.loads(json.dumps(first.to_json()))) == first
    assert decode(Plan, encode(first, Plan)) == first


@pytest.mark.parametrize(
    ("fields", "kinds"),
    [
        ({"findings": (finding(), finding(fingerprint="b"))}, {"review", "summary", "check"}),
        ({"findings": (finding(state=FindingState.OPEN),)}, set()),
        ({"findings": (finding(severity=Severity.HIGH),)}, {"summary", "check"}),
        ({"findings": (finding(state=FindingState.DISMISSED),)}, {"review", "summary", "check"}),
        ({"findings": (finding(), finding(fingerprint="b", state=FindingState.RESOLVED))}, set()),
        ({"coverage": ledger(UnitState.REVIEWED, UnitState.FAILED)}, {"summary", "check"}),
        ({"change": replace(CHANGE, head="2" * 40)}, {"review", "summary", "check"}),
        ({"dropped": {"no such line": 1}}, set()),
    ],
)
def test_what_differs_has_another_key(fields: dict[str, Any], kinds: set[str]) -> None:
    """Other findings, another ledger and another head are other effects, each where it shows."""
    given = {"change": CHANGE, "findings": (finding(),)}
    base = effects(review(**given))

    made = effects(review(**given | fields))

    keys = {effect.key for effect in made.values()}
    assert {kind.value for kind, effect in base.items() if effect.key not in keys} == kinds


@pytest.mark.parametrize(
    ("policy", "kinds"),
    [
        (PublishPolicy(), {"review", "summary", "check"}),
        (PublishPolicy(inline=False), {"summary", "check"}),
        (PublishPolicy(summary=False), {"review", "check"}),
        (PublishPolicy(check=False), {"review", "summary"}),
        (PublishPolicy(sarif=True), {"review", "summary", "check", "sarif"}),
        (PublishPolicy(labels={"bug": "high"}), {"review", "summary", "check", "label"}),
        (PublishPolicy(issues_at=Severity.LOW), {"review", "summary", "check", "issue"}),
        (PublishPolicy(issues_at=Severity.MEDIUM), {"review", "summary", "check"}),
    ],
)
def test_a_policy_says_which_effects_there_are(policy: PublishPolicy, kinds: set[str]) -> None:
    """What is off is not planned, and what is on is, where there is anything to say."""
    made = effects(review(change=CHANGE, findings=(finding(),)), policy=policy)

    assert {kind.value for kind in made} == kinds


def test_g31_so_many_findings_are_told_beside_the_code_and_no_more() -> None:
    """The worst ones; the report tells the others in full."""
    many = tuple(
        finding(fingerprint=f"{number:x}", line=2, severity=severity, message=f"It is {number}.")
        for number, severity in enumerate([*[Severity.LOW] * 5, *[Severity.CRITICAL] * 3])
    )
    made = effects(review(change=CHANGE, findings=many), policy=PublishPolicy(most_comments=4))

    comments = made[EffectKind.REVIEW].payload["comments"]
    report = made[EffectKind.SUMMARY].payload["body"]
    assert [one["severity"] for one in comments] == ["critical"] * 3 + ["low"]
    assert [f"It is {number}." in report for number in range(8)] == [
        *(number != int(comments[3]["fingerprint"], 16) for number in range(5)),
        *[False] * 3,
    ]


@pytest.mark.parametrize(
    ("policy", "changed"),
    [
        (PublishPolicy(inline=False), {"summary", "check"}),
        (PublishPolicy(annotations=False), {"check"}),
        (PublishPolicy(check_name="other"), {"check"}),
        (PublishPolicy(fail_at=Severity.LOW), {"check"}),
        (PublishPolicy(resolve=False), set()),
    ],
)
def test_a_policy_that_changes_what_is_written_changes_its_key(
    policy: PublishPolicy, changed: set[str]
) -> None:
    """Otherwise the host would take the new one for one that stands there already."""
    made = review(change=CHANGE, findings=(finding(),))
    before, after = effects(made), effects(made, policy=policy)

    both = before.keys() & after.keys()
    assert {kind.value for kind in both if before[kind].key != after[kind].key} == changed


@given(reviews().map(of_head))
def test_the_report_leaves_room_for_what_the_host_adds(made: Review) -> None:
    """At most 60,000 characters, with the mark that the engine knows it by."""
    for effect in planned(made).effects:
        body = effect.payload.get("body", "")
        assert len(body) + MARKER_ROOM <= 60_000


@pytest.mark.parametrize("word", ["word ", "\U0001f600 "])
def test_a_report_of_many_findings_fits_into_a_comment(word: str) -> None:
    """What does not fit is counted, and none of it is lost without a word."""
    many = tuple(
        finding(fingerprint=f"{number:x}", line=None, message=word * 200) for number in range(1_000)
    )
    made = effects(review(change=CHANGE, findings=many), policy=PublishPolicy(sarif=True))

    summary, check = made[EffectKind.SUMMARY].payload, made[EffectKind.CHECK].payload
    assert measure(summary["body"]) + MARKER_ROOM <= 60_000
    assert "Left out to stay within" in summary["body"]
    assert check["summary"] == summary["body"]
    report = json.loads(made[EffectKind.SARIF].payload["sarif"])
    assert len(report["runs"][0]["results"]) == len(many)


@pytest.mark.parametrize("head", [None, ":worktree", ":index"])
def test_what_stands_on_no_host_has_no_plan(head: str | None) -> None:
    """A bare patch, a working tree and an index are nothing that a comment could stand on."""
    with pytest.raises(ConfigurationError, match="stands on no host"):
        planned(review(change=replace(CHANGE, head=head)))
