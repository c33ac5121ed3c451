"""What every storage promises of the end of old records."""

from __future__ import annotations

from datetime import timedelta

import pytest

from codeflow_engine.contracts import Pruned, Storage
from codeflow_engine.domain.run import RunStatus
from codeflow_engine.testing.values import NOON, dismissal, event, known, review, run

LATER = NOON + timedelta(days=1)
DONE = RunStatus.SUCCEEDED


async def put_whole_run(storage: Storage, run_id: str, tenant: str = "a", minutes: int = 0) -> None:
    await storage.put_runs([run(run_id, tenant, status=DONE, minutes=minutes)])
    await storage.append_events(tenant, [event(run_id, 1), event(run_id, 2)])
    await storage.put_reviews(tenant, [review(run_id)])


async def ids(storage: Storage, tenant: str = "a") -> list[str]:
    return sorted(one.run_id for one in await storage.find_runs(tenant))


async def test_an_old_run_goes_with_its_events_and_its_review(storage: Storage) -> None:
    """Those of a younger run stay."""
    await put_whole_run(storage, "old")
    await put_whole_run(storage, "new", minutes=10)

    pruned = await storage.prune("a", before=NOON + timedelta(minutes=5))

    assert pruned == Pruned(runs=1)
    assert await ids(storage) == ["new"]
    assert await storage.read_events("a", "old") == ()
    assert await storage.get_reviews("a", ["old"]) == ()
    assert len(await storage.read_events("a", "new")) == 2
    assert await storage.get_reviews("a", ["new"]) == (review("new"),)


@pytest.mark.parametrize("status", RunStatus)
async def test_d46_a_run_that_has_not_ended_is_never_removed(
    storage: Storage, status: RunStatus
) -> None:
    """However old it is; each way to have ended is one."""
    await storage.put_runs([run("r1", status=status)])
    await storage.append_events("a", [event("r1", 1)])

    pruned = await storage.prune("a", before=LATER)

    assert bool(pruned) is status.is_terminal
    assert await ids(storage) == ([] if status.is_terminal else ["r1"])
    assert len(await storage.read_events("a", "r1")) == (not status.is_terminal)


async def test_the_last_update_decides_and_the_moment_itself_is_not_before(
    storage: Storage,
) -> None:
    """A run that began long ago and was updated lately stays, to the microsecond."""
    moment = LATER + timedelta(microseconds=1)
    await storage.put_runs([run("at", status=DONE, updated_at=moment)])
    await storage.put_runs([run("before", status=DONE, updated_at=LATER)])

    await storage.prune("a", before=moment)

    assert await ids(storage) == ["at"]


async def test_d46_records_are_removed_in_batches_the_oldest_first(storage: Storage) -> None:
    """Each kind up to the limit, until a call removes nothing."""
    await storage.put_runs([run(f"r{n}", status=DONE, minutes=n) for n in (3, 1, 0, 2)])
    await storage.put_reviews("a", [], [known(f"f{n}", minutes=n) for n in (2, 0, 1)])
    await storage.put_dismissals("a", [dismissal(f"d{n}", ends=n) for n in (1, 0)])

    first = await storage.prune("a", before=LATER, limit=2)
    left = await ids(storage), await storage.find_findings("a")
    second = await storage.prune("a", before=LATER, limit=2)
    third = await storage.prune("a", before=LATER, limit=2)

    assert first == Pruned(runs=2, findings=2, dismissals=2)
    assert left == (["r2", "r3"], (known("f2", minutes=2),))
    assert second == Pruned(runs=2, findings=1)
    assert not third


async def test_known_findings_go_by_when_they_were_last_seen(storage: Storage) -> None:
    """Not with the run that saw them last: the next version of the change knows them still."""
    await put_whole_run(storage, "r1")
    young = known("young", run_id="r1", minutes=90)
    await storage.put_reviews("a", [], [known("old", run_id="r1", minutes=1), young])

    pruned = await storage.prune("a", before=NOON + timedelta(minutes=60))

    assert pruned == Pruned(runs=1, findings=1)
    assert await storage.find_findings("a") == (young,)


async def test_dismissals_go_once_they_have_expired(storage: Storage) -> None:
    """One without an end stays for ever, and one that still holds stays too."""
    kept = [dismissal("never"), dismissal("then", ends=10)]
    past = [dismissal("past", ends=1), dismissal("past", "c1", ends=2)]
    await storage.put_dismissals("a", [*kept, *past])

    pruned = await storage.prune("a", before=NOON + timedelta(minutes=10))

    assert pruned == Pruned(dismissals=2)
    assert list(await storage.find_dismissals("a")) == kept


async def test_s32_pruning_a_tenant_leaves_the_others_alone(storage: Storage) -> None:
    """Even where their runs, findings and dismissals have the same names."""
    for tenant in ("a", "b"):
        await put_whole_run(storage, "r1", tenant)
        await storage.put_reviews(tenant, [], [known("f1")])
        await storage.put_dismissals(tenant, [dismissal("f1", ends=0)])

    assert await storage.prune("a", before=LATER) == Pruned(runs=1, findings=1, dismissals=1)

    assert await ids(storage, "b") == ["r1"]
    assert len(await storage.read_events("b", "r1")) == 2
    assert await storage.get_reviews("b", ["r1"]) == (review("r1"),)
    assert await storage.find_findings("b") == (known("f1"),)
    assert await storage.find_dismissals("b") == (dismissal("f1", ends=0),)


async def test_an_empty_storage_has_nothing_to_prune(storage: Storage) -> None:
    """And a limit of nothing removes nothing."""
    assert not await storage.prune("a", before=LATER)
    await storage.put_runs([run("r1", status=DONE)])

    assert not await storage.prune("a", before=LATER, limit=0)
    assert await ids(storage) == ["r1"]


async def test_a_run_put_in_after_its_end_was_pruned_is_a_new_one(storage: Storage) -> None:
    """Nothing of the old one comes back with it."""
    await put_whole_run(storage, "r1")
    await storage.prune("a", before=LATER)

    await storage.put_runs([run("r1")])

    assert await ids(storage) == ["r1"]
    assert await storage.read_events("a", "r1") == ()
    assert await storage.get_reviews("a", ["r1"]) == ()
