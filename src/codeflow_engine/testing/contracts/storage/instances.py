"""Tests of several storages over the same data, one after another or at once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest

from codeflow_engine.contracts import Pruned, Storage
from codeflow_engine.contracts.storage import StorageCapability
from codeflow_engine.domain.run import RunStatus
from codeflow_engine.errors import SchemaVersionError, StorageUnavailableError
from codeflow_engine.testing.contracts.backend import another, requires
from codeflow_engine.testing.contracts.watching import within
from codeflow_engine.testing.values import NOON, dismissal, event, events, known, review, run

__all__ = ["InstanceTests"]

_DURABLE = StorageCapability.DURABLE
_SHARED = StorageCapability.SHARED
_LATER = NOON + timedelta(days=1)

type _Create = Callable[[], Storage]


async def _put_everything(storage: Storage) -> None:
    await storage.put_runs([run("r1", status=RunStatus.FAILED)])
    await storage.append_events("a", events("r1"))
    await storage.put_reviews("a", [review("r1")], [known("f1")])
    await storage.put_dismissals("a", [dismissal("f1")])


async def _check_everything(storage: Storage) -> None:
    assert await within(storage.get_runs("a", ["r1"])) == (run("r1", status=RunStatus.FAILED),)
    assert list(await storage.read_events("a", "r1")) == events("r1")
    assert await storage.get_reviews("a", ["r1"]) == (review("r1"),)
    assert await storage.find_findings("a") == (known("f1"),)
    assert await storage.find_dismissals("a") == (dismissal("f1"),)


async def _failures(*calls: Awaitable[object]) -> list[str]:
    """Make calls at once, and tell which errors they ended with."""
    ends = await within(asyncio.gather(*calls, return_exceptions=True))
    return [f"{type(end).__name__}: {end}" for end in ends if isinstance(end, BaseException)]


class InstanceTests:
    """What is stored is more than what one object of one process holds."""

    async def test_migrating_again_changes_nothing(self, backend: Storage) -> None:
        """Every start of a host may do it, over the data that is there."""
        await _put_everything(backend)

        await within(backend.migrate())
        await within(backend.migrate())

        await _check_everything(backend)

    async def test_before_it_is_migrated_it_works_or_says_so(self, untouched: _Create) -> None:
        """The error is that of a schema, which tells the host what to do; then it works."""
        async with another(untouched) as storage:
            try:
                found = await within(storage.find_runs("a"))
            except SchemaVersionError:
                found = ()
            except Exception as error:  # noqa: BLE001 - whatever it is, the test tells of it
                pytest.fail(f"it raised {type(error).__name__}, which says nothing of migrating")
            assert found == ()

            await within(storage.migrate())
            await _put_everything(storage)
            await _check_everything(storage)

    @requires(_SHARED)
    async def test_several_may_migrate_at_once(self, untouched: _Create) -> None:
        """The processes of a host start together; one migrates, and the others wait."""
        async with another(untouched) as one, another(untouched) as two, another(untouched) as last:
            failures = await _failures(one.migrate(), two.migrate(), last.migrate())

            assert failures == []
            await _put_everything(one)
            await _check_everything(two)
            await _check_everything(last)

    @requires(_DURABLE)
    async def test_what_was_acknowledged_outlives_the_storage(self, untouched: _Create) -> None:
        """Another one finds it, after the first was closed."""
        async with another(untouched) as first:
            await first.migrate()
            await _put_everything(first)

        async with another(untouched) as second:
            await _check_everything(second)

    @requires(_DURABLE, _SHARED)
    async def test_what_was_acknowledged_is_there_before_anybody_closes(
        self, create: _Create, backend: Storage
    ) -> None:
        """A process that ends in the middle closes nothing."""
        await _put_everything(backend)

        async with another(create) as second:
            await _check_everything(second)

    @requires(_DURABLE)
    async def test_what_was_removed_stays_removed(self, untouched: _Create) -> None:
        """For another one, after the first was closed."""
        async with another(untouched) as first:
            await first.migrate()
            await _put_everything(first)
            await first.remove_dismissals("a", [dismissal("f1")])
            await first.prune("a", before=_LATER)

        async with another(untouched) as second:
            assert await second.find_runs("a") == ()
            assert await second.read_events("a", "r1") == ()
            assert await second.find_findings("a") == ()
            assert await second.find_dismissals("a") == ()

    @requires(_SHARED)
    async def test_two_see_what_each_other_writes(self, create: _Create, backend: Storage) -> None:
        """At once, whatever they have read before."""
        async with another(create) as second:
            await _put_everything(backend)
            await _check_everything(backend)
            await _check_everything(second)

            await second.put_runs([run("r1", status=RunStatus.RUNNING)])
            await second.append_events("a", [event("r1", 50)])
            await second.put_reviews("a", [review("r1", "later")], [known("f1", minutes=1)])
            await second.put_dismissals("a", [dismissal("f1", reason="later")])

            assert (await backend.get_runs("a", ["r1"]))[0].status is RunStatus.RUNNING
            assert await backend.find_runs("a", status=RunStatus.FAILED) == ()
            assert len(await backend.read_events("a", "r1")) == len(events("r1")) + 1
            assert await backend.get_reviews("a", ["r1"]) == (review("r1", "later"),)
            assert await backend.find_findings("a") == (known("f1", minutes=1),)
            assert await backend.find_dismissals("a") == (dismissal("f1", reason="later"),)

    @requires(_SHARED)
    async def test_overlapping_batches_of_several_all_arrive(
        self, create: _Create, backend: Storage
    ) -> None:
        """They wait for each other, whatever the order within a batch."""
        runs = [run(f"r{n}") for n in range(12)]
        stream = [event("r1", n) for n in range(1, 25)]
        async with another(create) as second, another(create) as third:
            failures = await _failures(
                *(backend.put_runs(runs[n : n + 6]) for n in range(6)),
                *(second.put_runs(runs[n + 6 : n : -1]) for n in range(6)),
                *(third.put_runs([runs[-n], runs[n]]) for n in range(6)),
                backend.append_events("a", stream[:16]),
                second.append_events("a", stream[8:]),
                third.append_events("a", stream[20:4:-1]),
            )

            assert failures == []
            for storage in (backend, second, third):
                assert len(await storage.find_runs("a")) == 12
                assert list(await storage.read_events("a", "r1")) == stream

    @requires(_SHARED)
    async def test_what_several_prune_is_counted_once(
        self, create: _Create, backend: Storage
    ) -> None:
        """Each tells what it has removed itself."""
        await backend.put_runs([run(f"r{n}", status=RunStatus.FAILED) for n in range(30)])
        async with another(create) as second:

            async def prune(storage: Storage) -> list[Pruned]:
                return [await storage.prune("a", before=_LATER, limit=7) for _ in range(6)]

            calls = await within(asyncio.gather(prune(backend), prune(second)))

        assert sum((one for call in calls for one in call), Pruned()) == Pruned(runs=30)

    @requires(_SHARED)
    async def test_closing_one_leaves_the_others_open(
        self, create: _Create, backend: Storage
    ) -> None:
        """What several use is not closed by the first of them."""
        async with another(create) as second:
            await _put_everything(second)

        await _check_everything(backend)
        await within(backend.put_runs([run("r2")]))

    async def test_d15_a_storage_that_cannot_be_reached_is_an_error(
        self, unreachable: _Create
    ) -> None:
        """Every call says so, in a way that tells that a later try may succeed."""
        async with another(unreachable) as storage:
            calls: list[Awaitable[object]] = [
                storage.migrate(),
                storage.put_runs([run("r1")]),
                storage.get_runs("a", ["r1"]),
                storage.find_runs("a"),
                storage.append_events("a", [event("r1", 1)]),
                storage.read_events("a", "r1"),
                storage.put_reviews("a", [review("r1")]),
                storage.get_reviews("a", ["r1"]),
                storage.find_findings("a"),
                storage.put_dismissals("a", [dismissal("f1")]),
                storage.find_dismissals("a"),
                storage.remove_dismissals("a", [dismissal("f1")]),
                storage.prune("a", before=NOON),
            ]
            ends = await within(asyncio.gather(*calls, return_exceptions=True))

        wrong = [end for end in ends if not isinstance(end, StorageUnavailableError)]
        assert wrong == []
