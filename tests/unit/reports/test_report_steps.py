"""The steps of a run, from its journal and its events: what each took, and how it went."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from report_samples import texts

from codeflow_engine.reports.prose import duration
from codeflow_engine.reports.spent import spent
from codeflow_engine.reports.steps import render
from codeflow_engine.reports.style import Style
from codeflow_engine.reports.timeline import Timeline
from codeflow_engine.reports.visible import is_hidden
from run_journal import at, read, run, step, step_event

USAGE = {"calls": 2, "input_tokens": 1200, "output_tokens": 30, "cost_usd": "0.0125"}


def titles(timeline: Timeline) -> list[str]:
    return [one.title for one in timeline.steps.values()]


def only(**fields: Any) -> str:
    """Give what is told of the only step of a run."""
    (one,) = read(step("a", **fields)).steps.values()
    return one.told


def test_the_order_is_that_in_which_steps_began() -> None:
    """Records come in any order, and steps that are in no record yet are in their place."""
    records = [step("c", begun=9), step("a", begun=2), step("analyze", "=ruff", begun=4)]
    events = (
        step_event("StepStarted", "partition", seconds=3),
        step_event("StepStarted", "now", seconds=10),
        step_event("StepStarted", "a", seconds=2),
    )

    assert titles(read(*records, events=events)) == ["a", "partition", "analyze ruff", "c", "now"]


def test_steps_of_one_name_are_told_apart() -> None:
    """Steps without a key are numbered where there are several, and one key of an author stays."""
    made = read(step("a", "#1"), step("b", "#1"), step("b", "#2"), step("b", "=#1"))

    assert titles(made) == ["a", "b #1", "b #2", "b =#1"]


def test_events_of_repeated_steps_are_not_listed_again() -> None:
    """Where the journal has a step by its number, an event without one adds none."""
    events = (step_event("StepStarted", "b", seconds=2),)

    assert titles(read(step("b", "#1"), step("b", "#2"), events=events)) == ["b #1", "b #2"]


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({}, "done"),
        ({"attempts": 3}, "done, 3 attempts"),
        ({"state": "failed", "error": "DiffError: line 1: no"}, "DiffError: line 1: no"),
        ({"state": "failed", "error": "E", "attempts": 2}, "E, 2 attempts"),
        ({"kind": "sleep", "begun": 2, "ended": 62}, "waited"),
        ({"kind": "receive", "begun": 2, "ended": 7262}, "waited"),
        ({"kind": "child", "state": "failed", "error": "E"}, "E"),
        ({"kind": "receive", "state": "waiting"}, "waits for a signal"),
        (
            {"kind": "sleep", "state": "waiting", "wake_at": at(9)},
            "sleeps until 2026-11-23 05:00:09 UTC",
        ),
        (
            {"state": "waiting", "wake_at": at(9), "error": "E: m", "attempts": 2},
            "waits for its next attempt until 2026-11-23 05:00:09 UTC after E: m, 2 attempts",
        ),
    ],
)
def test_it_says_what_became_of_a_step(fields: dict[str, Any], told: str) -> None:
    """Done, failed or waiting, with attempts and with the time that was spent waiting."""
    assert only(**fields) == told


def test_the_time_of_work_is_that_of_its_events() -> None:
    """Of a step with several attempts, what none of them took was waiting."""
    events = (
        step_event("StepStarted", "a", seconds=2),
        step_event("StepFinished", "a", seconds=3, took=1),
        step_event("StepStarted", "a", seconds=10),
        step_event("StepFinished", "a", seconds=12, took=2),
    )

    (one,) = read(step("a", begun=2, ended=12, attempts=2), events=events).steps.values()

    assert (one.seconds, one.waited) == (3, 7)
    assert one.told == "done, 2 attempts, waited 7.00 s"


def test_an_attempt_that_told_nothing_leaves_the_time_unknown() -> None:
    """A process that was gone has not told how long it worked, and that was no waiting."""
    events = (
        step_event("StepStarted", "a", seconds=2),
        step_event("StepStarted", "a", seconds=10),
        step_event("StepFinished", "a", seconds=12, took=2),
    )

    (one,) = read(step("a", begun=2, ended=12, attempts=2), events=events).steps.values()

    assert (one.elapsed, one.seconds, one.waited) == (10, None, None)


def test_a_computation_stands_where_it_was_done_last() -> None:
    """What no record holds is done anew each time, and did not wait in between."""
    events = (
        step_event("StepStarted", "fuse", seconds=2),
        step_event("StepFinished", "fuse", seconds=3, took=1),
        step_event("StepStarted", "fuse", seconds=500),
        step_event("StepFinished", "fuse", seconds=501, took=1),
    )

    made = read(step("approval", kind="receive", begun=3, ended=500), events=events)

    assert titles(made) == ["approval", "fuse"]
    assert [one.elapsed for one in made.steps.values()] == [497, 1]


def test_it_is_counted_how_often_a_run_was_taken_up_again() -> None:
    """After a wait, and after its worker was gone."""
    resumed = {"event": "RunResumed", "sequence": 1, "at": at(1), "recoveries": 0}

    facts = dict(read(events=(resumed, resumed)).facts(run()))

    assert facts["resumed"] == "2 times"


def test_what_is_not_known_is_no_number() -> None:
    """Without events nobody knows how long the attempts of a step worked, or waited."""
    (one,) = read(step("a", begun=2, ended=12, attempts=2)).steps.values()

    assert (one.elapsed, one.seconds, one.waited) == (10, None, None)
    assert one.told == "done, 2 attempts"


def test_what_goes_on_has_no_end() -> None:
    """A step of which only the start was heard is neither done nor waiting."""
    (one,) = read(events=(step_event("StepStarted", "a", seconds=2),)).steps.values()

    assert (one.told, one.seconds, one.waited) == ("goes on", None, None)


def test_announcements_are_no_steps() -> None:
    """An event that a workflow emits has a record, and no place among the steps."""
    assert titles(read(step("a"), step("emit", kind="emit"))) == ["a"]


def test_time_of_waiting_is_counted_once() -> None:
    """Waits that overlap count as one, those that go on do not count yet, and work never does."""
    made = read(
        step("a", kind="sleep", begun=10, ended=20),
        step("b", kind="receive", begun=15, ended=30),
        step("c", kind="child", begun=12, ended=14),
        step("d", kind="sleep", begun=40, ended=41),
        step("e", kind="sleep", begun=50, ended=60, state="waiting"),
        step("f", begun=2, ended=60),
    )

    assert made.waited == 21


@pytest.mark.parametrize(
    ("fields", "facts"),
    [
        ({}, {"queued": "2.00 s", "took": "1 min 0 s"}),
        ({"status": "running"}, {"queued": "2.00 s"}),
        ({"status": "pending", "started_at": None}, {}),
        ({"recoveries": 2}, {"recovered": "2 times since its last finished step"}),
        ({"status": "waiting", "waits_for": ["approval"]}, {"waits": "for approval"}),
        (
            {"status": "waiting", "waits_for": ["a", "b"], "wake_at": at(60)},
            {"waits": "for a, b until 2026-11-23 05:01:00 UTC"},
        ),
        ({"status": "waiting"}, {"waits": "for somebody to resume it"}),
        (
            {"summary": {"usage": USAGE}},
            {"cost": "0.0125 USD, 2 calls, 1,200 tokens in, 30 tokens out"},
        ),
    ],
)
def test_the_facts_of_a_run_are_those_of_its_record(
    fields: dict[str, Any], facts: dict[str, str]
) -> None:
    """How long it waited to start, how long it took, what it waits for, and what it has cost."""
    told = dict(read().facts(run(**fields)))

    assert told.items() >= facts.items()
    assert ("took" in told) == (fields.get("status", "succeeded") == "succeeded")


@pytest.mark.parametrize(
    ("summary", "told"),
    [
        (None, "not known"),
        ({}, "not known"),
        ([], "not known"),
        ({"usage": None}, "not known"),
        ({"usage": {"calls": "2"}}, "not known"),
        ({"usage": USAGE | {"calls": True}}, "not known"),
        ({"usage": USAGE | {"calls": 0, "cost_usd": "0"}}, "none: no model was called"),
        (
            {"usage": USAGE | {"cost_usd": None}},
            "price not known, 2 calls, 1,200 tokens in, 30 tokens out",
        ),
    ],
)
def test_a_cost_that_is_not_known_is_not_nothing(summary: object, told: str) -> None:
    """Only a run that called no model has cost nothing."""
    assert spent(summary) == told


def test_a_run_reads_as_text() -> None:
    """Each step has its begin and its time, and the facts of the run follow."""
    made = read(
        step("fetch", begun=2, ended=2.42),
        step("approve", kind="receive", begun=3, ended=1803),
        step("publish", begun=1803, ended=1804, state="failed", error="PublishError: no"),
    )

    told = render(run(status="failed", error="PublishError: no"), made)

    assert told.splitlines() == [
        "RUN OF TRIAGE NOT COMPLETE (run failed): PublishError: no",
        "",
        "        BEGAN         TOOK  STEP",
        "      +0.00 s       0.42 s  fetch: done",
        "      +1.00 s   30 min 0 s  approve: waited",
        "  +30 min 1 s       1.00 s  publish: PublishError: no",
        "",
        "queued: 2.00 s",
        "took: 1 min 0 s",
        "waited: 30 min 0 s",
        "cost: not known",
    ]


def test_of_many_steps_the_last_ones_are_listed() -> None:
    """What is left out is counted."""
    told = render(run(), read(*(step("a", f"={number}", begun=number) for number in range(600))))

    assert "100 earlier steps not shown" in told
    assert "a 599: done" in told
    assert "a 99: done" not in told


@given(st.lists(texts, min_size=4, max_size=4))
def test_whatever_a_run_tells_is_shown_inert(said: list[str]) -> None:
    """No name, key, error or signal reaches a terminal as it is, or makes a line of its own."""
    made = read(step(said[0], f"={said[1]}", state="failed", error=said[2]))
    given = run(workflow=said[3], status="waiting", waits_for=[said[0]], error=said[2])

    told = render(given, made)

    assert not any(is_hidden(character) for character in told.replace("\n", ""))


def test_a_hostile_name_makes_no_line_of_its_own() -> None:
    """A line feed in a name is a blank, so that nothing forges the first column."""
    forged = "\n      +0.00 s       0.00 s  review: done"

    told = render(run(), read(step(forged, f"={forged}")), Style(width=None))

    assert sum("+0.00 s" in line for line in told.splitlines()) == 1


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        (0, "0.00 s"),
        (5999, "99 min 59 s"),
        (6000, "1 h 40 min"),
        (172_799, "47 h 59 min"),
        (172_800, "2 d 0 h"),
        (90_000_000, "1,041 d 16 h"),
    ],
)
def test_a_time_is_told_in_the_units_that_fit(seconds: float, told: str) -> None:
    """From hundredths of a second to days, in two units at most."""
    assert duration(seconds) == told


def test_what_nobody_has_heard_is_not_counted_as_nothing() -> None:
    """A journal alone says which steps are done, and nothing of what analyzers found."""
    made = read(step("a", attempts=2), step("analyze", "=ruff"), step("w", state="waiting"))

    assert made.counts == "2 steps done"
