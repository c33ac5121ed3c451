"""Tests of the steps of runs, and of the events that are written with them."""

from __future__ import annotations

import itertools
from datetime import timedelta

from codeflow_engine.contracts import Journal, Storage
from codeflow_engine.domain.journal import StepKind, StepRecord, StepState
from codeflow_engine.domain.run import RunStatus
from codeflow_engine.testing.contracts.journal.values import (
    LATER,
    hold,
    of_journal,
    start,
    start_all,
    state,
    step,
    submission,
    writing,
)
from codeflow_engine.testing.values import NOON, event, events

__all__ = ["StepTests"]

_WAITING, _DONE, _FAILED = StepState.WAITING, StepState.DONE, StepState.FAILED


@of_journal
class StepTests:
    """What a step has come to is written down once, and read for as long as it matters."""

    async def test_a_step_comes_back_equal(self, journal: Journal) -> None:
        """Of every kind and in every state; a value is kept to the byte."""
        claim = await start(journal, "r1")
        given = [
            step(
                "r1",
                f"{kind}-{how}",
                position=position,
                kind=kind,
                state=how,
                attempts=position,
                started_at=NOON - timedelta(microseconds=position),
                wake_at=LATER if how is _WAITING else None,
                value=bytes(range(256)) * position if how is _DONE else None,
                error=None if how is _DONE else '{"type": "OSError", "text": "\x1b[31m\\ud800"}',
            )
            for position, (kind, how) in enumerate(itertools.product(StepKind, StepState), 1)
        ]
        given += [
            step("r1", "empty", position=98, value=b""),
            step("r1", "none", position=99, value=None),
        ]

        await journal.write([writing(claim, steps=tuple(given))])

        found = await journal.read_steps("a", "r1", values=True)
        assert list(found) == given
        assert {(type(one.kind), type(one.state)) for one in found} == {(StepKind, StepState)}

    async def test_values_are_read_where_they_are_asked_for(self, journal: Journal) -> None:
        """Else they are None, and the rest is the same."""
        claim = await start(journal, "r1")
        await journal.write([writing(claim, steps=(step("r1", value=b"value"),))])

        assert await journal.read_steps("a", "r1") == (step("r1", value=None),)
        assert await journal.read_steps("a", "r1", values=True) == (step("r1", value=b"value"),)

    async def test_steps_are_sorted_by_position(self, journal: Journal) -> None:
        """However they were written; a run that has none, or is not there, gives none."""
        claim = await start(journal, "r1")
        for positions in ((10, 2), (1,), (9, 3)):
            steps = [step("r1", key=f"#{number}", position=number) for number in positions]
            await journal.write([writing(claim, steps=tuple(steps))])
        await start(journal, "r2")

        found = await journal.read_steps("a", "r1")

        assert [one.position for one in found] == [1, 2, 3, 9, 10]
        assert await journal.read_steps("a", "r2") == ()
        assert await journal.read_steps("a", "unknown") == ()

    async def test_a_final_step_stays_as_it_was_written(self, journal: Journal) -> None:
        """Whoever writes it again, with whatever it came to the second time."""
        claim = await start(journal, "r1")
        done = step("r1", "done", value=b"first")
        failed = step("r1", "failed", position=2, state=_FAILED, error="first")
        await journal.write([writing(claim, steps=(done, failed))])
        (claim,) = await hold(journal, "r1")

        again = [
            step("r1", "done", value=b"again", attempts=7),
            step("r1", "failed", position=2, value=b"again"),
            step("r1", "done", state=_WAITING),
        ]
        for one in again:
            assert await journal.write([writing(claim, steps=(one,))]) == (True,)

        assert await journal.read_steps("a", "r1", values=True) == (done, failed)

    async def test_a_step_that_waits_is_replaced(self, journal: Journal) -> None:
        """By a later wait, and by its end; there is one record of it."""
        claim = await start(journal, "r1")
        waits = [
            step("r1", state=_WAITING, attempts=1, wake_at=NOON, error="first"),
            step("r1", state=_WAITING, attempts=2, wake_at=LATER, error="second"),
            step("r1", attempts=3, value=b"at last"),
        ]
        seen: list[StepRecord] = []
        for one in waits:
            await journal.write([writing(claim, steps=(one,))])
            seen += await journal.read_steps("a", "r1", values=True)

        assert seen == waits

    async def test_a_step_is_replaced_within_one_call(self, journal: Journal) -> None:
        """Of one write the last that waits counts, or the first that is final."""
        claim = await start(journal, "r1")
        waits, done, late = step("r1", state=_WAITING), step("r1"), step("r1", value=b"late")

        await journal.write([writing(claim, steps=(waits, done)), writing(claim, steps=(late,))])

        assert await journal.read_steps("a", "r1", values=True) == (done,)

    async def test_a_step_is_known_by_name_and_key(self, journal: Journal) -> None:
        """By both, and in its own run."""
        names = [("s", "#1"), ("s", "=1"), ("s", "#2"), ("s#", "1"), ("S", "#1"), ("", "s#1")]
        claims = [*await start_all(journal, submission("r1"), submission("r2"))]
        claims += [await start(journal, "r1", tenant="b")]
        for number, claim in enumerate(claims):
            steps = [
                step(claim.record.run_id, *identity, position=n, attempts=number)
                for n, identity in enumerate(names)
            ]
            await journal.write([writing(claim, steps=tuple(steps))])

        for number, claim in enumerate(claims):
            found = await journal.read_steps(claim.record.tenant, claim.record.run_id)
            assert [(one.name, one.key) for one in found] == names
            assert {one.attempts for one in found} == {number}

    async def test_events_are_written_with_steps(self, backend: Storage, journal: Journal) -> None:
        """They are those that the storage reads; a number that is there stays as it is."""
        claim = await start(journal, "r1")
        given = events("r1")
        await backend.append_events("a", given[:1])

        again = event("r1", 1, step="again")
        await journal.write([writing(claim, events=(again, *given[1:6]))])
        await journal.write([writing(claim, events=tuple(given[4:]))])

        assert list(await backend.read_events("a", "r1")) == given
        (claim,) = await hold(journal, "r1")
        assert claim.last_event == len(given)

    async def test_success_drops_what_only_an_execution_needs(self, journal: Journal) -> None:
        """The values of steps: the rest of them stays, and so does the result."""
        claim = await start(journal, "r1")
        failed = step("r1", "b", position=2, state=_FAILED, error="why")
        await journal.write([writing(claim, steps=(step("r1", "a"), failed))])

        late = step("r1", "c", position=3, value=b"late")
        last = state(RunStatus.SUCCEEDED, result=b"result")
        await journal.write([writing(claim, steps=(late,), state=last)])

        found = await journal.read_steps("a", "r1", values=True)
        assert [(one.name, one.state, one.value) for one in found] == [
            ("a", _DONE, None),
            ("b", _FAILED, None),
            ("c", _DONE, None),
        ]
        assert found[1].error == "why"
        assert await journal.read_results("a", ["r1"]) == {"r1": b"result"}

    async def test_any_other_end_keeps_what_an_execution_needs(self, journal: Journal) -> None:
        """Somebody may resume the run, and its steps are not done twice."""
        ends = [one for one in RunStatus if one.is_terminal and one is not RunStatus.SUCCEEDED]
        given = [submission(one.value, payload=one.value.encode()) for one in ends]
        claims = await start_all(journal, *given)
        last = [
            writing(claim, steps=(step(one.value),), state=state(one))
            for claim, one in zip(claims, ends, strict=True)
        ]
        await journal.write(last)

        await journal.resume("a", ends, now=NOON, seconds=None)

        claims = await hold(journal, *ends)
        assert [one.payload for one in claims] == [one.value.encode() for one in ends]
        assert [one.steps for one in claims] == [(step(one.value),) for one in ends]
