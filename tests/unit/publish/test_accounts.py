"""Nothing is lost, and nothing is told twice."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from codeflow_engine.domain.discussion import Comment, Person, Thread
from codeflow_engine.domain.effect import EffectKind, Plan
from codeflow_engine.domain.finding import Finding, FindingState, Severity
from codeflow_engine.domain.publishing import Conclusion, PublishPolicy
from codeflow_engine.domain.review import Review
from codeflow_engine.publish.planning import plan
from dear_examples import one_in
from review_builds import findings, reviews

US = Person(login="codeflow[bot]", is_bot=True)
ANN = Person(login="ann")
NAMES = [f"{number:032x}" for number in range(6)]
WORDS = st.sampled_from([*Conclusion, *Severity])
MARK = "a message to be found"


def policies() -> st.SearchStrategy[PublishPolicy]:
    """Make policies of any kind that tell how a review ended."""
    names = ["inline", "annotations", "sarif", "resolve", "summary"]
    choices = dict.fromkeys(names, st.booleans())
    severities = st.none() | st.sampled_from(Severity)
    return st.builds(
        PublishPolicy,
        **choices,
        labels=st.dictionaries(st.sampled_from(["bug", "look"]), WORDS),
        fail_at=severities,
        issues_at=severities,
    )


@st.composite
def threads(draw: st.DrawFn) -> Thread:
    """Make a thread of ours or of others, open or resolved by anybody."""
    ender = draw(st.sampled_from([None, US, ANN]))
    told = Comment(id="1", author=US, body=draw(st.text()), at=datetime(2026, 1, 1, tzinfo=UTC))
    return Thread(
        id=draw(st.uuids()).hex,
        path=draw(st.sampled_from(["a.py", "b.py"])),
        is_resolved=ender is not None or draw(st.booleans()),
        resolved_by=ender,
        fingerprint=draw(st.none() | st.sampled_from(NAMES)),
        comments=(told,),
    )


@st.composite
def published(draw: st.DrawFn) -> tuple[Review, list[Thread]]:
    """Make a review of a head, with findings of different names, and what stands there."""
    names = draw(st.lists(st.sampled_from(NAMES), unique=True))
    some = [
        replace(draw(findings()), fingerprint=name, title=f"title {name}", message=f"{MARK} {name}")
        for name in names
    ]
    made = draw(reviews())
    change = replace(made.change, head="1" * 40)
    return replace(made, change=change, findings=tuple(some)), draw(st.lists(threads()))


def planned(made: Review, standing: list[Thread], policy: PublishPolicy) -> Plan:
    return plan(made, provider="github", target="o/r#1", policy=policy, threads=standing)


def payloads(made: Plan, kind: EffectKind) -> list[Any]:
    return [one.payload for one in made.effects if one.kind is kind]


def is_live(finding: Finding) -> bool:
    return finding.state in {FindingState.NEW, FindingState.OPEN}


@one_in(3)
@given(published(), policies())
def test_each_finding_that_counts_is_told_in_full_exactly_once(
    given: tuple[Review, list[Thread]], policy: PublishPolicy
) -> None:
    """In a new comment, in a thread of ours that stands, or in the report; the report has all."""
    made, standing = given
    plan = planned(made, standing, policy)
    comments = [one for payload in payloads(plan, EffectKind.REVIEW) for one in payload["comments"]]
    open_threads = {one.fingerprint for one in standing if not one.is_resolved}
    (check,) = payloads(plan, EffectKind.CHECK)

    for one in made.findings:
        times = [
            sum(comment["fingerprint"] == one.fingerprint for comment in comments),
            one.fingerprint in open_threads,
            f"{MARK} {one.fingerprint}" in check["summary"].replace("`", ""),
        ]
        assert sum(times) == 1 if is_live(one) else times[0] == times[2] == 0
        if is_live(one):
            assert f"title {one.fingerprint}" in check["summary"].replace("`", "")


@one_in(3)
@given(published(), policies())
def test_nobody_is_told_again_what_a_thread_of_ours_has_told(
    given: tuple[Review, list[Thread]], policy: PublishPolicy
) -> None:
    """But for what we have resolved ourselves, which has come back then."""
    made, standing = given
    told = {one.fingerprint for one in standing if not (one.is_resolved and one.resolved_by == US)}

    for payload in payloads(planned(made, standing, policy), EffectKind.REVIEW):
        assert payload["comments"]
        assert told.isdisjoint(one["fingerprint"] for one in payload["comments"])


@one_in(3)
@given(published(), policies())
def test_g31_a_head_gets_one_review_one_summary_and_one_check_at_most(
    given: tuple[Review, list[Thread]], policy: PublishPolicy
) -> None:
    """Each of them tells everybody who watches."""
    kinds = [one.kind for one in planned(*given, policy).effects]

    once = set(EffectKind) - {EffectKind.ISSUE}
    assert all(kinds.count(kind) <= 1 for kind in once)
    order = list(dict.fromkeys(kinds))
    ranks = ["review", "summary", "check", "label", "issue", "sarif", "resolution"]
    assert order == sorted(order, key=lambda kind: ranks.index(kind.value))


@one_in(3)
@given(published(), policies())
def test_a_thread_is_resolved_only_where_its_finding_no_longer_counts(
    given: tuple[Review, list[Thread]], policy: PublishPolicy
) -> None:
    """And only one that is ours, and open."""
    made, standing = given
    live = {one.fingerprint for one in made.findings if is_live(one)}
    ours = {one.id: one for one in standing if one.fingerprint is not None and not one.is_resolved}

    for payload in payloads(planned(made, standing, policy), EffectKind.RESOLUTION):
        assert policy.resolve
        for one in payload["threads"]:
            assert ours[one["id"]].fingerprint == one["fingerprint"]
            assert one["fingerprint"] not in live


@one_in(3)
@given(published(), policies())
def test_payloads_are_plain_json(given: tuple[Review, list[Thread]], policy: PublishPolicy) -> None:
    """They are kept in a journal, and go to a host in UTF-8."""
    made = planned(*given, policy)

    text = json.dumps(made.to_json(), ensure_ascii=False, allow_nan=False).encode()
    assert Plan.from_json(json.loads(text)) == made


@one_in(3)
@given(published(), policies(), st.randoms(use_true_random=False))
def test_two_runs_that_found_the_same_plan_the_same(
    given: tuple[Review, list[Thread]], policy: PublishPolicy, chance: Any
) -> None:
    """Words, states and order of findings change no key, and neither does the order of threads."""
    made, standing = given
    again = [
        replace(one, message="put otherwise", state=FindingState.OPEN) if is_live(one) else one
        for one in made.findings
    ]
    chance.shuffle(again)
    order = chance.sample(standing, len(standing))
    two = planned(replace(made, run_id="r2", findings=tuple(again)), order, policy)

    one = planned(made, standing, policy)
    assert sorted(effect.key for effect in one.effects) == sorted(
        effect.key for effect in two.effects
    )
