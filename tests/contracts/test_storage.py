"""What every storage promises; see the docstrings of `codeflow_engine.contracts.Storage`."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from codeflow_engine.contracts import Storage
from codeflow_engine.domain.coverage import Outcome
from codeflow_engine.domain.run import (
    AnalyzerFinished,
    ChangeFetched,
    ReviewJudged,
    RunEvent,
    RunFinished,
    RunStarted,
    RunStatus,
    StepFinished,
    StepStarted,
)
from codeflow_engine.storage.memory import MemoryStorage
from codeflow_engine.testing.values import NOON, event, review, run


async def test_a_run_comes_back_equal(storage: Storage) -> None:
    """Every field has the value and the type that was put in."""
    given = run("r1", status=RunStatus.FAILED, error="SandboxError: no interpreter")

    await storage.put_runs([given])

    (found,) = await storage.get_runs("a", ["r1"])
    assert found == given
    assert type(found.status) is RunStatus
    assert found.created_at.utcoffset() == timedelta(0)


async def test_runs_come_in_the_order_of_the_ids_asked_for(storage: Storage) -> None:
    """Ids that nobody knows are left out."""
    await storage.put_runs([run("r1"), run("r2"), run("r3")])

    found = await storage.get_runs("a", ["r3", "unknown", "r1"])

    assert [one.run_id for one in found] == ["r3", "r1"]


async def test_an_empty_batch_is_no_error(storage: Storage) -> None:
    """Nothing is written, and nothing is found."""
    await storage.put_runs([])
    await storage.append_events("a", [])
    await storage.put_reviews("a", [])

    assert await storage.get_runs("a", []) == ()
    assert await storage.get_reviews("a", []) == ()
    assert await storage.find_runs("a") == ()


async def test_a_run_is_replaced_by_its_id(storage: Storage) -> None:
    """The last value counts, also within one batch, and there is one row."""
    first = run("r1")
    later = replace(first, status=RunStatus.RUNNING, updated_at=NOON + timedelta(minutes=5))
    last = replace(later, status=RunStatus.SUCCEEDED)

    await storage.put_runs([first])
    await storage.put_runs([later, last])

    assert await storage.get_runs("a", ["r1"]) == (last,)
    assert await storage.find_runs("a") == (last,)


async def test_a_large_batch_is_written_whole(storage: Storage) -> None:
    """More rows than most databases take as parameters of one statement."""
    runs = [run(f"r{number:04}", minutes=number) for number in range(700)]

    await storage.put_runs(runs)

    found = await storage.get_runs("a", [one.run_id for one in runs])
    assert list(found) == runs


async def test_the_newest_runs_come_first(storage: Storage) -> None:
    """By the time of their creation, whatever the order of writing, at most as many as asked."""
    await storage.put_runs([run("old", minutes=1), run("new", minutes=3), run("mid", minutes=2)])
    await storage.put_runs([run("old", minutes=1, updated_at=NOON + timedelta(days=1))])

    found = [one.run_id for one in await storage.find_runs("a")]
    two = [one.run_id for one in await storage.find_runs("a", limit=2)]

    assert found == ["new", "mid", "old"]
    assert two == ["new", "mid"]
    assert await storage.find_runs("a", limit=0) == ()


async def test_a_hundred_runs_are_found_without_a_limit(storage: Storage) -> None:
    """A caller that does not ask for more gets no unbounded answer."""
    await storage.put_runs([run(f"r{number:03}", minutes=number) for number in range(120)])

    found = await storage.find_runs("a")

    assert len(found) == 100
    assert found[0].run_id == "r119"


@pytest.mark.parametrize("status", RunStatus)
async def test_runs_are_found_by_status(storage: Storage, status: RunStatus) -> None:
    """The limit counts those of the status, and not those passed over."""
    runs = [run(one.value, minutes=number, status=one) for number, one in enumerate(RunStatus)]
    await storage.put_runs(runs)

    found = await storage.find_runs("a", status=status, limit=1)

    assert [one.run_id for one in found] == [status.value]


async def test_s32_a_tenant_never_sees_a_row_of_another_one(storage: Storage) -> None:
    """Neither by listing, nor by an id that it knows."""
    await storage.put_runs([run("r1", "a"), run("r2", "b")])
    await storage.put_reviews("a", [review("r1")])
    await storage.put_reviews("b", [review("r2")])

    for tenant, own in (("a", "r1"), ("b", "r2")):
        assert [one.run_id for one in await storage.find_runs(tenant)] == [own]
        assert [one.run_id for one in await storage.get_runs(tenant, ["r1", "r2"])] == [own]
        assert [one.run_id for one in await storage.get_reviews(tenant, ["r1", "r2"])] == [own]
    for tenant in ("", "c", "A", "%", "a' OR '1'='1"):
        assert await storage.find_runs(tenant) == ()
        assert await storage.get_runs(tenant, ["r1", "r2"]) == ()
        assert await storage.get_reviews(tenant, ["r1", "r2"]) == ()


async def test_events_of_every_kind_come_back_equal(storage: Storage) -> None:
    """The type of an event is kept with its fields."""
    kinds: list[tuple[type[RunEvent], dict[str, Any]]] = [
        (RunStarted, {"workflow": "review"}),
        (StepStarted, {"step": "analyze", "key": "secrets"}),
        (StepFinished, {"step": "analyze", "key": None, "seconds": 0.25, "error": "OSError"}),
        (ChangeFetched, {"title": "é", "files": 3, "units": 9}),
        (AnalyzerFinished, {"analyzer": "s", "findings": 1, "examined": 2, "failure": "timeout"}),
        (ReviewJudged, {"outcome": Outcome.PARTIAL, "reason": "why", "findings": 1}),
        (RunFinished, {"status": RunStatus.SUCCEEDED, "error": None}),
    ]
    given = [
        kind(run_id="r1", sequence=number, at=NOON, **fields)
        for number, (kind, fields) in enumerate(kinds, 1)
    ]

    await storage.append_events("a", given)

    found = await storage.read_events("a", "r1")
    assert list(found) == given
    assert [type(one) for one in found] == [kind for kind, _ in kinds]


async def test_events_of_several_kinds_stay_in_order(storage: Storage) -> None:
    """Kinds that take turns come back in turns."""
    given = [
        event("r1", number)
        if number % 2
        else RunStarted(run_id="r1", sequence=number, at=NOON, workflow="w")
        for number in range(1, 9)
    ]

    await storage.append_events("a", given)

    assert list(await storage.read_events("a", "r1")) == given


async def test_events_are_read_above_a_number(storage: Storage) -> None:
    """In order, at most as many as asked for, and nothing where there is no more."""
    events = [event("r1", number) for number in range(1, 8)]
    await storage.append_events("a", events[:3])
    await storage.append_events("a", events[3:])

    assert list(await storage.read_events("a", "r1")) == events
    assert list(await storage.read_events("a", "r1", after=5)) == events[5:]
    assert list(await storage.read_events("a", "r1", after=2, limit=2)) == events[2:4]
    assert await storage.read_events("a", "r1", limit=0) == ()
    assert await storage.read_events("a", "r1", after=7) == ()
    assert await storage.read_events("a", "r1", after=99) == ()
    assert await storage.read_events("a", "unknown") == ()


async def test_a_repeated_number_changes_nothing(storage: Storage) -> None:
    """The event that was there first stays, also where one batch holds both."""
    first = event("r1", 1, step="first")
    await storage.append_events("a", [first])

    await storage.append_events("a", [event("r1", 1, step="again"), event("r1", 2), event("r1", 2)])

    assert await storage.read_events("a", "r1") == (first, event("r1", 2))


async def test_events_are_in_order_however_they_arrive(storage: Storage) -> None:
    """Two writers of one run may be late, and a number may be missing for a while."""
    await storage.append_events("a", [event("r1", 5), event("r1", 2)])
    await storage.append_events("a", [event("r1", 1)])

    assert [one.sequence for one in await storage.read_events("a", "r1")] == [1, 2, 5]
    assert [one.sequence for one in await storage.read_events("a", "r1", after=2)] == [5]
    await storage.append_events("a", [event("r1", 3)])
    assert [one.sequence for one in await storage.read_events("a", "r1", after=2)] == [3, 5]


async def test_each_run_has_a_stream_of_its_own(storage: Storage) -> None:
    """Numbers of one run mean nothing to another one."""
    await storage.append_events("a", [event("r1", 1), event("r2", 1), event("r1", 2)])

    assert [one.run_id for one in await storage.read_events("a", "r1")] == ["r1", "r1"]
    assert [one.run_id for one in await storage.read_events("a", "r2")] == ["r2"]


async def test_a_review_comes_back_equal(storage: Storage) -> None:
    """With its outcome, which is derived again from the ledger that was kept."""
    given = review("r1")

    await storage.put_reviews("a", [given])

    (found,) = await storage.get_reviews("a", ["r1"])
    assert found == given
    assert found.to_json() == given.to_json()
    assert found.outcome is Outcome.PARTIAL


async def test_reviews_come_in_the_order_of_the_ids_asked_for(storage: Storage) -> None:
    """One for each run, the last that was put in; ids that nobody knows are left out."""
    await storage.put_reviews("a", [review("r1", "first"), review("r2")])
    await storage.put_reviews("a", [review("r1", "second")])

    found = await storage.get_reviews("a", ["r2", "unknown", "r1"])

    assert [(one.run_id, one.change.title) for one in found] == [("r2", "Change"), ("r1", "second")]


async def test_two_storages_share_nothing() -> None:
    """What one engine keeps in memory is unknown to another one."""
    first, second = MemoryStorage(), MemoryStorage()

    await first.put_runs([run("r1")])

    assert await second.find_runs("a") == ()


async def test_s32_events_of_a_tenant_are_its_own(storage: Storage) -> None:
    """Two tenants may have a run of the same id, and each reads its own stream alone."""
    mine, yours = event("r1", 1, step="mine"), event("r1", 1, step="yours")
    await storage.append_events("a", [mine, event("r1", 2)])
    await storage.append_events("b", [yours])

    assert await storage.read_events("a", "r1") == (mine, event("r1", 2))
    assert await storage.read_events("b", "r1") == (yours,)
    assert await storage.read_events("c", "r1") == ()


async def test_s32_a_run_of_another_tenant_is_not_replaced(storage: Storage) -> None:
    """The same id names another run there, and another review."""
    await storage.put_runs([run("r1", "a")])
    await storage.put_reviews("a", [review("r1", "mine")])

    await storage.put_runs([run("r1", "b", status=RunStatus.FAILED)])
    await storage.put_reviews("b", [review("r1", "yours")])

    assert await storage.get_runs("a", ["r1"]) == (run("r1", "a"),)
    assert await storage.find_runs("a", status=RunStatus.FAILED) == ()
    assert await storage.get_reviews("a", ["r1"]) == (review("r1", "mine"),)
