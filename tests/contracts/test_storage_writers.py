"""What every storage promises of batches, and of many callers at once."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from datetime import timedelta

import pytest

from codeflow_engine.contracts import Storage
from codeflow_engine.domain.run import RunEvent, RunStatus
from codeflow_engine.errors import StorageError
from codeflow_engine.testing.values import NOON, dismissal, event, known, review, run


async def test_many_writers_at_once_lose_nothing(storage: Storage) -> None:
    """Batches that overlap wait for each other, whatever their order."""
    batches = [[run(f"r{(n + k) % 7}") for k in range(5)] for n in range(12)]

    await asyncio.gather(*(storage.put_runs(batch) for batch in batches))

    assert len(await storage.find_runs("a")) == 7


async def test_writers_of_one_stream_keep_every_event_once(storage: Storage) -> None:
    """Two that append the same numbers leave one event for each."""
    numbers = range(1, 31)
    batches = [[event("r1", n) for n in numbers if n % 3 != k] for k in range(3)]

    await asyncio.gather(*(storage.append_events("a", batch) for batch in batches))

    assert [one.sequence for one in await storage.read_events("a", "r1")] == list(numbers)


async def test_a_reader_sees_a_batch_whole(storage: Storage) -> None:
    """While reviews and findings are replaced together, no call of either sees a mixture."""
    versions = [[known(f"f{n}", minutes=minute) for n in range(20)] for minute in range(6)]
    await storage.put_reviews("a", [], versions[0])
    seen: list[set[object]] = []

    async def read() -> None:
        for _ in range(10):
            found = await storage.find_findings("a")
            seen.append({one.seen_at for one in found})

    async def write() -> None:
        for version in versions:
            await storage.put_reviews("a", [review("r1")], version)

    await asyncio.gather(read(), write())

    assert {len(moments) for moments in seen} == {1}


async def test_pruning_while_others_write_removes_what_has_ended_alone(storage: Storage) -> None:
    """Whoever comes first: a run under way keeps its row and its events."""
    ended = [run(f"old{n}", status=RunStatus.FAILED) for n in range(20)]
    active = [run(f"new{n}", status=RunStatus.RUNNING) for n in range(20)]
    await storage.put_runs(ended)

    async def write() -> None:
        for one in active:
            await storage.put_runs([one])
            await storage.append_events("a", [event(one.run_id, 1)])

    async def prune() -> int:
        calls = [await storage.prune("a", before=NOON + timedelta(1), limit=3) for _ in range(10)]
        return sum(call.runs for call in calls)

    _, first, second = await asyncio.gather(write(), prune(), prune())

    assert first + second == len(ended)
    assert len(await storage.find_runs("a", status=RunStatus.RUNNING)) == len(active)
    for one in active:
        assert len(await storage.read_events("a", one.run_id)) == 1


@dataclass(frozen=True, slots=True, kw_only=True)
class ForeignEvent(RunEvent):
    """An event of a kind that no storage can name."""


async def test_d40_a_batch_that_cannot_be_stored_leaves_nothing(storage: Storage) -> None:
    """One value without a stored form, and the whole call is an error that kept nothing."""
    if type(storage).__name__ == "MemoryStorage":
        pytest.skip("holds any value of Python, as it is")
    cost = {"input": {"number": float("nan")}}
    with pytest.raises(StorageError, match="run 'bad' cannot be stored"):
        await storage.put_runs([run("good"), run("bad", **cost)])
    with pytest.raises(StorageError, match="event 2 of run 'r1' cannot be stored"):
        await storage.append_events(
            "a", [event("r1", 1), ForeignEvent(run_id="r1", sequence=2, at=NOON)]
        )
    with pytest.raises(StorageError, match="cannot be stored"):
        await storage.put_runs([run("good"), run("key", input={"nested": [{1: "one"}]})])
    with pytest.raises(StorageError, match="cannot"):
        await storage.put_runs([run("good"), run("naive", created_at=NOON.replace(tzinfo=None))])
    # In JSON the two halves would be one character.
    with pytest.raises(StorageError, match="cannot be stored"):
        await storage.put_runs([run("good"), run("halves", error="\ud800\udc00")])

    assert await storage.find_runs("a") == ()
    assert await storage.read_events("a", "r1") == ()


async def test_a_failed_batch_of_a_review_keeps_neither_part(storage: Storage) -> None:
    """Findings that no database can hold take the review with them."""
    if type(storage).__name__ == "MemoryStorage":
        pytest.skip("holds any value of Python, as it is")
    await storage.put_reviews("a", [review("r1", "before")], [known("f1")])
    endless = replace(known("f2"), traits=_Endless())  # type: ignore[arg-type] # on purpose

    with pytest.raises(StorageError):
        await storage.put_reviews("a", [review("r1", "after")], [known("f1", minutes=1), endless])

    assert await storage.get_reviews("a", ["r1"]) == (review("r1", "before"),)
    assert await storage.find_findings("a") == (known("f1"),)


class _Endless:
    """Has no form in JSON."""


@pytest.mark.parametrize(
    "text",
    ["a\x00b", "\x00", "\x01", "\x01\x01", "\udcff", "\udc00\ud800", "\ue000", "é'\"\\;--", ""],
    ids=["nul", "only-nul", "soh", "soh-soh", "byte", "halves", "private", "quotes", "empty"],
)
async def test_s28_any_text_is_an_identity(storage: Storage, text: str) -> None:
    """NUL, half a surrogate pair, quotes: found by that text, and by no other."""
    await storage.put_runs([run(text, f"t{text}", error=f"e{text}", input={text: text})])
    await storage.put_runs([run(f"{text}x", f"t{text}")])
    await storage.append_events("a", [event(text, 1, step=text)])
    await storage.put_reviews("a", [review(text, text)], [known(f"f{text}", f"c{text}", path=text)])
    await storage.put_dismissals("a", [dismissal(f"f{text}", f"c{text}", path=text)])

    (found,) = await storage.get_runs(f"t{text}", [text])
    assert found == run(text, f"t{text}", error=f"e{text}", input={text: text})
    assert await storage.read_events("a", text) == (event(text, 1, step=text),)
    assert await storage.get_reviews("a", [text]) == (review(text, text),)
    (one,) = await storage.find_findings("a", change=f"c{text}", prefix=f"f{text}")
    assert (one.change, one.fingerprint, one.finding.path) == (f"c{text}", f"f{text}", text)
    (said,) = await storage.find_dismissals("a", [f"f{text}"])
    assert (said.where, said.path) == (f"c{text}", text)
    assert await storage.remove_dismissals("a", [said]) == 1


async def test_s28_a_hundred_thousand_ids_are_asked_for_at_once(storage: Storage) -> None:
    """More than any database takes as parameters of one statement."""
    await storage.put_runs([run("r7"), run("r99999")])
    await storage.put_dismissals("a", [dismissal("r5")])
    asked = [f"r{n}" for n in range(100_000)]

    assert [one.run_id for one in await storage.get_runs("a", asked)] == ["r7", "r99999"]
    assert await storage.find_dismissals("a", asked) == (dismissal("r5"),)


async def test_numbers_beyond_every_database_are_no_crash(storage: Storage) -> None:
    """A limit and a position of any size are meant as they are said."""
    await storage.put_runs([run("r1")])
    late = RunEvent(run_id="r1", sequence=2**40, at=NOON)
    await storage.append_events("a", [event("r1", 1), late])

    assert len(await storage.find_runs("a", limit=2**80)) == 1
    assert [one.sequence for one in await storage.read_events("a", "r1", after=2**39)] == [2**40]
    assert await storage.read_events("a", "r1", after=2**80) == ()
    assert len(await storage.read_events("a", "r1", after=-(2**80), limit=2**80)) == 2


async def test_a_body_of_megabytes_comes_back(storage: Storage) -> None:
    """A large input is no special case."""
    text = "é\U0001f600x" * 400_000

    await storage.put_runs([run("r1", input={"text": text})])

    (found,) = await storage.get_runs("a", ["r1"])
    assert found.input["text"] == text
