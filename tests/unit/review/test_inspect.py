"""One chunk, one strategy: whatever it does, every unit is accounted for."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from shown_changes import redactor

from codeflow_engine.contracts import Ask, Chunk, Inspection, Strategy
from codeflow_engine.domain.change import Change
from codeflow_engine.domain.chat import ChatRequest, Message, Role
from codeflow_engine.domain.diff import Diff, Side, Unit
from codeflow_engine.domain.finding import Category, RawFinding, Severity
from codeflow_engine.errors import (
    BudgetExhaustedError,
    CodeflowError,
    LeaseLostError,
    ProviderTimeoutError,
    StorageError,
)
from codeflow_engine.review.fence import chunk
from codeflow_engine.review.inspect import Asking, Inspected, inspect
from codeflow_engine.review.piece import Piece
from codeflow_engine.review.show import show
from codeflow_engine.testing.fakes import FakeModel

PATCH = """\
--- a/till.py
+++ b/till.py
@@ -1 +1,2 @@
 first = 1
+total = eval(first)
--- a/shop.py
+++ b/shop.py
@@ -9 +9,2 @@
 last = 9
+rest = last - 1
"""
CHANGE = Change.from_diff(Diff.parse(PATCH))
RAW = RawFinding(
    rule="eval",
    severity=Severity.HIGH,
    category=Category.SECURITY,
    title="It runs what it is given",
    message="Do not.",
    path="till.py",
    quote="total = eval(first)",
    part=1,
)

type Do = Callable[[Chunk, Ask], Any]


class Doing(Strategy):
    """Does what a test says."""

    def __init__(self, do: Do) -> None:
        self._do = do

    async def inspect(self, chunk: Chunk, ask: Ask) -> Inspection:
        made: Inspection = await self._do(chunk, ask)
        return made


def question(chunk: Chunk) -> ChatRequest:
    return ChatRequest(messages=(Message(role=Role.USER, text=chunk.text),), max_output_tokens=9)


def shown() -> tuple[Chunk, tuple[Piece, ...]]:
    pieces = show(CHANGE, CHANGE.diff.units, redactor(), most=900, tokens=len).pieces
    made = chunk(
        pieces, secret=b"secret", instructions="Look.", prompt="inspect/1", max_output_tokens=9
    )
    return made, pieces


async def inspected(do: Do, *said: Any, crashes: list[BaseException] | None = None) -> Inspected:
    made, pieces = shown()
    asking = Asking(FakeModel(*said).ask, ("till.py", "shop.py"))
    crashed = None if crashes is None else crashes.append
    return await inspect(made, pieces, Doing(do), asking, crashed=crashed)


async def test_a_quote_becomes_a_line_and_every_unit_is_examined() -> None:
    """The whole way, where nothing goes wrong."""

    async def do(chunk: Chunk, ask: Ask) -> Inspection:
        await ask(question(chunk))
        return Inspection(findings=(RAW,), examined=chunk.units)

    found = await inspected(do, "fine")

    assert found.said == (RAW,)
    ((raw,), failed) = found.findings, found.failed
    assert (raw.line, raw.end_line, raw.side, raw.quote) == (2, 2, Side.NEW, None)
    assert found.examined == set(CHANGE.diff.units)
    assert (failed, found.dropped) == ({}, {})


async def test_a_unit_that_nobody_speaks_of_has_failed() -> None:
    """And one of another chunk is not examined by being named."""

    async def do(chunk: Chunk, ask: Ask) -> Inspection:
        await ask(question(chunk))
        return Inspection(examined=(chunk.units[0], Unit(file=7, hunk=0)))

    found = await inspected(do, "fine")

    assert found.examined == {CHANGE.diff.units[0]}
    assert found.failed == {CHANGE.diff.units[1]: "model: the answer does not account for it"}


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (ProviderTimeoutError("no answer within 3 s"), "model: no answer within 3 s"),
        (
            BudgetExhaustedError("1,234 tokens", scope="month:2026-01"),
            "model: the budget of 'month:2026-01' has too little left",
        ),
    ],
)
async def test_what_keeps_one_chunk_from_being_asked_fails_its_units(
    error: CodeflowError, reason: str
) -> None:
    """The reason is the same for all chunks, so that a ledger can count it."""

    async def do(chunk: Chunk, ask: Ask) -> Inspection:
        await ask(question(chunk))
        return Inspection(examined=chunk.units)

    found = await inspected(do, error)

    assert found.examined == frozenset()
    assert found.failed == dict.fromkeys(CHANGE.diff.units, reason)


@pytest.mark.parametrize(
    ("error", "reason", "is_unpaid"),
    [
        (ProviderTimeoutError("no answer within 3 s"), "model: no answer within 3 s", False),
        (
            BudgetExhaustedError("1,234 tokens", scope="month:2026-01"),
            "model: the budget of 'month:2026-01' has too little left",
            True,
        ),
    ],
)
async def test_a_strategy_that_hides_why_it_has_no_answer_examines_nothing(
    error: CodeflowError, reason: str, *, is_unpaid: bool
) -> None:
    """It may call all of it examined: without an answer nobody has looked."""

    async def do(chunk: Chunk, ask: Ask) -> Inspection:
        with contextlib.suppress(CodeflowError):
            await ask(question(chunk))
        return Inspection(findings=(RAW,), examined=chunk.units)

    found = await inspected(do, error)

    assert (found.examined, found.findings) == (frozenset(), ())
    assert found.failed == dict.fromkeys(CHANGE.diff.units, reason)
    assert found.is_unpaid is is_unpaid


@pytest.mark.parametrize("asks", [(), ("Is it all right?",)])
async def test_a_chunk_that_no_model_was_shown_is_not_examined(asks: tuple[str, ...]) -> None:
    """Neither without a question, nor by an answer to one that does not hold its text."""

    async def do(chunk: Chunk, ask: Ask) -> Inspection:
        for text in asks:
            said = Message(role=Role.USER, text=text)
            await ask(replace(question(chunk), messages=(said,)))
        return Inspection(examined=chunk.units)

    found = await inspected(do, "fine")

    assert found.examined == frozenset()
    assert {*found.failed.values()} == {"model: the strategy has shown it to no model"}


@pytest.mark.parametrize("error", [StorageError("gone"), LeaseLostError("another worker")])
async def test_what_ends_a_run_is_not_hidden_by_a_strategy(error: CodeflowError) -> None:
    """Also where it goes on as if nothing had happened, or raises something of its own."""

    async def swallow(chunk: Chunk, ask: Ask) -> Inspection:
        with contextlib.suppress(CodeflowError):
            await ask(question(chunk))
        return Inspection(examined=chunk.units)

    async def rename(chunk: Chunk, ask: Ask) -> Inspection:
        try:
            await ask(question(chunk))
        except CodeflowError:
            raise RuntimeError("oh") from None
        return Inspection()

    for do in (swallow, rename):
        with pytest.raises(type(error)) as raised:
            await inspected(do, error)
        assert raised.value is error


async def test_a_strategy_that_crashes_fails_its_chunk_and_quotes_nothing() -> None:
    """The exception may hold text of the change; its type alone is told, the log hears of it."""

    async def do(chunk: Chunk, ask: Ask) -> Inspection:
        raise RuntimeError(chunk.text)

    crashes: list[BaseException] = []
    found = await inspected(do, crashes=crashes)

    assert {*found.failed.values()} == {"model: the strategy crashed with RuntimeError"}
    assert [type(one) for one in crashes] == [RuntimeError]


@pytest.mark.parametrize("said", [None, "fine", Inspection(examined=("a",))])  # type: ignore[arg-type]
async def test_what_is_no_inspection_fails_the_chunk(said: Any) -> None:
    """Types are not checked by Python, and a plugin may give anything."""

    async def do(chunk: Chunk, ask: Ask) -> Any:
        return said

    found = await inspected(do)

    assert found.examined == frozenset()
    assert set(found.failed) == set(CHANGE.diff.units)


async def test_s9_a_finding_in_a_file_that_was_not_shown_is_dropped_and_counted() -> None:
    """Even where the change has such a file in another chunk."""
    stray = replace(RAW, path="other.py")

    async def do(chunk: Chunk, ask: Ask) -> Inspection:
        await ask(question(chunk))
        return Inspection(findings=(stray, RAW), examined=chunk.units, unusable=3)

    found = await inspected(do, "fine")

    assert found.said == (RAW,)
    assert found.dropped == {
        "model: in a file that it was not shown": 1,
        "model: not in a form that says where and what": 3,
    }


async def test_a_strategy_cannot_hide_what_a_question_shows() -> None:
    """The host's rules are held against the files of the chunk, whatever the request says."""
    model = FakeModel("fine")
    made, pieces = shown()

    async def do(chunk: Chunk, ask: Ask) -> Inspection:
        await ask(replace(question(chunk), paths=()))
        return Inspection(examined=chunk.units)

    await inspect(made, pieces, Doing(do), Asking(model.ask, ("till.py", "shop.py")))

    assert [request.paths for request in model.requests] == [("till.py", "shop.py")]
