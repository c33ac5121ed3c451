"""Tests of new runs."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from codeflow_engine.contracts import Journal, Storage
from codeflow_engine.domain.run import RunRecord, RunStatus
from codeflow_engine.errors import ConfigurationError, StorageError
from codeflow_engine.testing.contracts.journal.values import (
    end,
    hold,
    of_journal,
    start,
    submission,
)
from codeflow_engine.testing.contracts.watching import within
from codeflow_engine.testing.values import NOON, run

__all__ = ["SubmitTests"]


@of_journal
class SubmitTests:
    """A run is submitted once, however often somebody tries."""

    async def test_a_run_is_stored_as_it_was_submitted(
        self, backend: Storage, journal: Journal
    ) -> None:
        """Every field of it, and its input to the byte."""
        given = submission(
            "r1",
            payload=bytes(range(256)),
            key="delivery-7",
            digest="d" * 64,
            parent="r0",
            partition="acme/shop",
            priority=-3,
            wake_at=NOON - timedelta(microseconds=1),
            seconds_left=0.125,
        )
        bare = submission("r2", payload=b"", wake_at=None)

        stored = await journal.submit([given, bare])

        assert stored == (given.record, bare.record)
        assert await backend.get_runs("a", ["r1", "r2"]) == stored
        assert await backend.find_runs("a") == stored[::-1]
        (claim,) = await hold(journal, "r1")
        assert claim.payload == bytes(range(256))

    async def test_a_run_that_is_there_stays_as_it_is(
        self, backend: Storage, journal: Journal
    ) -> None:
        """It is given in place of the other one of its id, also when it has gone on."""
        first = submission("r1", payload=b"first", digest="first")
        await journal.submit([first])
        other = submission("r1", payload=b"other", digest="other", key="k")

        assert await journal.submit([other, submission("r2")]) == (first.record, _run_of("r2"))
        (claim,) = await hold(journal, "r1")

        assert claim.payload == b"first"
        assert await journal.submit([other]) == (claim.record,)
        assert await backend.get_runs("a", ["r1"]) == (claim.record,)

    async def test_a_key_has_one_run(self, backend: Storage, journal: Journal) -> None:
        """The one that came first, also when it has ended; its id stays unused."""
        claim = await start(journal, "r1", key="k", digest="first")
        again = submission("r2", key="k", digest="again")

        found = await journal.submit([again])
        await end(journal, claim, RunStatus.FAILED)
        (later,) = await journal.submit([again])

        assert found == (claim.record,)
        assert (later.run_id, later.status) == ("r1", RunStatus.FAILED)
        assert await backend.get_runs("a", ["r2"]) == ()

    async def test_a_key_is_one_of_its_tenant(self, journal: Journal) -> None:
        """And whoever has none shares nothing."""
        given = [
            submission("r1", "a", key="k"),
            submission("r1", "b", key="k", digest="b"),
            submission("r2", "a", key=""),
            submission("r3", "a"),
            submission("r4", "a"),
        ]

        stored = await journal.submit(given)

        assert list(stored) == [one.record for one in given]

    async def test_two_of_one_call_that_share_a_key_are_one_run(
        self, backend: Storage, journal: Journal
    ) -> None:
        """The first of them; two of one id as well."""
        first, other = submission("r1", key="k"), submission("r2", key="k", digest="other")

        stored = await journal.submit([first, other, submission("r3"), submission("r3", key="j")])

        assert stored == (first.record, first.record, _run_of("r3"), _run_of("r3"))
        assert await backend.find_runs("a") == (_run_of("r3"), first.record)

    async def test_runs_come_in_the_order_in_which_they_were_submitted(
        self, journal: Journal
    ) -> None:
        """Known and new ones mixed; an empty call is no error."""
        await journal.submit([submission("r5"), submission("r2", key="k")])

        given = [submission(f"r{number}") for number in (9, 2, 5, 1)]
        stored = await journal.submit([*given, submission("r7", key="k")])

        assert [one.run_id for one in stored] == ["r9", "r2", "r5", "r1", "r2"]
        assert await journal.submit([]) == ()

    async def test_d8_a_run_submitted_many_times_at_once_is_one(
        self, backend: Storage, journal: Journal
    ) -> None:
        """All callers get the same one, whatever ids they had in mind."""
        given = [submission(f"r{number}", key="k", digest=f"{number}") for number in range(8)]
        calls = [journal.submit([one, submission(f"own{n}")]) for n, one in enumerate(given)]

        told = await within(asyncio.gather(*calls))

        kept = {first.run_id for first, _ in told}
        assert len(kept) == 1
        assert [own.run_id for _, own in told] == [f"own{number}" for number in range(8)]
        assert len(await backend.find_runs("a")) == 9

    async def test_no_run_is_submitted_within_what_is_no_transaction(
        self, backend: Storage, journal: Journal
    ) -> None:
        """The host is told at once, and finds no run that it did not commit."""
        with pytest.raises(ConfigurationError):
            await within(journal.submit_within(object(), [submission("r1")]))

        assert await backend.find_runs("a") == ()

    async def test_submitting_is_whole_or_not_at_all(
        self, backend: Storage, journal: Journal
    ) -> None:
        """A time that names no moment is refused, and takes its whole call with it."""
        moments: list[dict[str, Any]] = [
            {field: NOON.replace(tzinfo=None)} for field in ("created_at", "updated_at", "wake_at")
        ]
        for moment in moments:
            bad = submission("bad", **moment)
            with pytest.raises(StorageError):
                await within(journal.submit([submission("good"), bad]))

        assert await backend.find_runs("a") == ()

    async def test_runs_are_found_by_what_they_stand_at(
        self, backend: Storage, journal: Journal
    ) -> None:
        """The storage finds what the journal has written, and the other way round."""
        await journal.submit([submission("r1"), submission("r2", minutes=1)])
        (claim,) = await hold(journal, "r1")
        await end(journal, claim, RunStatus.SUCCEEDED)

        assert await backend.find_runs("a", status=RunStatus.PENDING) == (_run_of("r2", minutes=1),)
        (ended,) = await backend.find_runs("a", status=RunStatus.SUCCEEDED)
        assert ended.run_id == "r1"
        await backend.put_runs([replace(ended, error="put in")])
        assert (await journal.submit([submission("r1")]))[0].error == "put in"


def _run_of(run_id: str, minutes: int = 0) -> RunRecord:
    """Give the record of a submission."""
    return run(run_id, minutes=minutes, wake_at=NOON)
