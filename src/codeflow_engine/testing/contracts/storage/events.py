"""Tests of the events of runs."""

from __future__ import annotations

from codeflow_engine.contracts import Storage
from codeflow_engine.domain.run import RunEvent, RunStarted
from codeflow_engine.testing.values import NOON, event, events

__all__ = ["EventTests"]


async def _numbers(storage: Storage, run_id: str = "r1", *, after: int = 0) -> list[int]:
    return [one.sequence for one in await storage.read_events("a", run_id, after=after)]


class EventTests:
    """Each run has a stream of numbered events, which only grows."""

    async def test_events_of_every_kind_come_back_equal(self, backend: Storage) -> None:
        """The type of an event is kept with its fields."""
        given = events("r1")

        await backend.append_events("a", given)

        found = await backend.read_events("a", "r1")
        assert list(found) == given
        assert [type(one) for one in found] == [type(one) for one in given]

    async def test_events_of_several_kinds_stay_in_order(self, backend: Storage) -> None:
        """Kinds that take turns come back in turns."""
        given = [
            event("r1", number)
            if number % 2
            else RunStarted(run_id="r1", sequence=number, at=NOON, workflow="w")
            for number in range(1, 13)
        ]

        await backend.append_events("a", given)

        assert list(await backend.read_events("a", "r1")) == given

    async def test_events_are_read_above_a_number(self, backend: Storage) -> None:
        """In order, and nothing where there is no more."""
        given = [event("r1", number) for number in range(1, 8)]
        await backend.append_events("a", given[:3])
        await backend.append_events("a", given[3:])

        assert list(await backend.read_events("a", "r1")) == given
        assert list(await backend.read_events("a", "r1", after=5)) == given[5:]
        assert await backend.read_events("a", "r1", after=7) == ()
        assert await backend.read_events("a", "r1", after=99) == ()
        assert await backend.read_events("a", "unknown") == ()

    async def test_a_limit_bounds_the_events_read(self, backend: Storage) -> None:
        """The first above the number are those that come; below one nothing comes."""
        given = [event("r1", number) for number in range(1, 8)]
        await backend.append_events("a", given)

        assert list(await backend.read_events("a", "r1", limit=2)) == given[:2]
        assert list(await backend.read_events("a", "r1", after=2, limit=2)) == given[2:4]
        assert await backend.read_events("a", "r1", limit=0) == ()
        assert await backend.read_events("a", "r1", after=1, limit=-1) == ()

    async def test_a_thousand_events_are_read_without_a_limit(self, backend: Storage) -> None:
        """A reader that does not ask for more goes on after the last that it got."""
        await backend.append_events("a", [event("r1", number) for number in range(1, 1011)])

        first = await backend.read_events("a", "r1")

        assert [one.sequence for one in first] == list(range(1, 1001))
        assert await _numbers(backend, after=1000) == list(range(1001, 1011))

    async def test_a_repeated_number_changes_nothing(self, backend: Storage) -> None:
        """The event that was there first stays, also where one batch holds both."""
        first, second = event("r1", 1, step="first"), event("r1", 2, step="second")
        await backend.append_events("a", [first])

        again = [event("r1", 1, step="again"), second, event("r1", 2, step="again")]
        await backend.append_events("a", again)

        assert await backend.read_events("a", "r1") == (first, second)

    async def test_events_are_in_order_however_they_arrive(self, backend: Storage) -> None:
        """Two writers of one run may be late, and a number may be missing for a while."""
        await backend.append_events("a", [event("r1", 10), event("r1", 2)])
        await backend.append_events("a", [event("r1", 1)])

        assert await _numbers(backend) == [1, 2, 10]
        assert await _numbers(backend, after=2) == [10]
        await backend.append_events("a", [event("r1", 3)])
        assert await _numbers(backend, after=2) == [3, 10]

    async def test_each_run_has_a_stream_of_its_own(self, backend: Storage) -> None:
        """Numbers of one run mean nothing to another one."""
        given = [event("r1", 1), event("r2", 1, step="other"), event("r1", 2)]
        await backend.append_events("a", given)

        assert await backend.read_events("a", "r1") == (given[0], given[2])
        assert await backend.read_events("a", "r2") == (given[1],)

    async def test_an_event_needs_no_run(self, backend: Storage) -> None:
        """Who follows a run may be told of it before its row is there."""
        await backend.append_events("a", [])
        await backend.append_events("a", [event("r1", 1)])

        assert await _numbers(backend) == [1]
        assert await backend.get_runs("a", ["r1"]) == ()

    async def test_positions_of_any_size_are_meant_as_said(self, backend: Storage) -> None:
        """Beyond the numbers of every database, too."""
        late = RunEvent(run_id="r1", sequence=2**40, at=NOON)
        await backend.append_events("a", [event("r1", 1), late])

        assert await _numbers(backend, after=2**39) == [2**40]
        assert await _numbers(backend, after=2**80) == []
        assert await _numbers(backend, after=-(2**80)) == [1, 2**40]
        assert len(await backend.read_events("a", "r1", limit=2**80)) == 2

    async def test_a_batch_larger_than_a_statement_is_written_whole(self, backend: Storage) -> None:
        """More values than any database takes as parameters of one statement."""
        await backend.append_events("a", [event("r1", number) for number in range(1, 7001)])

        assert await _numbers(backend, after=6500) == list(range(6501, 7001))
