from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from codeflow_engine import AsyncEngine
from codeflow_engine.domain.coverage import Coverage
from codeflow_engine.domain.review import ChangeSummary, Review, Timing
from codeflow_engine.domain.run import RunFinished, RunRecord, RunStarted, RunStatus
from codeflow_engine.errors import ConfigurationError
from codeflow_engine.storage.memory import MemoryStorage

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
PATCH = "--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n+b\n"


def run(run_id: str, status: RunStatus = RunStatus.SUCCEEDED, minutes: int = 0) -> RunRecord:
    at = NOON + timedelta(minutes=minutes)
    return RunRecord(
        run_id=run_id,
        workflow="review",
        version=1,
        tenant="a",
        input={},
        status=status,
        created_at=at,
        updated_at=at,
    )


def review(run_id: str) -> Review:
    return Review(
        run_id=run_id,
        change=ChangeSummary(),
        coverage=Coverage(),
        isolation="none",
        timing=Timing(started_at=NOON, seconds=0),
    )


def started(run_id: str) -> RunStarted:
    return RunStarted(run_id=run_id, sequence=1, at=NOON, workflow="review")


async def ids(storage: MemoryStorage) -> set[str]:
    return {one.run_id for one in await storage.find_runs("a")}


async def test_the_run_that_ended_first_is_forgotten_with_all_it_has() -> None:
    """One ended run more than is kept, and the first goes, events and review too."""
    storage = MemoryStorage(keep=2)
    for number in range(3):
        name = f"r{number}"
        await storage.put_reviews("a", [review(name)])
        await storage.append_events("a", [started(name)])
        await storage.put_runs([run(name, minutes=number)])

    assert await ids(storage) == {"r1", "r2"}
    assert await storage.get_runs("a", ["r0"]) == ()
    assert await storage.get_reviews("a", ["r0"]) == ()
    assert await storage.read_events("a", "r0") == ()
    assert [one.run_id for one in await storage.get_reviews("a", ["r1", "r2"])] == ["r1", "r2"]
    assert len(await storage.read_events("a", "r2")) == 1


@pytest.mark.parametrize("status", [RunStatus.PENDING, RunStatus.RUNNING])
async def test_a_run_under_way_is_never_forgotten(status: RunStatus) -> None:
    """However many there are, they take no place from those that ended."""
    storage = MemoryStorage(keep=3)

    await storage.put_runs([run(f"active{number}", status) for number in range(10)])
    for number in range(3):
        await storage.put_runs([run(f"ended{number}")])

    assert len(await ids(storage)) == 13


async def test_a_run_that_began_first_and_ended_last_is_kept() -> None:
    """It is the newest result, and somebody follows it to its last event."""
    storage = MemoryStorage(keep=2)
    await storage.put_runs([run("long", RunStatus.RUNNING)])
    await storage.append_events("a", [started("long")])
    for number in range(5):
        await storage.put_runs([run(f"short{number}", minutes=number + 1)])

    await storage.put_runs([run("long")])
    last = RunFinished(run_id="long", sequence=2, at=NOON, status=RunStatus.SUCCEEDED)
    await storage.append_events("a", [last])

    assert await ids(storage) == {"short4", "long"}
    assert await storage.read_events("a", "long", after=1) == (last,)


async def test_a_run_that_is_taken_up_again_is_under_way() -> None:
    """It no longer counts as ended, until it ends anew."""
    storage = MemoryStorage(keep=1)
    await storage.put_runs([run("again", RunStatus.FAILED)])
    await storage.put_runs([run("again", RunStatus.RUNNING)])

    await storage.put_runs([run("other")])

    assert await ids(storage) == {"again", "other"}
    await storage.put_runs([run("again")])
    assert await ids(storage) == {"again"}


async def test_an_ended_run_that_is_written_again_keeps_its_place() -> None:
    """A second write of the same end does not make it younger."""
    storage = MemoryStorage(keep=2)
    await storage.put_runs([run("first"), run("second"), run("first")])

    await storage.put_runs([run("third")])

    assert await ids(storage) == {"second", "third"}


async def test_two_storages_share_nothing() -> None:
    """What one engine keeps in memory is unknown to another one."""
    first, second = MemoryStorage(), MemoryStorage()

    await first.put_runs([run("r1")])

    assert await second.find_runs("a") == ()


@pytest.mark.parametrize("keep", [0, -1])
def test_keeping_nothing_is_refused(keep: int) -> None:
    """A result that is gone before it can be read helps nobody."""
    with pytest.raises(ConfigurationError, match=f"at least one ended run, not {keep}"):
        MemoryStorage(keep=keep)


async def test_a_long_lived_engine_does_not_grow() -> None:
    """After many reviews there are as many runs, streams and reviews as are kept."""
    storage = MemoryStorage(keep=3)
    async with AsyncEngine(storage=storage, analyzers=[]) as engine:
        for _ in range(8):
            await engine.review(PATCH)
        assert len(await engine.runs()) == 3

    kept = storage._tenants["default"]
    rows = (kept.runs, storage._ended, kept.events, kept.reviews)
    assert [len(row) for row in rows] == [3, 3, 3, 3]
