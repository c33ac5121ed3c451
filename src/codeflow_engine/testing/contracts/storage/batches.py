"""Tests of batches that fail, or are given up, and of many callers at once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest

from codeflow_engine.contracts import Storage
from codeflow_engine.domain.run import RunEvent, RunStatus
from codeflow_engine.errors import StorageError
from codeflow_engine.testing.contracts.watching import LONGEST_STALL, longest_stall, within
from codeflow_engine.testing.values import NOON, dismissal, event, known, review, run

__all__ = ["BatchTests"]


@dataclass(frozen=True, slots=True, kw_only=True)
class _ForeignEvent(RunEvent):
    """An event of a kind that no storage of today can name."""


class _Foreign:
    """A value without a form in JSON; two are equal."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Foreign)

    def __hash__(self) -> int:
        return 1


_AWKWARD: dict[str, dict[str, Any]] = {
    "an endless number": {"input": {"number": float("inf")}},
    "a key that is no text": {"input": {"nested": [{1: "one"}]}},
    "an object": {"input": {"value": _Foreign()}},
    # In JSON the two would be one character.
    "two halves of a character": {"error": "\ud800\udc00"},
    "a number of a thousand digits": {"input": {"number": 10**1000}},
    # An index may have no room for it; it is not one letter, so that it does not get shorter.
    "an id of a hundred thousand letters": {"run_id": "".join(map(str, range(25_000)))},
}
"""What a storage may refuse, by what is awkward about it."""


async def _kept(call: Awaitable[object]) -> bool:
    """Say whether a call was accepted; the only way to refuse it is a `StorageError`."""
    try:
        await within(call)
    except StorageError:
        return False
    except Exception as error:  # noqa: BLE001 - whatever it is, the test tells of it
        pytest.fail(f"it raised {type(error).__name__}, which is no StorageError: {error}")
    return True


class BatchTests:
    """A batch is kept whole or not at all, whoever else is there."""

    async def test_d40_a_batch_of_runs_is_kept_equal_or_not_at_all(self, backend: Storage) -> None:
        """One value that cannot be stored, and the call is an error that kept nothing."""
        for name, fields in _AWKWARD.items():
            batch = run("good", name), run(**{"run_id": "bad", "tenant": name, **fields})

            kept = await _kept(backend.put_runs(batch))

            found = await within(backend.get_runs(name, [one.run_id for one in batch]))
            assert found == (batch if kept else ()), name
            assert len(await within(backend.find_runs(name))) == len(found), name

    async def test_d40_a_batch_of_events_is_kept_equal_or_not_at_all(
        self, backend: Storage
    ) -> None:
        """An event of a kind without a name is stored as what it is, or refused."""
        await backend.append_events("a", [event("r1", 1)])
        batch = event("r1", 2), _ForeignEvent(run_id="r1", sequence=3, at=NOON)

        kept = await _kept(backend.append_events("a", batch))

        found = await within(backend.read_events("a", "r1"))
        assert found == (event("r1", 1), *(batch if kept else ()))
        assert not kept or type(found[2]) is _ForeignEvent

    async def test_d40_a_review_is_kept_with_its_findings_or_not_at_all(
        self, backend: Storage
    ) -> None:
        """Findings that cannot be stored take the review with them; the older ones stay."""
        await backend.put_reviews("a", [review("r1", "before")], [known("f1")])
        findings = known("f1", minutes=1), replace(known("f2"), traits=_Foreign())  # type: ignore[arg-type] # on purpose

        kept = await _kept(backend.put_reviews("a", [review("r1", "after")], findings))

        title = "after" if kept else "before"
        assert await within(backend.get_reviews("a", ["r1"])) == (review("r1", title),)
        assert await backend.find_findings("a") == (findings if kept else (known("f1"),))

    async def test_d40_a_batch_of_dismissals_is_kept_equal_or_not_at_all(
        self, backend: Storage
    ) -> None:
        """The one that was there before stays, too."""
        await backend.put_dismissals("a", [dismissal("f1")])
        batch = dismissal("f1", reason="later"), dismissal("f2", title=_Foreign())

        kept = await _kept(backend.put_dismissals("a", batch))

        found = await within(backend.find_dismissals("a"))
        assert found == (batch if kept else (dismissal("f1"),))

    async def test_a_time_without_a_zone_is_refused(self, backend: Storage) -> None:
        """It names no moment, and would be compared with others later."""
        naive = NOON.replace(tzinfo=None)

        kept = {
            "created": await _kept(backend.put_runs([run("r1"), run("r2", created_at=naive)])),
            "updated": await _kept(backend.put_runs([run("r1"), run("r2", updated_at=naive)])),
            "event": await _kept(backend.append_events("a", [event("r1", 1, at=naive)])),
            "prune": await _kept(backend.prune("a", before=naive)),
        }

        assert kept == dict.fromkeys(kept, False)
        assert await within(backend.find_runs("a")) == ()
        assert await backend.read_events("a", "r1") == ()

    async def test_a_cancelled_batch_is_kept_whole_or_not_at_all(self, backend: Storage) -> None:
        """At whatever moment its caller gives up; and the storage goes on working."""
        for turn in range(8):
            tenant = f"t{turn}"
            batch = [run(f"r{number}", tenant) for number in range(60)]
            call = asyncio.create_task(backend.put_runs(batch))
            await asyncio.sleep(turn * 0.002)

            call.cancel()
            await within(asyncio.wait([call]))

            found = await within(backend.find_runs(tenant, limit=1000))
            assert len(found) in {0, len(batch)}
            assert call.cancelled() or call.exception() is None
        await within(backend.put_runs([run("r1", "after")]))
        assert await within(backend.find_runs("after")) == (run("r1", "after"),)

    async def test_many_writers_at_once_lose_nothing(self, backend: Storage) -> None:
        """Batches that overlap wait for each other, whatever their order."""
        batches = [[run(f"r{(n + k) % 7}") for k in range(5)] for n in range(12)]

        calls = [backend.put_runs(batch) for batch in batches]

        assert await asyncio.gather(*map(_kept, calls)) == [True] * 12
        assert len(await backend.find_runs("a")) == 7

    async def test_writers_of_one_stream_keep_every_event_once(self, backend: Storage) -> None:
        """Two that append the same numbers leave one event for each."""
        numbers = range(1, 31)
        batches = [[event("r1", n) for n in numbers if n % 3 != k] for k in range(3)]

        calls = [backend.append_events("a", batch) for batch in batches]

        assert await asyncio.gather(*map(_kept, calls)) == [True] * 3
        found = await backend.read_events("a", "r1")
        assert [one.sequence for one in found] == list(numbers)

    async def test_calls_of_every_kind_go_on_at_once(self, backend: Storage) -> None:
        """More callers than a pool has connections, and each gets its own answer."""
        await backend.put_runs([run(f"r{n}") for n in range(12)])

        async def use(number: int) -> tuple[object, ...]:
            name = f"r{number}"
            await backend.append_events("a", [event(name, 1)])
            await backend.put_reviews("a", [review(name)], [known(f"f{number:02}.")])
            await backend.put_dismissals("a", [dismissal(name)])
            return (
                await backend.get_runs("a", [name]),
                await backend.read_events("a", name),
                await backend.get_reviews("a", [name]),
                await backend.find_findings("a", prefix=f"f{number:02}."),
                await backend.find_dismissals("a", [name]),
            )

        found = await within(asyncio.gather(*map(use, range(12))))

        for number, one in enumerate(found):
            name, mark = f"r{number}", known(f"f{number:02}.")
            rows = (run(name),), (event(name, 1),), (review(name),), (mark,), (dismissal(name),)
            assert one == rows

    async def test_a_reader_sees_a_batch_whole(self, backend: Storage) -> None:
        """While known findings are replaced together, no call sees a mixture."""
        versions = [[known(f"f{n}", minutes=minute) for n in range(20)] for minute in range(6)]
        await backend.put_reviews("a", [], versions[0])
        seen: list[set[object]] = []

        async def write() -> None:
            for version in versions[1:]:
                await backend.put_reviews("a", [review("r1")], version)

        async def read() -> None:
            writing = asyncio.create_task(write())
            while not writing.done():
                found = await backend.find_findings("a")
                seen.append({one.seen_at for one in found})
                await asyncio.sleep(0)
            await writing

        await within(read())

        assert {len(moments) for moments in seen} == {1}

    async def test_pruning_while_others_write_removes_what_has_ended_alone(
        self, backend: Storage
    ) -> None:
        """Whoever comes first: a run under way keeps its row and its events."""
        ended = [run(f"old{n}", status=RunStatus.FAILED) for n in range(12)]
        active = [run(f"new{n}", status=RunStatus.RUNNING) for n in range(12)]
        await backend.put_runs(ended)
        later = NOON + timedelta(days=1)

        async def write() -> None:
            for one in active:
                await backend.put_runs([one])
                await backend.append_events("a", [event(one.run_id, 1)])

        async def prune() -> int:
            calls = [await backend.prune("a", before=later, limit=3) for _ in range(5)]
            return sum(call.runs for call in calls)

        _, first, second = await within(asyncio.gather(write(), prune(), prune()))

        assert first + second == len(ended)
        assert len(await backend.find_runs("a")) == len(active)
        for one in active:
            assert len(await backend.read_events("a", one.run_id)) == 1

    async def test_it_does_not_block_the_event_loop(self, backend: Storage) -> None:
        """While it reads and writes, everything else of the host goes on."""
        batch = [run(f"r{number}") for number in range(100)]

        async def use() -> None:
            await within(backend.put_runs(batch))
            await within(backend.find_runs("a"))
            await within(backend.prune("a", before=NOON))

        assert await longest_stall(use) < LONGEST_STALL
