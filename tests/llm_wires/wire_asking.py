"""Asking a provider, and looking at what it failed with for what must not be seen."""

from __future__ import annotations

import asyncio
import logging
import pickle
import time
import traceback
from collections.abc import Awaitable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest

from codeflow_engine.contracts.llm import LLM
from codeflow_engine.domain.chat import ChatAnswer, ChatRequest, FinishReason
from codeflow_engine.errors import ProviderError
from fault_server import Reply
from model_replies import JSON
from wires import KEY, REQUEST, WIRES, Told

__all__ = [
    "CANARIES",
    "ONE_WIRE",
    "WAY",
    "Heard",
    "ask",
    "failing",
    "failure",
    "hear",
    "refusing_with",
]

CANARIES = (KEY, "canary")
"""What no error and no line of a log may hold: the key, and a word of each prompt."""

PATIENCE = 10.0
"""Seconds after which a call that should have ended hangs."""


@dataclass(slots=True)
class Heard:
    """What a stream gave."""

    pieces: list[str] = field(default_factory=list)
    answer: ChatAnswer | None = None
    error: ProviderError | None = None

    @property
    def is_complete(self) -> bool:
        """Whether the stream says that this is the whole answer."""
        return self.answer is not None and self.answer.finish_reason is FinishReason.STOP


async def ask(provider: LLM, request: ChatRequest = REQUEST) -> ChatAnswer:
    """Ask for a whole answer; a hang is a failure of the test."""
    return await _within(provider.complete(request))


async def hear(provider: LLM, request: ChatRequest = REQUEST) -> Heard:
    """Ask for a stream, to its end or its error; the error is looked at."""
    heard = Heard()

    async def listen() -> None:
        async for delta in provider.stream(request):
            assert heard.answer is None, "a piece came after the last one"
            heard.pieces.append(delta.text)
            heard.answer = delta.answer

    with failing(heard):
        await _within(listen())
    return heard


async def failure(provider: LLM, way: str, request: ChatRequest = REQUEST) -> ProviderError:
    """Ask whole or for a stream, and give the error with which that fails."""
    heard = Heard()
    with failing(heard):
        if way == "stream":
            heard = await hear(provider, request)
        else:
            heard.answer = await ask(provider, request)
    assert heard.error is not None, f"it gave {heard.answer!r}"
    return heard.error


@contextmanager
def failing(heard: Heard) -> Iterator[None]:
    """Take the error of ours that the block fails with, and look at it."""
    records: list[logging.LogRecord] = []
    handler = logging.Handler(logging.INFO)
    handler.emit = records.append  # type: ignore[method-assign]
    logging.getLogger().addHandler(handler)
    try:
        yield
    except ProviderError as error:
        heard.error = error
        _look_at(error)
    finally:
        logging.getLogger().removeHandler(handler)
        for record in records:
            _look_for_canaries(f"the log of {record.name}", record.getMessage())


def _look_at(error: ProviderError) -> None:
    """Fail where an error shows what it must not, or does not survive its way."""
    shown = {"str": str(error), "repr": repr(error), "args": repr(error.args)}
    shown["traceback"] = "".join(traceback.format_exception(error))
    for where, text in shown.items():
        _look_for_canaries(where, text)
    again = pickle.loads(pickle.dumps(error))  # noqa: S301 - it was pickled here
    assert (type(again), str(again)) == (type(error), str(error))
    assert (again.kind, again.retry_after) == (error.kind, error.retry_after)
    assert len(str(error)) < 1000, "it quotes at length"
    assert error.kind != "provider", "its kind says nothing"


def _look_for_canaries(where: str, text: str) -> None:
    found = [canary for canary in CANARIES if canary in text]
    assert not found, f"{where} shows {found}: {text}"


async def _within[T](asked: Awaitable[T]) -> T:
    begun = time.monotonic()
    try:
        async with asyncio.timeout(PATIENCE):
            return await asked
    except TimeoutError:
        if time.monotonic() - begun < PATIENCE:
            raise
        pytest.fail(f"it hung for {PATIENCE} s")


def refusing_with(told: Told, *headers: tuple[str, str]) -> Reply:
    """Reply with an error of a wire."""
    return Reply(status=told[0], headers=(*JSON, *headers), body=told[1])


ONE_WIRE = pytest.mark.parametrize(
    "wire",
    [
        pytest.param(each, id=each.name, marks=[] if each.name == "chat" else [pytest.mark.fault])
        for each in WIRES
    ],
)
"""Runs a test on each wire in the session of faults, and on one of them by default: it takes
seconds, and what differs between the wires stands in other tests of its case."""

WAY = pytest.mark.parametrize("way", ["whole", "stream"])
"""Runs a test for a whole answer and for a stream."""
