"""Tests of the end of old records."""

from __future__ import annotations

from datetime import timedelta, timezone

from codeflow_engine.contracts import Pruned, Storage
from codeflow_engine.domain.run import RunStatus
from codeflow_engine.testing.values import NOON, dismissal, event, known, review, run

__all__ = ["PruneTests"]

_LATER = NOON + timedelta(days=1)
_DONE = RunStatus.SUCCEEDED


async def _put_whole_run(storage: Storage, run_id: str, *, minutes: int = 0) -> None:
    await storage.put_runs([run(run_id, status=_DONE, minutes=minutes)])
    await storage.append_events("a", [event(run_id, 1), event(run_id, 2)])
    await storage.put_reviews("a", [review(run_id)])


async def _ids(storage: Storage) -> list[str]:
    return sorted(one.run_id for one in await storage.find_runs("a"))


class PruneTests:
    """What is old goes, the oldest first, and what is in use stays."""

    async def test_an_old_run_goes_with_its_events_and_its_review(self, backend: Storage) -> None:
        """Those of a younger run stay."""
        await _put_whole_run(backend, "old")
        await _put_whole_run(backend, "new", minutes=10)

        pruned = await backend.prune("a", before=NOON + timedelta(minutes=5))

        assert pruned == Pruned(runs=1)
        assert await _ids(backend) == ["new"]
        assert await backend.get_runs("a", ["old"]) == ()
        assert await backend.read_events("a", "old") == ()
        assert await backend.get_reviews("a", ["old"]) == ()
        assert len(await backend.read_events("a", "new")) == 2
        assert await backend.get_reviews("a", ["new"]) == (review("new"),)

    async def test_d46_a_run_that_has_not_ended_is_never_removed(self, backend: Storage) -> None:
        """However old it is; each way to have ended is one."""
        await backend.put_runs([run(one.value, status=one) for one in RunStatus])
        await backend.append_events("a", [event(one.value, 1) for one in RunStatus])

        pruned = await backend.prune("a", before=_LATER)

        active = sorted(one.value for one in RunStatus if not one.is_terminal)
        assert pruned == Pruned(runs=len(RunStatus) - len(active))
        assert await _ids(backend) == active
        left = [one.value for one in RunStatus if await backend.read_events("a", one.value)]
        assert sorted(left) == active

    async def test_d46_a_run_stays_for_as_long_as_the_one_that_has_started_it_goes_on(
        self, backend: Storage
    ) -> None:
        """Its parent may ask for its result yet; those that stay are in nobody's way."""
        going = [one for one in RunStatus if not one.is_terminal]
        await backend.put_runs([run(one.value, status=one) for one in going])
        await backend.put_runs([run("done", status=_DONE, minutes=9)])
        for one in (*(one.value for one in going), "done", "gone"):
            await backend.put_runs([run(f"by {one}", status=_DONE, parent=one)])
        await backend.put_runs([run("of b", "b", status=_DONE, parent="running")])
        await backend.append_events("a", [event("by waiting", 1)])

        first = await backend.prune("a", before=_LATER, limit=2)
        left = await _ids(backend)
        second = await backend.prune("a", before=_LATER, limit=2)
        third = await backend.prune("b", before=_LATER)

        kept = [one.value for one in going]
        assert (first, second, third) == (Pruned(runs=2), Pruned(runs=1), Pruned(runs=1))
        assert left == sorted([*kept, "done", *(f"by {one}" for one in kept)])
        assert await _ids(backend) == sorted([*kept, *(f"by {one}" for one in kept)])
        assert len(await backend.read_events("a", "by waiting")) == 1

        await backend.put_runs([run("waiting", status=_DONE, minutes=9)])
        assert await backend.prune("a", before=_LATER) == Pruned(runs=2)

    async def test_the_last_update_decides_and_the_moment_itself_is_not_before(
        self, backend: Storage
    ) -> None:
        """A run that began long ago and was updated lately stays, to the microsecond."""
        moment = _LATER + timedelta(microseconds=1)
        await backend.put_runs([run("at", status=_DONE, updated_at=moment)])
        await backend.put_runs([run("before", status=_DONE, updated_at=_LATER)])

        west = timezone(timedelta(hours=-8))
        await backend.prune("a", before=moment.astimezone(west))

        assert await _ids(backend) == ["at"]

    async def test_d46_records_are_removed_in_batches_the_oldest_first(
        self, backend: Storage
    ) -> None:
        """Each kind up to the limit, until a call removes nothing."""
        await backend.put_runs([run(f"r{n}", status=_DONE, minutes=n) for n in (3, 1, 0, 2)])
        await backend.put_reviews("a", [], [known(f"f{n}", minutes=n) for n in (2, 0, 1)])
        await backend.put_dismissals("a", [dismissal(f"d{n}", ends=n) for n in (2, 1, 0)])

        first = await backend.prune("a", before=_LATER, limit=2)
        left = await _ids(backend), await backend.find_findings("a")
        said = await backend.find_dismissals("a")
        second = await backend.prune("a", before=_LATER, limit=2)
        third = await backend.prune("a", before=_LATER, limit=2)

        assert first == Pruned(runs=2, findings=2, dismissals=2)
        assert left == (["r2", "r3"], (known("f2", minutes=2),))
        assert said == (dismissal("d2", ends=2),)
        assert second == Pruned(runs=2, findings=1, dismissals=1)
        assert not third

    async def test_a_thousand_records_of_a_kind_go_at_once(self, backend: Storage) -> None:
        """A caller that sets no limit holds up nobody for longer than that."""
        await backend.put_dismissals("a", [dismissal(f"d{n}", ends=0) for n in range(1010)])

        first = await backend.prune("a", before=_LATER)
        second = await backend.prune("a", before=_LATER)

        assert (first, second) == (Pruned(dismissals=1000), Pruned(dismissals=10))

    async def test_known_findings_go_by_when_they_were_last_seen(self, backend: Storage) -> None:
        """Not with the run that saw them last: the next version of the change knows them."""
        await _put_whole_run(backend, "r1")
        at = known("at", run_id="r1", minutes=60)
        young = known("young", run_id="r1", minutes=90)
        await backend.put_reviews("a", [], [known("old", run_id="r1", minutes=1), at, young])

        pruned = await backend.prune("a", before=NOON + timedelta(minutes=60))

        assert pruned == Pruned(runs=1, findings=1)
        assert await backend.find_findings("a") == (at, young)

    async def test_dismissals_go_once_they_have_expired(self, backend: Storage) -> None:
        """One without an end stays for ever, and one that still holds stays too."""
        kept = [dismissal("never"), dismissal("then", ends=10)]
        past = [dismissal("past", ends=1), dismissal("past", "c1", ends=2)]
        await backend.put_dismissals("a", [*kept, *past])

        pruned = await backend.prune("a", before=NOON + timedelta(minutes=10))

        assert pruned == Pruned(dismissals=2)
        assert list(await backend.find_dismissals("a")) == kept

    async def test_a_storage_without_old_records_has_nothing_to_prune(
        self, backend: Storage
    ) -> None:
        """And a limit below one removes nothing."""
        assert not await backend.prune("a", before=_LATER)
        await _put_whole_run(backend, "r1")
        await backend.put_reviews("a", [], [known("f1"), known("f2")])

        assert not await backend.prune("a", before=NOON)
        assert not await backend.prune("a", before=_LATER, limit=0)
        assert not await backend.prune("a", before=_LATER, limit=-1)
        assert await _ids(backend) == ["r1"]
        assert len(await backend.find_findings("a")) == 2

    async def test_a_run_put_in_after_it_was_pruned_is_a_new_one(self, backend: Storage) -> None:
        """Nothing of the old one comes back with it."""
        await _put_whole_run(backend, "r1")
        await backend.prune("a", before=_LATER)

        await backend.put_runs([run("r1")])

        assert await _ids(backend) == ["r1"]
        assert await backend.read_events("a", "r1") == ()
        assert await backend.get_reviews("a", ["r1"]) == ()
