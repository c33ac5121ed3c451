"""Tests of effects and their receipts, and of the answers of models."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest

from codeflow_engine.contracts import Journal, Pruned, Storage
from codeflow_engine.domain.effect import EffectKind
from codeflow_engine.domain.run import RunStatus
from codeflow_engine.errors import StorageError
from codeflow_engine.testing.contracts.journal.values import (
    LATER,
    answer,
    effect,
    end,
    of_journal,
    receipt,
    signal,
    start,
    start_all,
    state,
    submission,
    writing,
)
from codeflow_engine.testing.contracts.watching import within
from codeflow_engine.testing.values import NOON

__all__ = ["OutsideTests"]

_NESTED = {"body": "é\x00\ud800", "comments": [{"line": 3, "of": None}, 2.5, True]}


@of_journal
class OutsideTests:
    """What the outside was told, and what a model has said, is known by its content."""

    async def test_planned_effects_are_found_until_they_are_settled(self, journal: Journal) -> None:
        """Equal to what was planned, and sorted by key, by code point."""
        claim = await start(journal, "r1")
        keys = ["b", "a", "é", "10", "9", "B", "\uffff", "\U0001f600"]
        given = {key: effect(key, **_NESTED) for key in keys}

        await journal.write([writing(claim, effects=tuple(given.values()))])
        found = await journal.find_unsettled("a")
        settled = tuple(receipt(key) for key in ("a", "é"))
        await journal.write([writing(claim, receipts=settled)])

        assert list(found) == [given[key] for key in sorted(keys)]
        assert {type(one.kind) for one in found} == {EffectKind}
        left = [one.key for one in await journal.find_unsettled("a")]
        assert left == sorted({*keys} - {"a", "é"})

    async def test_planned_effects_are_found_by_run(self, journal: Journal) -> None:
        """One that is planned already stays that of the run which was first."""
        claims = await start_all(journal, submission("r1"), submission("r2"))
        first, again = effect("e1", by="r1"), effect("e1", by="r2")

        await journal.write([writing(claims[0], effects=(first, effect("e3")))])
        await journal.write([writing(claims[1], effects=(effect("e2"), again))])

        assert await journal.find_unsettled("a", run_id="r1") == (first, effect("e3"))
        assert await journal.find_unsettled("a", run_id="r2") == (effect("e2"),)
        assert await journal.find_unsettled("a", run_id="unknown") == ()
        assert await journal.find_unsettled("a") == (first, effect("e2"), effect("e3"))

    async def test_a_limit_bounds_the_planned_effects(self, journal: Journal) -> None:
        """The first are those that come, a thousand without a limit; below one nothing comes."""
        claim = await start(journal, "r1")
        keys = [f"e{number:04}" for number in range(1010)]
        await journal.write([writing(claim, effects=tuple(map(effect, keys)))])

        found = {
            limit: [one.key for one in await journal.find_unsettled("a", limit=limit)]
            for limit in (2, 0, -1)
        }
        unbounded = await journal.find_unsettled("a", run_id="r1")

        assert found == {2: keys[:2], 0: [], -1: []}
        assert [one.key for one in unbounded] == keys[:1000]

    async def test_d5_a_receipt_is_read_by_the_key_of_its_effect(self, journal: Journal) -> None:
        """In the order of the keys; those without one are left out."""
        claim = await start(journal, "r1")
        effects = tuple(map(effect, ("e1", "e2", "e3")))
        await journal.write([writing(claim, effects=effects)])
        given = receipt("e1", "é\x00\ud800"), receipt("e3", "8")

        await journal.write([writing(claim, receipts=given)])

        found = await journal.find_receipts("a", ["e3", "e2", "unknown", "e1"])
        assert found == given[::-1]
        assert await journal.find_receipts("a", []) == ()

    async def test_the_first_receipt_of_an_effect_stays(self, journal: Journal) -> None:
        """Whoever delivers it again, of whatever run; planning it again unsettles nothing."""
        claims = await start_all(journal, submission("r1"), submission("r2"))
        await journal.write([writing(claims[0], effects=(effect("e1"), effect("e2")))])
        by_other = writing(claims[1], receipts=(receipt("e1", "first"),))
        both = writing(claims[1], receipts=(receipt("e2", "first"), receipt("e2", "again")))
        await journal.write([by_other, both])

        again = writing(claims[0], effects=(effect("e1"),), receipts=(receipt("e1", "again"),))
        await journal.write([again])

        found = await journal.find_receipts("a", ["e1", "e2"])
        assert [one.external_id for one in found] == ["first", "first"]
        assert await journal.find_unsettled("a") == ()

    async def test_an_effect_is_planned_and_settled_at_once(self, journal: Journal) -> None:
        """With the end of the run, too; its receipt outlives the execution."""
        claim = await start(journal, "r1")
        last = writing(
            claim,
            effects=(effect("e1"),),
            receipts=(receipt("e1"),),
            state=state(RunStatus.SUCCEEDED),
        )

        await journal.write([last])

        assert await journal.find_receipts("a", ["e1"]) == (receipt("e1"),)
        assert await journal.find_unsettled("a") == ()

    async def test_s32_an_effect_is_one_of_its_tenant(self, journal: Journal) -> None:
        """The same key is another one there."""
        for tenant in ("a", "b"):
            claim = await start(journal, "r1", tenant=tenant)
            planned = effect("e1", of=tenant), effect(tenant)
            await journal.write([writing(claim, effects=planned)])
        await journal.write([writing(claim, receipts=(receipt("e1", "b"),))])

        assert await journal.find_receipts("a", ["e1"]) == ()
        assert await journal.find_receipts("b", ["e1"]) == (receipt("e1", "b"),)
        assert await journal.find_unsettled("a") == (effect("a"), effect("e1", of="a"))
        assert await journal.find_unsettled("b") == (effect("b"),)

    async def test_d4_an_answer_comes_back_equal(self, journal: Journal) -> None:
        """With its usage, and found by its key alone."""
        given = {"k1": answer("é\x00\ud800 and so on"), "k2": answer("")}

        put = await journal.put_answers("a", given, now=NOON)

        assert put == given
        assert await journal.get_answers("a", ["k2", "unknown", "k1", "k2"]) == given
        assert await journal.get_answers("a", ["k1"]) == {"k1": given["k1"]}
        assert await journal.get_answers("b", ["k1"]) == {}
        assert await journal.get_answers("a", []) == {}
        assert await journal.put_answers("a", {}, now=NOON) == {}

    async def test_d3_the_first_answer_under_a_key_stays(self, journal: Journal) -> None:
        """Whoever asked a second time is given that one, too."""
        await journal.put_answers("a", {"k1": answer("first")}, now=NOON)

        kept = await journal.put_answers(
            "a", {"k1": answer("again"), "k2": answer("other")}, now=LATER
        )
        theirs = await journal.put_answers("b", {"k1": answer("b")}, now=NOON)

        assert kept == {"k1": answer("first"), "k2": answer("other")}
        assert await journal.get_answers("a", ["k1", "k2"]) == kept
        assert theirs == {"k1": answer("b")}

    async def test_answers_that_are_put_at_once_become_one(self, journal: Journal) -> None:
        """All who asked go on with the same."""
        calls = [
            journal.put_answers("a", {f"k{n}": answer(f"{number}") for n in order}, now=NOON)
            for number, order in enumerate(((0, 1, 2), (2, 1, 0), (1, 2, 0), (0, 2, 1)))
        ]

        told = await within(asyncio.gather(*calls))

        assert all(one == told[0] for one in told)
        assert await journal.get_answers("a", ["k0", "k1", "k2"]) == told[0]

    async def test_answers_go_by_when_they_were_put(
        self, backend: Storage, journal: Journal
    ) -> None:
        """The oldest first, up to the limit; the moment itself is not before it."""
        for minutes in (2, 0, 3, 1):
            at = NOON + timedelta(minutes=minutes)
            await journal.put_answers("a", {f"k{minutes}": answer("a")}, now=at)
        await journal.put_answers("a", {"k0": answer("again")}, now=LATER)
        await journal.put_answers("b", {"k0": answer("b")}, now=NOON)
        before = NOON + timedelta(minutes=3)

        first = await backend.prune("a", before=before, limit=2)
        left = await journal.get_answers("a", [f"k{number}" for number in range(4)])
        second = await backend.prune("a", before=before, limit=2)
        third = await backend.prune("a", before=before, limit=2)

        assert (first, second, third) == (Pruned(answers=2), Pruned(answers=1), Pruned())
        assert sorted(left) == ["k2", "k3"]
        assert [*await journal.get_answers("a", ["k2", "k3"])] == ["k3"]
        assert len(await journal.get_answers("b", ["k0"])) == 1

    async def test_an_answer_without_a_moment_is_refused(self, journal: Journal) -> None:
        """As is a signal without one, and any other call: they keep and change nothing."""
        claim = await start(journal, "r1")
        await end(journal, claim, RunStatus.FAILED)
        await journal.renew("w1", lease=60)
        bad = NOON.replace(tzinfo=None)
        calls: list[Callable[[], Awaitable[object]]] = [
            lambda: journal.put_answers("a", {"k1": answer("a")}, now=bad),
            lambda: journal.find_due("a", now=bad, limit=1),
            lambda: journal.claim("a", "w1", run_ids=["r1"], now=bad),
            lambda: journal.cancel("a", ["r1"], now=bad),
            lambda: journal.resume("a", ["r1"], now=bad, seconds=None),
            lambda: journal.send("a", [signal("r1", sent_at=bad)]),
        ]

        for call in calls:
            with pytest.raises(StorageError):
                await within(call())

        assert await journal.get_answers("a", ["k1"]) == {}
        assert (await journal.resume("a", ["r1"], now=NOON, seconds=None))[0].wake_at == NOON
