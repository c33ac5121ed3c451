"""Tests of signals, and of what somebody else has said about a run."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from codeflow_engine.contracts import Journal
from codeflow_engine.domain.journal import Claim, Notice
from codeflow_engine.domain.run import RunStatus
from codeflow_engine.testing.contracts.journal.values import (
    LATER,
    end,
    end_all,
    hold,
    of_journal,
    signal,
    start,
    start_all,
    state,
    submission,
    writing,
)
from codeflow_engine.testing.contracts.watching import within
from codeflow_engine.testing.values import NOON

__all__ = ["SignalTests"]

_VALUE = {"approved": True, "by": "ada\x00\ud800", "nested": [1, 2.5, None, {"é": []}]}


async def _wait(journal: Journal, claim: Claim, *names: str) -> None:
    await end(journal, claim, RunStatus.WAITING, waits_for=names)


async def _ids(journal: Journal, run_id: str = "r1", tenant: str = "a") -> list[str]:
    return [one.signal_id for one in await journal.read_signals(tenant, run_id)]


async def _due(journal: Journal) -> list[str]:
    return list(await journal.find_due("a", now=NOON, limit=100))


@of_journal
class SignalTests:
    """A signal reaches its run once, whether the run executes, waits, or has yet to begin."""

    async def test_signals_come_in_the_order_in_which_they_were_sent(
        self, journal: Journal
    ) -> None:
        """Equal to what was sent, whatever their ids and the clocks of their senders."""
        await journal.submit([submission("r1")])
        given = [
            signal("r1", "9", value=_VALUE, sent_at=NOON + timedelta(microseconds=1)),
            signal("r1", "10", "stop", value="text"),
            signal("r1", "a", sent_at=NOON - timedelta(days=1)),
            signal("r1", "A", value=0),
        ]

        told = await journal.send("a", given[:2]) + await journal.send("a", given[2:])

        assert told == (True, True, True, True)
        assert list(await journal.read_signals("a", "r1")) == given

    async def test_a_signal_that_is_sent_again_changes_nothing(self, journal: Journal) -> None:
        """The first of an id stays, also where one call has both."""
        await journal.submit([submission("r1")])
        first = signal("r1", "s1", value="first")
        again = signal("r1", "s1", "other", value="again")

        told = await journal.send("a", [first, again]) + await journal.send("a", [again])

        assert told == (True, True, True)
        assert await journal.read_signals("a", "r1") == (first,)

    async def test_a_signal_that_was_received_does_not_come_again(self, journal: Journal) -> None:
        """Its sender may repeat it at any time, from outside or from another run."""
        claim, other = await start_all(journal, submission("r1"), submission("r2"))
        await journal.send("a", [signal("r1", "s1"), signal("r1", "s2"), signal("r2", "s1")])
        await journal.write([writing(claim, taken=("s1", "unknown"))])

        told = await journal.send("a", [signal("r1", "s1", value="again")])
        await journal.write([writing(other, signals=(signal("r1", "s1", value="again"),))])

        assert told == (True,)
        assert await _ids(journal) == ["s2"]
        assert await _ids(journal, "r2") == ["s1"]

    async def test_a_signal_to_nobody_is_dropped(self, journal: Journal) -> None:
        """Its sender is told, and a run that is submitted later knows nothing of it."""
        claim, ended = await start_all(journal, submission("r1"), submission("ended"))
        await end(journal, ended, RunStatus.FAILED)
        given = [signal("r1"), signal("unknown"), signal("ended")]

        told = await journal.send("a", given)
        by_run = writing(claim, signals=(signal("unknown", "s2"), signal("ended", "s2")))
        written = await journal.write([by_run])
        await journal.submit([submission("unknown")])

        assert (told, written) == ((True, False, True), (True,))
        assert await journal.send("a", []) == ()
        assert await journal.read_signals("a", "unknown") == ()
        assert await _ids(journal, "ended") == ["s1", "s2"]

    async def test_a_run_that_waits_is_woken_by_the_name_it_waits_for(
        self, journal: Journal
    ) -> None:
        """At once, however far its time and the clock of the sender are; by no other name."""
        runs = {"any": ("stop", "go"), "one": ("go",), "other": ("g", "GO", "go "), "none": ()}
        claims = await start_all(journal, *map(submission, runs))
        waits = {"wake_at": LATER, "at": LATER}
        states = [state(RunStatus.WAITING, waits_for=names, **waits) for names in runs.values()]
        await end_all(journal, claims, *states)

        await journal.send("a", [signal(run_id, sent_at=LATER) for run_id in runs])

        assert sorted(await _due(journal)) == ["any", "one"]
        (claim,) = await hold(journal, "one")
        assert claim.record.waits_for == ()

    async def test_a_run_wakes_another_one(self, journal: Journal) -> None:
        """By a signal in what it writes, with all else, or not at all."""
        parent = await start(journal, "parent")
        await _wait(journal, parent, "child:r1")
        child = await start(journal, "r1", parent="parent")
        told = signal("parent", "child:r1", "child:r1", value={"status": "succeeded"})
        late = writing(child, fence=child.fence + 1, signals=(told,))
        refused = await journal.write([late]), await _due(journal)

        last = writing(child, signals=(told,), state=state(RunStatus.SUCCEEDED))
        assert await journal.write([last]) == (True,)

        assert refused == ((False,), [])
        assert await _due(journal) == ["parent"]
        assert await journal.read_signals("a", "parent") == (told,)

    async def test_a_run_that_suspends_finds_what_came_before(self, journal: Journal) -> None:
        """It is due at once where a signal that it waits for is there, and was not received."""
        ids = ("there", "taken", "now", "other", "none")
        claims = await start_all(journal, *map(submission, ids))
        for run_id, claim in zip(ids, claims, strict=True):
            if run_id != "none":
                name = "stop" if run_id == "other" else "go"
                await journal.send("a", [signal(run_id, name=name)])
            waits = state(RunStatus.WAITING, waits_for=("come", "go"), wake_at=LATER, at=LATER)
            if run_id == "taken":
                await journal.write([writing(claim, taken=("s1",))])
            taken = ("s1",) if run_id == "now" else ()
            await journal.write([writing(claim, taken=taken, state=waits)])

        assert await _due(journal) == ["there"]

    async def test_a_signal_and_a_wait_at_once_lose_nothing(self, journal: Journal) -> None:
        """Whichever comes first, the run is due when both are there."""
        ids = [f"r{number}" for number in range(8)]
        claims = await start_all(journal, *map(submission, ids))

        calls = [_wait(journal, one, "go") for one in claims]
        sent = [journal.send("a", [signal(one)]) for one in ids]
        mixed = [one for pair in zip(sent, calls, strict=True) for one in pair]
        await within(asyncio.gather(*mixed[::2], *mixed[1::2][::-1]))

        assert sorted(await _due(journal)) == ids

    async def test_signals_are_those_of_one_run_and_its_tenant(self, journal: Journal) -> None:
        """The same id is another signal there."""
        await journal.submit([submission("r1"), submission("r2"), submission("r1", "b")])
        await journal.send("a", [signal("r1", value="a"), signal("r2", value="r2")])
        told = await journal.send("b", [signal("r1", value="b"), signal("r2")])

        found = [
            [one.value for one in await journal.read_signals(tenant, run_id)]
            for tenant, run_id in (("a", "r1"), ("a", "r2"), ("b", "r1"), ("b", "r2"))
        ]

        assert found == [["a"], ["r2"], ["b"], []]
        assert told == (True, False)
        assert await journal.read_signals("a", "unknown") == ()

    async def test_notices_tell_what_was_said_of_runs(self, journal: Journal) -> None:
        """In the order of the ids; those that nobody knows are left out."""
        first, second = await start_all(journal, submission("r1"), submission("r2"))
        await journal.submit([submission("new")])
        await journal.send("a", [signal("r1", one) for one in ("s1", "s2", "s3")])
        await journal.write([writing(first, taken=("s2",))])
        await journal.cancel("a", ["r2"], now=NOON)
        (again,) = await hold(journal, "r1")

        found = await journal.notices("a", ["new", "r2", "unknown", "r1"])

        assert found[1:] == (
            Notice(run_id="r2", fence=second.fence, cancelling=True, signals=0),
            Notice(run_id="r1", fence=again.fence, cancelling=False, signals=2),
        )
        assert (found[0].run_id, found[0].cancelling, found[0].signals) == ("new", False, 0)
        assert found[0].fence < second.fence
        assert await journal.notices("b", ["r1"]) == ()
        assert await journal.notices("a", []) == ()
