"""Tests of what a provider shows, imports and holds up, and of calls beside each other."""

from __future__ import annotations

import asyncio
import logging
import re
import traceback
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any
from urllib.parse import urlsplit

import pytest

from codeflow_engine.contracts import LLM
from codeflow_engine.domain.chat import ChatAnswer
from codeflow_engine.errors import ConfigurationError
from codeflow_engine.testing.contracts.auditing import io_seen
from codeflow_engine.testing.contracts.backend import another, pass_over
from codeflow_engine.testing.contracts.llm.asking import (
    Replying,
    ask,
    failures,
    pieces_of,
    question,
)
from codeflow_engine.testing.contracts.llm.failing import ERRORS
from codeflow_engine.testing.contracts.llm.importing import imported_by
from codeflow_engine.testing.contracts.llm.replies import Reply, ReplyKind, Wire
from codeflow_engine.testing.contracts.watching import LONGEST_STALL, longest_stall, within

__all__ = ["GuardTests"]

type _Answering = Callable[[], AbstractAsyncContextManager[LLM]]

_SOON = 0.1
"""Seconds within which a cancelled call has to end."""

_TRIES = 3
"""Times that a call is cancelled: the machine may be busy, but not each time."""

_PROMPT = "contract-secret-plan: sell the shop to the highest bidder"
_VARIABLE = re.compile(r"\b[A-Z][A-Z0-9]*_[A-Z0-9_]+\b")
_ERRORS = (*ERRORS, ReplyKind.BAD_REQUEST, ReplyKind.GARBAGE, ReplyKind.BROKEN_OFF)


class GuardTests:
    """What a provider keeps to itself, and what it leaves alone."""

    async def test_it_says_whom_it_asks(self, create: Callable[[], LLM], backend: LLM) -> None:
        """Its model, its provider and its endpoint are the same for as long as it lives."""
        first: tuple[Any, ...] = _identity(backend)
        async with another(create) as second:
            again = _identity(second)

        assert all(isinstance(one, str) and one.strip() == one != "" for one in first[:2])
        assert first[2] is None or re.match(r"[a-z][a-z0-9+.-]*://", first[2])
        assert first == again == _identity(backend)

    async def test_nothing_that_it_says_of_itself_is_a_key(
        self, create: Callable[[], LLM], backend: LLM
    ) -> None:
        """Neither its form for people nor its endpoint, whose URL has no credentials either."""
        secrets: Any = backend.secrets
        model, provider, endpoint = _identity(backend)

        assert isinstance(secrets, tuple)
        assert [type(one) for one in secrets if not isinstance(one, str) or not one] == []
        for secret in secrets:
            assert secret not in f"{backend!r} {backend} {model} {provider} {endpoint}"
        assert "@" not in urlsplit(endpoint or "").netloc

    async def test_without_an_endpoint_it_connects_to_nothing(
        self, answering: _Answering, backend: LLM, request: pytest.FixtureRequest
    ) -> None:
        """The host is told where its code goes, before it goes there."""
        if backend.endpoint is not None:
            pass_over(request.node, f"its endpoint is {backend.endpoint}")
        async with answering() as llm:
            with io_seen() as seen:
                await ask(llm, question())

        assert [one for one in seen if one.startswith("socket.")] == []

    async def test_it_names_the_keys_that_it_uses(self, replying: Replying, wire: Wire) -> None:
        """What it does not name, the engine cannot keep out of logs, reports and prompts."""
        async with replying(Reply(text="Yes.")) as llm:
            await ask(llm, question())
            secrets = llm.secrets

        assert wire.key is None or wire.key in secrets

    async def test_making_it_imports_no_sdk(self, create: Callable[[], LLM], backend: LLM) -> None:
        """That takes seconds: the first call does it, in a worker thread."""
        made: list[LLM] = []

        imported = imported_by(lambda: made.append(create()), type(backend))

        for one in made:
            await within(one.aclose())
        assert imported == []

    async def test_a_missing_key_is_named(self, keyless: Callable[[], LLM]) -> None:
        """`check` says which variable to set, and connects to nothing."""
        async with another(keyless) as llm:
            with io_seen() as seen:
                error = _refusal(llm)

        assert isinstance(error, ConfigurationError), f"it says {error!r}"
        assert _VARIABLE.search(error.message), f"{error.message!r} names no variable"
        assert [one for one in seen if one.startswith("socket.")] == []

    async def test_nothing_is_missing_for_a_call(self, answering: _Answering) -> None:
        """`check` says nothing of a provider that answers, and connects to nothing."""
        async with answering() as llm:
            with io_seen() as seen:
                error = _refusal(llm)

        assert error is None
        assert [one for one in seen if one.startswith("socket.")] == []

    async def test_no_error_shows_a_key_or_a_prompt(
        self, replying: Replying, wire: Wire, caplog: pytest.LogCaptureFixture
    ) -> None:
        """Even where the backend quotes them; no log shows them, and no error that was a cause."""
        caplog.set_level(logging.INFO)
        quoted = f"{wire.key} cannot do {_PROMPT}"
        shown = []
        for kind in _ERRORS:
            if kind not in wire.speaks:
                continue
            reply = Reply(kind=kind, text=quoted)
            for error in await failures(replying, reply, question(_PROMPT)):
                told = "".join(traceback.format_exception(error)), repr(error), repr(vars(error))
                shown += [f"{kind}: {one}" for one in told if _shows(one, wire.key)]

        assert shown == []
        assert [one for one in caplog.messages if _shows(one, wire.key)] == []

    async def test_cancelling_a_call_ends_it_at_once(self, replying: Replying, wire: Wire) -> None:
        """Within 100 ms, and its connection is closed: nobody pays for what nobody reads."""
        async with replying(Reply(text="Yes."), Reply(kind=ReplyKind.SILENT)) as llm:
            # The first call may load what it needs, which cannot be broken off.
            await ask(llm, question())
            for call in (llm.complete, lambda asked: pieces_of(llm, asked)):
                seconds, is_closed = [], []
                for _ in range(_TRIES):
                    seconds.append(await _cancelled(call, wire))
                    is_closed.append(await wire.has_hung_up() is not False)
                assert min(seconds) < _SOON, f"it took {min(seconds):.3f} s"
                assert any(is_closed), "its connection is still open"

    async def test_calls_at_once_do_not_mix(self, answering: _Answering) -> None:
        """Each has the answer that it would have alone, at once and in pieces."""
        texts = [f"question {number} of many" for number in range(12)]

        async def both(llm: LLM, text: str) -> tuple[str, str]:
            pieces = await pieces_of(llm, question(text))
            return (await ask(llm, question(text))).text, "".join(one.text for one in pieces)

        async with answering() as llm:
            alone = [await both(llm, text) for text in texts]
            at_once = await within(asyncio.gather(*(both(llm, text) for text in texts)))

        assert at_once == alone

    async def test_closing_one_leaves_the_others_open(
        self, create: Callable[[], LLM], answering: _Answering
    ) -> None:
        """Several engines on one event loop have one each."""
        async with answering() as llm:
            async with another(create) as second:
                assert second.model
            answer = await ask(llm, question())

        assert isinstance(answer, ChatAnswer)

    async def test_it_does_not_block_the_event_loop(self, answering: _Answering) -> None:
        """Neither a call nor a stream holds up the host."""
        asked = question("a long one " * 2000)
        async with answering() as llm:

            async def use() -> None:
                await ask(llm, asked)
                await pieces_of(llm, asked)

            # The first call may load what it needs, in a worker thread.
            await ask(llm, question())
            assert await longest_stall(use) < LONGEST_STALL


def _identity(llm: LLM) -> tuple[str, str, str | None]:
    return llm.model, llm.provider, llm.endpoint


def _shows(text: str, key: str | None) -> bool:
    return _PROMPT in text or (key is not None and key in text)


def _refusal(llm: LLM) -> BaseException | None:
    try:
        llm.check()
    except Exception as error:  # noqa: BLE001 - whatever it is, the test tells of it
        return error
    return None


async def _cancelled(call: Callable[[Any], Awaitable[Any]], wire: Wire) -> float:
    """Cancel a call that waits for its answer, and measure until it has ended."""
    before = len(wire.received)
    task = asyncio.ensure_future(call(question()))
    while len(wire.received) == before and not task.done():  # noqa: ASYNC110 - it is a list
        await asyncio.sleep(0.002)
    loop = asyncio.get_running_loop()
    began = loop.time()
    task.cancel()
    await within(asyncio.wait([task]))
    took = loop.time() - began
    assert task.cancelled(), "a call that was cancelled went on to its end"
    return took
