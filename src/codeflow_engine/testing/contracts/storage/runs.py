"""Tests of runs."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

from codeflow_engine.contracts import Storage
from codeflow_engine.domain.run import RunStatus
from codeflow_engine.testing.values import NOON, run

__all__ = ["RunTests"]

_EAST = timezone(timedelta(hours=5, minutes=30))
_MICROSECOND = timedelta(microseconds=1)


class RunTests:
    """Runs are put in whole, and found by id or by age."""

    async def test_a_run_comes_back_equal(self, backend: Storage) -> None:
        """Every field has the value and the type that was put in."""
        given = run("r1", status=RunStatus.FAILED, error="SandboxError: no\x1b[31m interpreter")
        other = run("r2", status=RunStatus.SUCCEEDED, summary={"findings": 3, "cost": None})

        await backend.put_runs([given, other])

        found = await backend.get_runs("a", ["r1", "r2"])
        assert found == (given, other)
        assert [type(one.status) for one in found] == [RunStatus, RunStatus]
        # `1 == 1.0 == True`, so that equality alone would not see a changed number.
        told = [json.dumps(dict(one.input), sort_keys=True) for one in (found[0], given)]
        assert told[0] == told[1]

    async def test_moments_come_back_to_the_microsecond(self, backend: Storage) -> None:
        """From any zone and any year: the same moment, though maybe in another zone."""
        moments = [
            (NOON + _MICROSECOND).astimezone(_EAST),
            datetime(1969, 12, 31, 23, 59, 59, 999_999, UTC),
            datetime(9999, 12, 30, 23, 59, 59, 999_999, UTC),
            datetime(2, 1, 1, tzinfo=UTC),
        ]
        given = [run(f"r{n}", created_at=at, updated_at=at) for n, at in enumerate(moments)]

        await backend.put_runs(given)

        found = await backend.get_runs("a", [one.run_id for one in given])
        assert [one.created_at for one in found] == moments
        assert [one.updated_at for one in found] == moments

    async def test_runs_come_in_the_order_of_the_ids_asked_for(self, backend: Storage) -> None:
        """Ids that nobody knows are left out, and one asked for twice comes twice."""
        await backend.put_runs([run("r1"), run("r2"), run("r3")])

        found = await backend.get_runs("a", ["r3", "unknown", "r1", "r3"])

        assert [one.run_id for one in found] == ["r3", "r1", "r3"]

    async def test_an_empty_batch_of_runs_is_no_error(self, backend: Storage) -> None:
        """Nothing is written, and nothing is found, though there is something."""
        await backend.put_runs([])
        none = await backend.find_runs("a")
        await backend.put_runs([run("r1")])

        assert none == ()
        assert await backend.get_runs("a", []) == ()

    async def test_a_run_is_replaced_by_its_id(self, backend: Storage) -> None:
        """The last value counts, also within one batch, and there is one row."""
        first = run("r1")
        later = replace(first, status=RunStatus.RUNNING, updated_at=NOON + timedelta(minutes=5))
        last = replace(later, status=RunStatus.SUCCEEDED)

        await backend.put_runs([first])
        await backend.put_runs([later, last])

        assert await backend.get_runs("a", ["r1"]) == (last,)
        assert await backend.find_runs("a") == (last,)

    async def test_a_large_batch_of_runs_is_written_whole(self, backend: Storage) -> None:
        """And read whole, with as many ids in one call."""
        runs = [run(f"r{number:04}", minutes=number) for number in range(700)]

        await backend.put_runs(runs)

        found = await backend.get_runs("a", [one.run_id for one in runs])
        assert list(found) == runs

    async def test_the_newest_runs_come_first(self, backend: Storage) -> None:
        """By the time of their creation, whatever the zone and the order of writing."""
        mid = (NOON + timedelta(minutes=2)).astimezone(_EAST)
        await backend.put_runs([run("old", minutes=1), run("new", minutes=3)])
        await backend.put_runs([run("mid", created_at=mid), run("newer", minutes=4)])
        await backend.put_runs([run("old", minutes=1, updated_at=NOON + timedelta(days=1))])

        found = [one.run_id for one in await backend.find_runs("a")]

        assert found == ["newer", "new", "mid", "old"]

    async def test_runs_of_one_moment_come_the_greatest_id_first(self, backend: Storage) -> None:
        """By code point, whatever the language of a database."""
        ids = ["9", "10", "B", "a", "Z", "_", "é", "\uffff", "\U00010000", "\ud800", ""]
        await backend.put_runs([run(one) for one in ids])

        found = [one.run_id for one in await backend.find_runs("a")]

        assert found == sorted(ids, reverse=True)

    async def test_a_limit_bounds_the_runs_found(self, backend: Storage) -> None:
        """The newest are those that come; with a limit below one nothing comes."""
        await backend.put_runs([run(f"r{number}", minutes=number) for number in range(4)])

        found = {
            limit: [one.run_id for one in await backend.find_runs("a", limit=limit)]
            for limit in (2, 1, 0, -1, 2**80)
        }

        assert found == {2: ["r3", "r2"], 1: ["r3"], 0: [], -1: [], 2**80: ["r3", "r2", "r1", "r0"]}

    async def test_a_hundred_runs_are_found_without_a_limit(self, backend: Storage) -> None:
        """A caller that does not ask for more gets no unbounded answer."""
        await backend.put_runs([run(f"r{number:03}", minutes=number) for number in range(120)])

        found = await backend.find_runs("a")

        assert len(found) == 100
        assert found[0].run_id == "r119"

    async def test_runs_are_found_by_status(self, backend: Storage) -> None:
        """The limit counts those of the status, and not those passed over."""
        kinds = list(enumerate(RunStatus))
        await backend.put_runs([run(one.value, minutes=n, status=one) for n, one in kinds])
        await backend.put_runs([run(f"+{one}", minutes=9 + n, status=one) for n, one in kinds])

        found = {
            one: [each.run_id for each in await backend.find_runs("a", status=one, limit=1)]
            for one in RunStatus
        }

        assert found == {one: [f"+{one}"] for one in RunStatus}
