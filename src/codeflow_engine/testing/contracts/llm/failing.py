"""Tests of errors: which one it is, what it says, and what it costs."""

from __future__ import annotations

import copy
import re
from typing import Final

from codeflow_engine.domain.chat import ChatAnswer
from codeflow_engine.errors import (
    AuthenticationError,
    ContextOverflowError,
    InvalidResponseError,
    ModelUnavailableError,
    ProviderError,
    ProviderTimeoutError,
    ProviderUnavailableError,
    QuotaExhaustedError,
    RateLimitError,
)
from codeflow_engine.testing.contracts.llm.asking import Replying, ask, ends, failures, question
from codeflow_engine.testing.contracts.llm.replies import Reply, ReplyKind, Wire

__all__ = ["ERRORS", "FailureTests"]

_KIND = re.compile(r"[a-z][a-z0-9_]{0,40}")

ERRORS: Final[dict[ReplyKind, type[ProviderError]]] = {
    ReplyKind.RATE_LIMITED: RateLimitError,
    ReplyKind.NO_QUOTA: QuotaExhaustedError,
    ReplyKind.UNAUTHORIZED: AuthenticationError,
    ReplyKind.OVERLOADED: ProviderUnavailableError,
    ReplyKind.NO_MODEL: ModelUnavailableError,
    ReplyKind.TOO_LONG: ContextOverflowError,
}
"""Replies that have an error of their own."""

_FINAL = (ReplyKind.NO_QUOTA, ReplyKind.UNAUTHORIZED, ReplyKind.BAD_REQUEST, ReplyKind.TOO_LONG)
"""The same request again has the same end."""


class FailureTests:
    """There is no answer, and the error says why."""

    async def test_each_failure_has_its_error(self, replying: Replying, wire: Wire) -> None:
        """The gateway waits, asks another provider or gives up by it, at once or in a stream."""
        for kind, wanted in ERRORS.items():
            if kind not in wire.speaks:
                continue
            for error in await failures(replying, Reply(kind=kind, text="so sorry")):
                assert isinstance(error, wanted), f"{kind} raised {error!r}, not {wanted.__name__}"
                assert _KIND.fullmatch(error.kind), f"{error.kind!r} is no word of few"

    async def test_what_will_not_pass_is_not_retried(self, replying: Replying, wire: Wire) -> None:
        """The account, the key and the request stay as they are, whoever asks again."""
        for kind in _FINAL:
            if kind not in wire.speaks:
                continue
            for error in await failures(replying, Reply(kind=kind, text="so sorry")):
                assert isinstance(error, ProviderError), f"{kind} raised {error!r}"
                assert not error.retryable, f"{kind} is retryable"

    async def test_the_wait_that_was_asked_for_is_told(
        self, replying: Replying, wire: Wire
    ) -> None:
        """In seconds; where the provider names none, so does the error."""
        for kind in {ReplyKind.RATE_LIMITED, ReplyKind.OVERLOADED} & wire.speaks:
            for wait in (7.0, None):
                for error in await failures(replying, Reply(kind=kind, retry_after=wait)):
                    assert isinstance(error, ProviderError), f"{kind} raised {error!r}"
                    assert error.retry_after == wait

    async def test_a_call_is_made_once(self, replying: Replying, wire: Wire) -> None:
        """Retries are the gateway's; whatever an SDK retries by itself is switched off."""
        for kind in {ReplyKind.RATE_LIMITED, ReplyKind.OVERLOADED} & wire.speaks:
            wire.received.clear()
            async with replying(Reply(kind=kind, retry_after=0.01)) as llm:
                await ends(llm, question())

            assert len(wire.received) == 2, f"{kind} was asked {len(wire.received)} times for 2"

    async def test_a_failure_is_forgotten(self, replying: Replying) -> None:
        """The next question is asked, and answered."""
        async with replying(Reply(kind=ReplyKind.OVERLOADED), Reply(text="Yes.")) as llm:
            with_error, _ = await ends(llm, question())
            answer = await ask(llm, question())

        assert isinstance(with_error, ProviderError)
        assert isinstance(answer, ChatAnswer)
        assert answer.text == "Yes."

    async def test_what_is_no_answer_is_an_error(self, replying: Replying) -> None:
        """A page of a proxy that comes with a good status is not taken for what a model says."""
        for error in await failures(replying, Reply(kind=ReplyKind.GARBAGE)):
            assert isinstance(error, InvalidResponseError), f"it raised {error!r}"

    async def test_silence_ends_after_the_timeout(self, replying: Replying) -> None:
        """A call gives up by itself; it may cost money all the same."""
        for error in await failures(replying, Reply(kind=ReplyKind.SILENT)):
            assert isinstance(error, ProviderTimeoutError), f"it raised {error!r}"
            assert error.charged

    async def test_its_errors_survive_a_process(self, replying: Replying) -> None:
        """They are pickled for a worker, or copied, which asks the same of them."""
        reply = Reply(kind=ReplyKind.RATE_LIMITED, retry_after=3.0)
        for error in await failures(replying, reply):
            assert isinstance(error, ProviderError), f"it raised {error!r}"
            try:
                again: BaseException = copy.deepcopy(error)
            except Exception as problem:  # noqa: BLE001 - whatever it is, the rule is broken
                again = problem
            told = [(type(one), str(one), vars(one)) for one in (error, again)]
            assert told[0] == told[1]
