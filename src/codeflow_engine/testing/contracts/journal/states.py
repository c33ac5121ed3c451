"""Tests of where runs stand."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from codeflow_engine.contracts import Journal, Storage
from codeflow_engine.domain.run import RunRecord, RunStatus
from codeflow_engine.testing.contracts.journal.values import (
    LATER,
    end,
    end_all,
    of_journal,
    start,
    start_all,
    state,
    step,
    submission,
    writing,
)
from codeflow_engine.testing.values import NOON

__all__ = ["StateTests"]


async def _record(storage: Storage, run_id: str = "r1") -> RunRecord:
    (found,) = await storage.get_runs("a", [run_id])
    return found


@of_journal
class StateTests:
    """A state replaces what it names in the row of its run, and nothing else."""

    async def test_a_state_replaces_what_it_names(self, backend: Storage, journal: Journal) -> None:
        """All of it at once: what it leaves out is empty afterwards."""
        claim = await start(
            journal, "r1", key="k", partition="p", parent="r0", priority=3, seconds_left=9.0
        )
        waits = state(
            RunStatus.WAITING,
            at=NOON + timedelta(microseconds=1),
            wake_at=LATER,
            waits_for=("go", "stop"),
            seconds_left=7.5,
            error="why it waits",
            summary={"nested": [1, 2.5, None, {"é": True}]},
        )

        await journal.write([writing(claim, state=waits)])

        expected = replace(
            claim.record,
            status=RunStatus.WAITING,
            updated_at=waits.at,
            wake_at=LATER,
            waits_for=("go", "stop"),
            deadline=None,
            seconds_left=7.5,
            error="why it waits",
            summary=waits.summary,
        )
        assert await _record(backend) == expected
        await journal.renew("w1", lease=60)
        (claim,) = await journal.claim("a", "w1", run_ids=["r1"], now=LATER)
        await end(journal, claim, RunStatus.PARKED, at=LATER)
        found = await _record(backend)
        assert (found.error, found.summary, found.waits_for) == (None, None, ())
        assert (found.wake_at, found.seconds_left, found.deadline) == (None, None, None)

    async def test_without_a_state_a_run_stands_where_it_stood(
        self, backend: Storage, journal: Journal
    ) -> None:
        """Its row does not change with its steps."""
        claim = await start(journal, "r1", seconds_left=9.0)

        await journal.write([writing(claim, steps=(step("r1"),))])

        assert await _record(backend) == claim.record

    async def test_a_run_that_goes_on_keeps_its_claim_and_its_deadline(
        self, backend: Storage, journal: Journal
    ) -> None:
        """`RUNNING` is a state, too, and gives nothing up."""
        claim = await start(journal, "r1", seconds_left=9.0)

        for number in range(2):
            at = NOON + timedelta(seconds=number)
            goes_on = state(RunStatus.RUNNING, at=at, summary={"done": number})
            assert await journal.write([writing(claim, state=goes_on)]) == (True,)

        found = await _record(backend)
        assert found == replace(claim.record, updated_at=at, summary={"done": 1})
        assert await journal.find_due("a", now=LATER, limit=9) == ()

    async def test_a_run_that_has_ended_waits_for_nothing(
        self, backend: Storage, journal: Journal
    ) -> None:
        """However it ended, it has neither a moment nor a deadline; its error stays."""
        ends = [one for one in RunStatus if one.is_terminal]
        given = [submission(one.value, seconds_left=9.0) for one in ends]
        claims = await start_all(journal, *given)
        last = [state(one, wake_at=LATER, error="why", summary={"a": 1}) for one in ends]
        await end_all(journal, claims, *last)

        for status in ends:
            found = await _record(backend, status.value)
            assert (found.status, found.error, found.summary) == (status, "why", {"a": 1})
            assert (found.wake_at, found.waits_for, found.deadline) == (None, (), None)
            assert await backend.find_runs("a", status=status) == (found,)

    async def test_results_are_read_by_run(self, journal: Journal) -> None:
        """To the byte; a run that has none is left out."""
        claims = await start_all(journal, *map(submission, ("r1", "r2", "r3")))
        results = bytes(range(256)), b"", None
        ends = [state(RunStatus.SUCCEEDED, result=one) for one in results]
        await end_all(journal, claims, *ends)
        claim = await start(journal, "r1", tenant="b")
        await end(journal, claim, RunStatus.SUCCEEDED, result=b"b")
        await journal.submit([submission("r4")])

        found = await journal.read_results("a", ["r2", "unknown", "r3", "r1", "r4"])

        assert found == {"r1": bytes(range(256)), "r2": b""}
        assert await journal.read_results("b", ["r1", "r2"]) == {"r1": b"b"}
        assert await journal.read_results("a", []) == {}
