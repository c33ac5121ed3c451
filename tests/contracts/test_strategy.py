"""The suite of strategies holds for the shipped ones and the fake, and each test can fail."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from mutation import struck, unbroken

from codeflow_engine.contracts import Chunk, Inspection, Strategy
from codeflow_engine.contracts.strategy import Ask
from codeflow_engine.domain.chat import ChatAnswer, ChatRequest, FinishReason
from codeflow_engine.domain.diff import Unit
from codeflow_engine.domain.finding import RawFinding
from codeflow_engine.errors import ProviderError
from codeflow_engine.providers.strategy.single import Single
from codeflow_engine.testing.contracts import StrategyContract
from codeflow_engine.testing.contracts.strategy import Answer
from codeflow_engine.testing.fakes import FakeStrategy


class FakeContract(StrategyContract):
    """The suite with the answers of the fake, and without much patience."""

    patience = 5.0
    most_asks = 5

    @pytest.fixture
    def answer(self) -> Answer:
        return lambda request, chunk, findings: FakeStrategy.answer(findings)


class TestFakeStrategy(FakeContract):
    @pytest.fixture
    def create(self) -> Callable[[], Strategy]:
        return FakeStrategy


def single_answer(_: ChatRequest, chunk: Chunk, findings: Sequence[RawFinding]) -> str:
    """Write an answer in the form of `single`, which names all parts as read."""
    told = [
        {
            "part": 1,
            "path": one.path,
            "quote": one.quote,
            "side": one.side,
            "severity": one.severity,
            "category": one.category,
            "rule": one.rule,
            "title": one.title,
            "message": one.message,
            "confidence": one.confidence,
            "replacement": None,
        }
        for one in findings
    ]
    examined = list(range(1, len(chunk.units) + 1))
    return json.dumps({"findings": told, "examined": examined})


class Contract(StrategyContract):
    """The suite with the answers of `single`, and without much patience."""

    patience = 5.0
    most_asks = 5

    @pytest.fixture
    def answer(self) -> Answer:
        return single_answer


class TestSingle(Contract):
    @pytest.fixture
    def create(self) -> Callable[[], Strategy]:
        return Single


class Asking(Single):
    """A strategy whose way of asking is changed."""

    async def inspect(self, chunk: Chunk, ask: Ask) -> Inspection:
        return await super().inspect(chunk, lambda request: self.ask(request, ask))

    async def ask(self, request: ChatRequest, ask: Ask) -> ChatAnswer:
        return await ask(request)


class Deaf(Single):
    """Keeps the units and loses what was said of them."""

    async def inspect(self, chunk: Chunk, ask: Ask) -> Inspection:
        return replace(await super().inspect(chunk, ask), findings=())


class Relative(Single):
    """Shortens paths."""

    async def inspect(self, chunk: Chunk, ask: Ask) -> Inspection:
        found = await super().inspect(chunk, ask)
        cut = [replace(one, path=Path(one.path).name) for one in found.findings]
        return replace(found, findings=tuple(cut))


class Accusing(Single):
    """Takes units without a finding for units that nobody looked at."""

    async def inspect(self, chunk: Chunk, ask: Ask) -> Inspection:
        found = await super().inspect(chunk, ask)
        return found if found.findings else Inspection()


class Generous(Single):
    """Counts its units from one."""

    async def inspect(self, chunk: Chunk, ask: Ask) -> Inspection:
        found = await super().inspect(chunk, ask)
        more = tuple(Unit(file=unit.file + 1, hunk=unit.hunk) for unit in chunk.units)
        return replace(found, examined=found.examined + more)


class Hasty(Asking):
    """Does not look why an answer has ended."""

    async def ask(self, request: ChatRequest, ask: Ask) -> ChatAnswer:
        return replace(await ask(request), finish_reason=FinishReason.STOP)


def clean() -> str:
    """Write what says that all was read, of any chunk of the suite, and nothing was found."""
    return json.dumps({"findings": [], "examined": list(range(1, 10))})


class Polite(Asking):
    """Takes what it cannot read for praise."""

    async def ask(self, request: ChatRequest, ask: Ask) -> ChatAnswer:
        answer = await ask(request)
        is_data = answer.text.lstrip().startswith(("{", "["))
        return answer if is_data else replace(answer, text=clean())


class Lenient(Asking):
    """Reads no more of an answer than the key that it wants."""

    async def ask(self, request: ChatRequest, ask: Ask) -> ChatAnswer:
        answer = await ask(request)
        with suppress(ValueError, RecursionError):
            said = json.loads(answer.text)
            found = said.get("findings") if isinstance(said, dict) else None
            examined = list(range(1, 10))
            return replace(answer, text=json.dumps({"findings": found or [], "examined": examined}))
        return answer


class Sorting(Single):
    """Passes over findings that it cannot read."""

    async def inspect(self, chunk: Chunk, ask: Ask) -> Inspection:
        async def sorted_out(request: ChatRequest) -> ChatAnswer:
            answer = await ask(request)
            with suppress(ValueError, RecursionError, TypeError, KeyError, AttributeError):
                said: Any = json.loads(answer.text)["findings"]
                kept = [one for one in said if isinstance(one.get("path"), str)]
                told = {"findings": kept, "examined": list(range(1, len(chunk.units) + 1))}
                return replace(answer, text=json.dumps(told))
            return answer

        return await super().inspect(chunk, sorted_out)


class Crashing(Single):
    """Knows one error of Python's reader of JSON, and not the others."""

    async def inspect(self, chunk: Chunk, ask: Ask) -> Inspection:
        async def read(request: ChatRequest) -> ChatAnswer:
            answer = await ask(request)
            with suppress(json.JSONDecodeError):
                json.loads(answer.text)
            return answer

        return await super().inspect(chunk, read)


class Forgiving(Single):
    """Takes an error for the end of the questions."""

    async def inspect(self, chunk: Chunk, ask: Ask) -> Inspection:
        try:
            return await super().inspect(chunk, ask)
        except ProviderError:
            return Inspection(examined=chunk.units)


class Waiting(Asking):
    """Retries on its own."""

    async def ask(self, request: ChatRequest, ask: Ask) -> ChatAnswer:
        try:
            return await ask(request)
        except ProviderError as error:
            await asyncio.sleep(error.retry_after or 0)
            return await ask(request)


class Stubborn(Single):
    """Asks until it likes the answer."""

    async def inspect(self, chunk: Chunk, ask: Ask) -> Inspection:
        while True:
            with suppress(ProviderError):
                return await super().inspect(chunk, ask)


class Silent(Single):
    """Looks at nothing."""

    async def inspect(self, chunk: Chunk, ask: Ask) -> Inspection:
        return Inspection()


class Tidy(Single):
    """Cleans the text of the chunk up once more."""

    async def inspect(self, chunk: Chunk, ask: Ask) -> Inspection:
        text = " ".join(chunk.text.split())
        return await super().inspect(replace(chunk, text=text), ask)


class Curious(Single):
    """Reads files on its own."""

    async def inspect(self, chunk: Chunk, ask: Ask) -> Inspection:
        Path("/dev/null").read_bytes()  # noqa: ASYNC240 - that is what is wrong with it
        return await super().inspect(chunk, ask)


class Hoarding(Single):
    """Keeps the findings of all chunks in one list."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[Any] = []

    async def inspect(self, chunk: Chunk, ask: Ask) -> Inspection:
        found = await super().inspect(chunk, ask)
        self.found += found.findings
        return replace(found, findings=tuple(self.found))


class Absent(Single):
    """Keeps the chunk that it is at in an attribute, and comes back to another one."""

    async def inspect(self, chunk: Chunk, ask: Ask) -> Inspection:
        self.chunk = chunk
        found = await super().inspect(chunk, ask)
        return replace(found, examined=found.examined if self.chunk is chunk else ())


class Resentful(Single):
    """Asks no more after an error."""

    broken = False

    async def inspect(self, chunk: Chunk, ask: Ask) -> Inspection:
        if self.broken:
            return Inspection()
        try:
            return await super().inspect(chunk, ask)
        except ProviderError:
            self.broken = True
            raise


class Swallowing(Single):
    """Catches everything."""

    async def inspect(self, chunk: Chunk, ask: Ask) -> Inspection:
        try:
            return await super().inspect(chunk, ask)
        except asyncio.CancelledError:
            return Inspection()


class Shielding(Asking):
    """Lets a question go on that nobody waits for."""

    async def ask(self, request: ChatRequest, ask: Ask) -> ChatAnswer:
        return await asyncio.shield(asyncio.ensure_future(ask(request)))


class Blocking(Asking):
    """Takes its time with what it was answered."""

    async def ask(self, request: ChatRequest, ask: Ask) -> ChatAnswer:
        answer = await ask(request)
        time.sleep(0.7 if "planted" in answer.text else 0)  # noqa: ASYNC251 - that is what is wrong with it
        return answer


class Impatient(Contract):
    patience = 0.3


NOTHING = "test_nonsense_examines_nothing"
STATE = "test_it_holds_no_state_between_chunks"
CANCEL = "test_cancelling_it_ends_what_it_asks"
LIMIT = "test_it_asks_a_limited_number_of_times"

TestDeaf = struck(Contract, Deaf, "test_it_reports_what_the_model_found")
TestRelative = struck(Contract, Relative, "test_it_reports_what_the_model_found")
TestAccusing = struck(Contract, Accusing, "test_a_whole_answer_examines_the_chunk")
TestGenerous = struck(Contract, Generous, "test_it_examines_units_of_the_chunk_alone")
TestHasty = struck(Contract, Hasty, "test_an_answer_that_is_not_whole_examines_nothing")
TestPolite = struck(Contract, Polite, NOTHING)
TestCrashing = struck(Contract, Crashing, NOTHING)
TestLenient = struck(Contract, Lenient, "test_json_of_another_form_examines_nothing")
TestSorting = struck(Contract, Sorting, "test_findings_of_another_form_examine_nothing")
TestForgiving = struck(Contract, Forgiving, NOTHING, "test_an_error_examines_nothing")
TestWaiting = struck(Impatient, Waiting, "test_it_does_not_wait_to_retry")
TestStubborn = struck(Contract, Stubborn, LIMIT)
TestSilent = struck(Contract, Silent, LIMIT, "test_the_text_of_the_chunk_reaches_the_model")
TestTidy = struck(Contract, Tidy, "test_the_text_of_the_chunk_reaches_the_model")
TestCurious = struck(Contract, Curious, "test_it_reaches_models_through_ask_alone")
TestHoarding = struck(Contract, Hoarding, STATE)
TestAbsent = struck(Contract, Absent, STATE)
TestResentful = struck(Contract, Resentful, "test_a_failure_is_forgotten")
TestSwallowing = struck(Contract, Swallowing, CANCEL)
TestShielding = struck(Contract, Shielding, CANCEL)
TestBlocking = struck(Contract, Blocking, "test_it_does_not_block_the_event_loop")


def test_every_test_of_the_suite_can_fail() -> None:
    """Each has a mutant that it finds out."""
    assert unbroken(StrategyContract, globals()) == set()
