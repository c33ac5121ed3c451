"""Parts of a change have their turns with the models in order, where money may end."""

from __future__ import annotations

import asyncio

import pytest

from codeflow_engine.pace.admission import admit
from codeflow_engine.workflows.turns import Turns


class Parts:
    """Parts that wait until they are told to be admitted, or to end."""

    def __init__(self, count: int, turns: Turns) -> None:
        self.turns = turns
        self.begun: list[int] = []
        self.admitted = [asyncio.Event() for _ in range(count)]
        self.ended = [asyncio.Event() for _ in range(count)]
        self.tasks = [asyncio.create_task(self._do(at)) for at in range(count)]

    async def _do(self, at: int) -> None:
        async with self.turns.take(at):
            self.begun.append(at)
            await self.admitted[at].wait()
            admit()
            await self.ended[at].wait()

    async def settle(self) -> list[int]:
        """Let go on whoever can; give who has begun."""
        for _ in range(20):
            await asyncio.sleep(0)
        return self.begun

    async def end(self) -> None:
        """Let all of them end."""
        for event in (*self.admitted, *self.ended):
            event.set()
        await asyncio.wait_for(asyncio.gather(*self.tasks), 10)


async def test_a_part_begins_once_the_one_before_it_is_admitted() -> None:
    """Not when that one ends: they are under way side by side."""
    parts = Parts(3, Turns(3, parallel=3, in_order=True))
    assert await parts.settle() == [0]

    parts.admitted[0].set()
    assert await parts.settle() == [0, 1]

    parts.admitted[1].set()
    assert await parts.settle() == [0, 1, 2]
    await parts.end()


async def test_a_part_that_asks_nothing_lets_the_next_one_begin() -> None:
    """As does one that fails or is cancelled."""
    turns = Turns(4, parallel=4, in_order=True)
    begun: list[int] = []

    async def do(at: int, error: BaseException | None) -> None:
        async with turns.take(at):
            begun.append(at)
            if error is not None:
                raise error

    errors = (None, OSError(), asyncio.CancelledError(), None)
    doing = [do(at, error) for at, error in enumerate(errors)]
    ends = await asyncio.wait_for(asyncio.gather(*doing, return_exceptions=True), 10)

    assert begun == [0, 1, 2, 3]
    assert [type(end) for end in ends[1:3]] == [OSError, asyncio.CancelledError]


async def test_without_a_budget_no_part_waits_for_another() -> None:
    """All begin at once, as far as there are slots, the first ones first."""
    parts = Parts(4, Turns(4, parallel=3, in_order=False))
    assert await parts.settle() == [0, 1, 2]

    parts.admitted[1].set()
    parts.ended[1].set()
    assert await parts.settle() == [0, 1, 2, 3]
    await parts.end()


async def test_when_each_is_alone_it_begins_at_the_end_of_the_one_before() -> None:
    """To be admitted is not enough then."""
    turns = Turns(2, parallel=2, in_order=True)
    turns.is_alone = True
    parts = Parts(2, turns)
    parts.admitted[0].set()
    assert await parts.settle() == [0]

    parts.ended[0].set()
    assert await parts.settle() == [0, 1]
    await parts.end()


async def test_a_part_can_wait_for_those_before_it_alone() -> None:
    """For none that comes after it, which may be under way for longer."""
    turns = Turns(3, parallel=3, in_order=False)
    parts = Parts(3, turns)
    await parts.settle()
    waiting = asyncio.create_task(turns.until_ended(2))
    for at in (0, 1):
        assert not waiting.done()
        parts.admitted[at].set()
        parts.ended[at].set()
        await parts.settle()

    assert waiting.done()
    assert not parts.tasks[2].done()
    await parts.end()


@pytest.mark.parametrize("in_order", [True, False])
async def test_no_more_parts_are_under_way_than_there_are_slots(*, in_order: bool) -> None:
    """However many have been admitted."""
    turns = Turns(20, parallel=4, in_order=in_order)
    under_way = most = 0

    async def do(at: int) -> None:
        nonlocal under_way, most
        async with turns.take(at):
            under_way += 1
            most = max(most, under_way)
            admit()
            await asyncio.sleep(0.001)
            under_way -= 1

    await asyncio.gather(*map(do, range(20)))

    assert most == 4
