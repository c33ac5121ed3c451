from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta, timezone

import pytest

from codeflow_engine import AsyncEngine
from codeflow_engine.domain.chat import ChatAnswer, ChatRequest, FinishReason
from codeflow_engine.errors import ConfigurationError, RateLimitError, WorkflowError
from codeflow_engine.testing.fakes import FakeClock, FakeModel, FakeWorkflowBackend
from codeflow_engine.testing.values import NOON

REQUEST = ChatRequest(messages=(), max_output_tokens=1)


def other(temperature: float) -> ChatRequest:
    return ChatRequest(messages=(), max_output_tokens=1, temperature=temperature)


async def test_a_model_says_what_its_script_says() -> None:
    """Texts become whole answers, answers come as they are, and errors are raised."""
    whole = ChatAnswer(text="cut", finish_reason=FinishReason.LENGTH, model="m")
    model = FakeModel("text", whole, RateLimitError("slow down"))

    first, second = await model.ask(REQUEST), await model.ask(other(0.5))

    assert (first.text, first.finish_reason) == ("text", FinishReason.STOP)
    assert second is whole
    with pytest.raises(RateLimitError):
        await model.ask(REQUEST)
    assert model.requests == [REQUEST, other(0.5), REQUEST]


async def test_a_model_that_has_nothing_more_to_say_says_so() -> None:
    """It is a mistake of the test, so that no strategy takes it for a failed provider."""
    model = FakeModel("once")
    await model.ask(REQUEST)

    with pytest.raises(ConfigurationError, match=r"2 times, .*nothing more"):
        await model.ask(REQUEST)
    with pytest.raises(ConfigurationError, match="1 time, "):
        await FakeModel().ask(REQUEST)


async def test_a_model_may_be_a_function() -> None:
    """Given each request, and async if it likes; the reason to end is that of the model."""

    async def say(request: ChatRequest) -> str:
        await asyncio.sleep(0)
        return str(request.temperature)

    slow = FakeModel(say, finish_reason=FinishReason.REFUSED)
    plain = FakeModel(lambda request: RateLimitError("slow down"))

    answer = await slow.ask(other(0.25))
    assert (answer.text, answer.finish_reason) == ("0.25", FinishReason.REFUSED)
    with pytest.raises(RateLimitError):
        await plain.ask(REQUEST)


def test_a_clock_stands_until_it_is_set() -> None:
    """Time passes when a test says so, for the day and for durations."""
    clock = FakeClock()
    assert clock.now() == NOON

    clock.advance(90)

    assert clock.now() == NOON + timedelta(seconds=90)
    assert clock.monotonic() == 90


def test_a_clock_can_be_set_back_and_seconds_cannot() -> None:
    """As when a machine's clock is corrected; it always tells UTC."""
    clock = FakeClock()
    clock.advance(1)

    clock.set(datetime(2020, 1, 1, 5, tzinfo=timezone(timedelta(hours=5))))

    assert clock.now() == datetime(2020, 1, 1, tzinfo=UTC)
    assert clock.now().tzinfo is UTC
    assert clock.monotonic() == 1


def test_ids_of_a_clock_are_the_same_in_every_run() -> None:
    """Each is another one, and they sort by time, as those of the real clock do."""
    clock, again = FakeClock(), FakeClock()
    ids = []
    for _ in range(3):
        ids += [clock.new_id(), clock.new_id()]
        clock.advance(0.5)

    assert ids == sorted(set(ids))
    assert ids[:2] == [again.new_id(), again.new_id()]
    assert {len(one) for one in ids} == {32}


def test_a_clock_refuses_what_is_no_time() -> None:
    """A time without a zone, and time that passes backwards."""
    naive = datetime(2026, 1, 1)  # noqa: DTZ001 - that is what is wrong with it

    with pytest.raises(ConfigurationError, match="no zone"):
        FakeClock(naive)
    with pytest.raises(ConfigurationError, match="no zone"):
        FakeClock().set(naive)
    with pytest.raises(ConfigurationError, match="-1"):
        FakeClock().advance(-1)


async def test_an_engine_takes_the_time_from_its_clock() -> None:
    """And the ids of its runs."""
    patch = "--- a/a.txt\n+++ b/a.txt\n@@ -1 +1 @@\n-one\n+two\n"
    async with AsyncEngine(plugins_allow=[], clock=FakeClock()) as engine:
        review = await engine.review(patch, analyzers=["hygiene"])

    assert review.run_id == FakeClock().new_id()
    assert review.timing is not None
    assert review.timing.started_at == NOON


async def test_a_workflow_backend_holds_back_by_its_clock() -> None:
    """A test sets the time, and need not wait for it."""
    clock, begun = FakeClock(), asyncio.Event()

    async def execute(run_id: str) -> None:
        begun.set()

    backend = FakeWorkflowBackend(clock=clock)
    await backend.start(execute)
    await backend.enqueue("r1", not_before=NOON + timedelta(days=3))
    await asyncio.sleep(0.01)
    assert not begun.is_set()

    clock.advance(3 * 86_400)

    await asyncio.wait_for(begun.wait(), 5)
    assert backend.accepted == [("r1", NOON + timedelta(days=3))]
    await backend.aclose()


async def test_a_workflow_backend_that_is_not_started_accepts_nothing() -> None:
    """There is nothing to execute runs with."""
    with pytest.raises(WorkflowError, match="'r1' is not accepted: the backend is not started"):
        await FakeWorkflowBackend().enqueue("r1")
