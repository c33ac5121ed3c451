"""The suite of strategies."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from typing import Any, ClassVar

import pytest

from codeflow_engine.contracts import Chunk, Inspection, Strategy
from codeflow_engine.domain.chat import ChatAnswer, ChatRequest, FinishReason
from codeflow_engine.domain.finding import RawFinding
from codeflow_engine.errors import ProviderError, RateLimitError
from codeflow_engine.testing.contracts.auditing import io_seen
from codeflow_engine.testing.contracts.backend import BackendContract
from codeflow_engine.testing.contracts.strategy.answers import (
    NONSENSE,
    chunk,
    disfigured,
    found_in,
    other_forms,
    same_json,
)
from codeflow_engine.testing.contracts.watching import (
    LONGEST_STALL,
    PATIENCE,
    longest_stall,
    well,
    within,
)
from codeflow_engine.testing.fakes.model import FakeModel, Said

__all__ = ["Answer", "StrategyContract"]

type Answer = Callable[[ChatRequest, Chunk, Sequence[RawFinding]], str]
"""Writes what a model answers to a request of the strategy about a chunk, where it finds
these problems and no others."""


class StrategyContract(BackendContract[Strategy]):
    """What every strategy promises; see `codeflow_engine.contracts.Strategy`.

    What a strategy asks, and in which form it wants the answer, is its own. So it says, in
    the fixture `answer`, what a model would answer:

    ```python
    class TestAcmeStrategy(StrategyContract):
        @pytest.fixture
        def create(self):
            return AcmeStrategy

        @pytest.fixture
        def answer(self):
            def answer(request, chunk, findings):
                return json.dumps([{"file": one.path, "code": one.quote} for one in findings])

            return answer
    ```

    Each finding has a line and a quote; the form has to carry the path and one of these.
    """

    contract: ClassVar[type[Strategy]] = Strategy

    patience: ClassVar[float] = PATIENCE
    """Seconds that one chunk may take here, where every answer comes at once."""

    most_asks: ClassVar[int] = 100
    """How often it may ask about one chunk."""

    @pytest.fixture
    def answer(self) -> Answer:
        """Return what writes a model's answer; whoever uses the suite defines this one."""
        pytest.fail(
            f"{type(self).__name__} has to define the fixture `answer`, which returns a function "
            f"(request, chunk, findings) that writes what a model answers to a request of the "
            f"strategy, where it finds these problems and no others",
            pytrace=False,
        )

    async def test_it_reports_what_the_model_found(self, backend: Strategy, answer: Answer) -> None:
        """All of it, and nothing else: with the path as the chunk has it, and where it is."""
        asked = chunk(1)
        wanted = found_in(asked)

        found = await self.inspect(backend, asked, self.model(asked, answer, wanted))

        assert sorted(one.path for one in found.findings) == sorted(one.path for one in wanted)
        for one in wanted:
            same = [it for it in found.findings if it.path == one.path]
            assert any(it.line == one.line or it.quote == one.quote for it in same)

    async def test_a_whole_answer_examines_the_chunk(
        self, backend: Strategy, answer: Answer
    ) -> None:
        """Also one that finds nothing: then the chunk is clean, all of its units."""
        asked = chunk(1)

        found = await self.inspect(backend, asked, self.model(asked, answer, ()))

        assert isinstance(found, Inspection)
        assert found.findings == ()
        assert set(found.examined) == set(asked.units)

    async def test_it_examines_units_of_the_chunk_alone(
        self, backend: Strategy, answer: Answer
    ) -> None:
        """Also where the model speaks of files that it was not shown."""
        asked = chunk(1)
        for wanted in ((), found_in(asked), found_in(chunk(2))):
            model = self.model(asked, answer, wanted)
            examined = await self.examined(backend, asked, model)

            assert set(examined) <= set(asked.units)

    async def test_an_answer_that_is_not_whole_examines_nothing(
        self, backend: Strategy, answer: Answer
    ) -> None:
        """Cut off, refused, filtered, or ended for no known reason: even if it reads well."""
        asked = chunk(1)
        trusted = []
        for reason in FinishReason:
            for wanted in ((), found_in(asked)):
                model = self.model(asked, answer, wanted, reason)
                if not reason.is_complete and await self.examined(backend, asked, model):
                    trusted.append(str(reason))

        assert trusted == []

    async def test_nonsense_examines_nothing(self, backend: Strategy) -> None:
        """An empty answer, prose, broken JSON, megabytes: none of it is a clean chunk."""
        asked = chunk(1)
        trusted = [
            name
            for name, text in NONSENSE.items()
            if await self.examined(backend, asked, self.scripted(_always(text)))
        ]

        assert trusted == []

    async def test_json_of_another_form_examines_nothing(
        self, backend: Strategy, answer: Answer
    ) -> None:
        """An error of some proxy, a bare value, an empty object: they say nothing of the chunk."""
        asked = chunk(1)
        trusted = []
        for form in other_forms():

            def say(request: ChatRequest, form: str = form) -> str:
                clean = answer(request, asked, ())
                # It may be what this strategy takes for a clean chunk.
                return "" if same_json(clean, form) else form

            if await self.examined(backend, asked, self.scripted(say)):
                trusted.append(form)

        assert trusted == []

    async def test_findings_of_another_form_examine_nothing(
        self, backend: Strategy, answer: Answer
    ) -> None:
        """What the model found and the strategy cannot read is lost, so it is no clean chunk."""
        asked = chunk(1)

        def say(request: ChatRequest) -> str:
            return disfigured(answer(request, asked, found_in(asked)))

        assert await self.examined(backend, asked, self.scripted(say)) == ()

    async def test_an_error_examines_nothing(self, backend: Strategy) -> None:
        """Without any answer the units of the chunk fail, and the error is a provider's."""
        asked = chunk(1)
        trusted = [
            kind.__name__
            for kind in _provider_errors()
            if await self.examined(backend, asked, self.scripted(_always(kind("no"))))
        ]

        assert trusted == []

    async def test_it_does_not_wait_to_retry(self, backend: Strategy) -> None:
        """That is the business of `ask`: an error with a wait is raised, or given up on."""
        asked = chunk(1)
        model = self.scripted(_always(RateLimitError("slow down", retry_after=3600)))

        assert await self.examined(backend, asked, model) == ()

    async def test_it_asks_a_limited_number_of_times(
        self, backend: Strategy, answer: Answer
    ) -> None:
        """Whatever it is answered; a chunk whose answers are no use costs no fortune."""
        asked = chunk(1)
        for model in (
            self.scripted(_always("I would rather not.")),
            self.scripted(_always(ProviderError("no"))),
            self.model(asked, answer, found_in(asked)),
        ):
            await self.examined(backend, asked, model)

            assert 1 <= len(model.requests) <= self.most_asks

    async def test_the_text_of_the_chunk_reaches_the_model(
        self, backend: Strategy, answer: Answer
    ) -> None:
        """As it is: it has been redacted and fenced, and every other form would undo that."""
        asked = chunk(1)
        model = self.model(asked, answer, ())

        await self.inspect(backend, asked, model)

        said = [message.text for request in model.requests for message in request.messages]
        assert any(asked.text in text for text in said)

    async def test_it_reaches_models_through_ask_alone(
        self, backend: Strategy, answer: Answer
    ) -> None:
        """It opens no file and no connection; the first chunk may load what it needs."""
        await self.inspect(backend, chunk(1), self.model(chunk(1), answer, ()))
        asked = chunk(2)

        with io_seen() as seen:
            await self.inspect(backend, asked, self.model(asked, answer, found_in(asked)))

        assert seen == []

    async def test_it_holds_no_state_between_chunks(
        self, create: Callable[[], Strategy], backend: Strategy, answer: Answer
    ) -> None:
        """In any order, again, and all at once: a chunk and its answers give one inspection."""
        chunks = [chunk(number) for number in range(1, 6)]

        async def look(strategy: Strategy, asked: Chunk) -> Any:
            found = await self.inspect(strategy, asked, self.model(asked, answer, found_in(asked)))
            return asked.key, _plain(found)

        alone = {}
        for asked in chunks:
            made = create()
            key, seen = await look(made, asked)
            alone[key] = seen
            await within(made.aclose())
        again = [await look(backend, asked) for asked in (*chunks, *reversed(chunks))]
        at_once = await asyncio.gather(*(look(backend, asked) for asked in chunks))

        assert [(key, seen) for key, seen in again if seen != alone[key]] == []
        assert dict(at_once) == alone

    async def test_a_failure_is_forgotten(self, backend: Strategy, answer: Answer) -> None:
        """A chunk that nobody could examine is examined when it is asked about again."""
        asked = chunk(1)
        await self.examined(backend, asked, self.scripted(_always(ProviderError("no"))))
        await self.examined(backend, asked, self.scripted(_always("")))

        found = await self.inspect(backend, asked, self.model(asked, answer, ()))

        assert set(found.examined) == set(asked.units)

    async def test_cancelling_it_ends_what_it_asks(self, backend: Strategy) -> None:
        """The cancellation goes through: to the question, and back to who cancelled."""
        begun, ended = asyncio.Event(), asyncio.Event()

        async def hang(_: ChatRequest) -> ChatAnswer:
            begun.set()
            try:
                await asyncio.Event().wait()
            finally:
                ended.set()
            raise AssertionError("unreachable")

        task = asyncio.ensure_future(backend.inspect(chunk(1), hang))
        await within(begun.wait(), self.patience)
        task.cancel()
        await within(asyncio.wait([task]), self.patience)

        assert task.cancelled()
        assert ended.is_set()

    async def test_it_does_not_block_the_event_loop(
        self, backend: Strategy, answer: Answer
    ) -> None:
        """Neither a whole answer nor megabytes of nonsense hold up the host."""
        asked = chunk(1)
        models = [self.scripted(_always(text)) for text in NONSENSE.values()]

        async def use() -> None:
            await self.inspect(backend, asked, self.model(asked, answer, found_in(asked)))
            for model in models:
                await self.examined(backend, asked, model)

        assert await longest_stall(use) < LONGEST_STALL

    async def inspect(self, backend: Strategy, asked: Chunk, model: FakeModel) -> Inspection:
        """Have a chunk inspected; it has to go well."""
        call = backend.inspect(asked, model.ask)
        return await well(call, seconds=self.patience, why="the answer was whole")

    async def examined(self, backend: Strategy, asked: Chunk, model: FakeModel) -> tuple[Any, ...]:
        """Have a chunk inspected, and give the units that count as examined then."""
        call = backend.inspect(asked, model.ask)
        why = "an inspection fails with a ProviderError"
        try:
            return (await well(call, ProviderError, seconds=self.patience, why=why)).examined
        except ProviderError:
            return ()

    def model(
        self,
        asked: Chunk,
        answer: Answer,
        findings: Sequence[RawFinding],
        reason: FinishReason = FinishReason.STOP,
    ) -> FakeModel:
        """Make a model that finds these problems in a chunk."""

        def say(request: ChatRequest) -> ChatAnswer:
            text = answer(request, asked, findings)
            return ChatAnswer(text=text, finish_reason=reason, model="fake")

        return self.scripted(say)

    def scripted(self, say: Callable[[ChatRequest], Said]) -> FakeModel:
        """Make a model of a function; asking it without end fails the test."""

        async def script(request: ChatRequest) -> Said:
            if len(model.requests) > self.most_asks:
                pytest.fail(f"it has asked more than {self.most_asks} times about one chunk")
            await asyncio.sleep(0)
            return say(request)

        model = FakeModel(script)
        return model


def _always(said: Said) -> Callable[[ChatRequest], Said]:
    return lambda _: said


def _provider_errors(root: type[ProviderError] = ProviderError) -> Iterator[type[ProviderError]]:
    yield root
    for kind in root.__subclasses__():
        if kind.__module__ == root.__module__:
            yield from _provider_errors(kind)


def _plain(found: Inspection) -> tuple[Any, ...]:
    """Bring an inspection into a form without an order."""
    units = {(unit.file, unit.hunk) for unit in found.examined}
    return sorted(map(repr, found.findings)), units
