"""Every test of the suite of LLM providers fails for a shipped provider that is broken."""

from __future__ import annotations

import asyncio
import importlib
import itertools
import logging
import threading
import time
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

from llm_lines import Shipped, offline
from mutation import struck, unbroken

from codeflow_engine.contracts import LLM
from codeflow_engine.domain.chat import (
    ChatAnswer,
    ChatDelta,
    ChatRequest,
    FinishReason,
    Message,
    Role,
)
from codeflow_engine.domain.usage import CallUsage
from codeflow_engine.errors import (
    ConfigurationError,
    InvalidResponseError,
    ProviderError,
    ProviderTimeoutError,
    ProviderUnavailableError,
    RefusedError,
)
from codeflow_engine.testing.contracts import LLMContract

LOGGER = logging.getLogger("contract.mutant")


class Mutant(LLM):
    """A shipped provider, and what is changed of it."""

    def __init__(self, real: LLM) -> None:
        self.real = real
        self.capabilities = real.capabilities  # type: ignore[misc] # of the real one

    @property
    def model(self) -> str:
        return self.real.model

    @property
    def provider(self) -> str:
        return self.real.provider

    @property
    def endpoint(self) -> str | None:
        return self.real.endpoint

    @property
    def secrets(self) -> tuple[str, ...]:
        return self.real.secrets

    def check(self) -> None:
        self.real.check()

    def asked(self, request: ChatRequest) -> ChatRequest:
        return request

    def changed(self, answer: ChatAnswer) -> ChatAnswer:
        return answer

    def failed(self, error: ProviderError) -> BaseException:
        return error

    async def complete(self, request: ChatRequest) -> ChatAnswer:
        try:
            return self.changed(await self.real.complete(self.asked(request)))
        except ProviderError as error:
            if (changed := self.failed(error)) is error:
                raise
        raise changed

    async def stream(self, request: ChatRequest) -> AsyncIterator[ChatDelta]:
        real: Any = self.real.stream(self.asked(request))
        try:
            async with aclosing(real):
                async for piece in real:
                    answer = piece.answer and self.changed(piece.answer)
                    yield replace(piece, answer=answer)
        except ProviderError as error:
            if (changed := self.failed(error)) is error:
                raise
        else:
            return
        raise changed

    async def count_tokens(self, request: ChatRequest) -> int | None:
        return await self.real.count_tokens(request)

    async def list_models(self) -> tuple[str, ...] | None:
        return await self.real.list_models()

    async def aclose(self) -> None:
        await self.real.aclose()


def broken(mutant: type[Mutant], *tests: str, vendor: str = "messages") -> type:
    """Make a test class of the tests that have to fail for a mutant of a vendor's provider."""

    def make(_: Path) -> LLM:
        return mutant(offline(vendor))

    suite: Any = type("Suite", (Shipped,), {"vendor": vendor, "wrap": staticmethod(mutant)})
    make.__name__ = mutant.__name__
    return struck(suite, make, *tests)


class Anonymous(Mutant):
    """Does not say whose answer it is."""

    def changed(self, answer: ChatAnswer) -> ChatAnswer:
        return replace(answer, provider="")


class Loose(Mutant):
    """Takes an enum for the text that it looks like."""

    def changed(self, answer: ChatAnswer) -> ChatAnswer:
        return replace(answer, said_reason=answer.finish_reason)


class Trimming(Mutant):
    """Cleans up what the model says."""

    def changed(self, answer: ChatAnswer) -> ChatAnswer:
        return replace(answer, text=answer.text.strip())


class Miscounting(Mutant):
    """Takes the output for free."""

    def changed(self, answer: ChatAnswer) -> ChatAnswer:
        return replace(answer, usage=replace(answer.usage, output_tokens=0))


class Free(Mutant):
    """Takes what was not counted for nothing."""

    def changed(self, answer: ChatAnswer) -> ChatAnswer:
        usage = CallUsage(calls=1) if answer.is_estimated else answer.usage
        return replace(answer, usage=usage, is_estimated=False)


class Repeating(Mutant):
    """Says all of it again with the last piece."""

    async def stream(self, request: ChatRequest) -> AsyncIterator[ChatDelta]:
        async for piece in super().stream(request):
            answer = piece.answer
            yield piece if answer is None else replace(piece, text=piece.text + answer.text)


class Premature(Mutant):
    """Has an answer with each piece."""

    async def stream(self, request: ChatRequest) -> AsyncIterator[ChatDelta]:
        said = ""
        async for piece in super().stream(request):
            said += piece.text
            so_far = ChatAnswer(
                text=said,
                finish_reason=FinishReason.UNKNOWN,
                model=self.model,
                provider=self.provider,
            )
            yield replace(piece, answer=piece.answer or so_far)


class Collecting(Mutant):
    """Says that it streams, and waits for the end."""

    async def stream(self, request: ChatRequest) -> AsyncIterator[ChatDelta]:
        answer = await self.complete(request)
        yield ChatDelta(text=answer.text, answer=answer)


class Modest(Mutant):
    """Does not say what it can, and does it all the same."""

    def __init__(self, real: LLM) -> None:
        super().__init__(real)
        self.capabilities = frozenset()  # type: ignore[misc] # of this one

    async def count_tokens(self, request: ChatRequest) -> int | None:
        return 0

    async def list_models(self) -> tuple[str, ...] | None:
        return ()


class Shortening(Mutant):
    """Leaves out what the model has said before."""

    def asked(self, request: ChatRequest) -> ChatRequest:
        kept = tuple(one for one in request.messages if one.role is not Role.ASSISTANT)
        return replace(request, messages=kept)


class Generous(Mutant):
    """Lets answers be as long as they like."""

    def asked(self, request: ChatRequest) -> ChatRequest:
        return replace(request, max_output_tokens=100_000)


class Telling(Mutant):
    """Tells the model what the engine keeps for itself."""

    def asked(self, request: ChatRequest) -> ChatRequest:
        more = Message(role=Role.USER, text=f"{request.prompt} {request.paths}")
        return replace(request, messages=(*request.messages, more))


class Formless(Mutant):
    """Says that it sends schemas."""

    def asked(self, request: ChatRequest) -> ChatRequest:
        return replace(request, answer_schema=None)


class Strict(Mutant):
    """Takes no schema."""

    def asked(self, request: ChatRequest) -> ChatRequest:
        if request.answer_schema is not None:
            raise ConfigurationError("this model takes no schema")
        return request


class Counting(Mutant):
    """Counts questions and not words."""

    async def count_tokens(self, request: ChatRequest) -> int | None:
        return len(request.messages)


class Unsorted(Mutant):
    """Lists models as they come."""

    async def list_models(self) -> tuple[str, ...] | None:
        return tuple(reversed(await super().list_models() or ()))


TestAnonymous = broken(
    Anonymous,
    "test_an_answer_is_whole",
    "test_the_last_piece_of_a_stream_carries_the_answer",
)
TestLoose = broken(Loose, "test_an_answer_is_whole")
TestTrimming = broken(Trimming, "test_its_text_comes_to_the_letter")
TestMiscounting = broken(Miscounting, "test_its_counts_are_those_of_the_provider")
TestFree = broken(Free, "test_an_answer_without_counts_has_estimated_ones")
TestRepeating = broken(Repeating, "test_the_last_piece_of_a_stream_carries_the_answer")
TestPremature = broken(Premature, "test_the_last_piece_of_a_stream_carries_the_answer")
TestCollecting = broken(Collecting, "test_a_stream_comes_in_pieces")
TestModest = broken(
    Modest,
    "test_an_answer_without_streaming_is_one_piece",
    "test_it_counts_no_tokens_that_it_cannot_count",
    "test_it_lists_no_models_that_it_cannot_list",
)
TestShortening = broken(Shortening, "test_it_sends_what_was_asked")
TestGenerous = broken(Generous, "test_it_sends_what_was_asked")
TestTelling = broken(Telling, "test_it_sends_nothing_else_of_a_request")
TestFormless = broken(Formless, "test_a_schema_reaches_the_model")
TestStrict = broken(Strict, "test_a_question_with_a_schema_is_answered")
TestCounting = broken(Counting, "test_it_counts_more_tokens_in_more_text")
TestUnsorted = broken(Unsorted, "test_it_lists_its_models")


class Hasty(Mutant):
    """Does not look why a model has stopped."""

    def changed(self, answer: ChatAnswer) -> ChatAnswer:
        return replace(answer, finish_reason=FinishReason.STOP)


class Raising(Mutant):
    """Raises what is to be returned."""

    def changed(self, answer: ChatAnswer) -> ChatAnswer:
        if answer.finish_reason is not FinishReason.STOP:
            raise RefusedError("no whole answer")
        return answer


class Patching(Mutant):
    """Makes an answer of what had come when the connection broke."""

    async def stream(self, request: ChatRequest) -> AsyncIterator[ChatDelta]:
        said = ""
        try:
            async for piece in super().stream(request):
                said += piece.text
                yield piece
        except ProviderUnavailableError:
            yield ChatDelta(
                answer=ChatAnswer(text=said, finish_reason=FinishReason.UNKNOWN, model=self.model)
            )


class Thrifty(Mutant):
    """Believes that what breaks costs nothing."""

    def failed(self, error: ProviderError) -> BaseException:
        return type(error)(error.message, kind=error.kind)


REASONS = (
    "test_a_cut_answer_says_so",
    "test_an_unknown_reason_is_no_stop",
    "test_an_end_without_a_reason_is_no_stop",
)
FILTERED = "test_a_filtered_answer_says_so"
BREAK = "test_a_connection_that_breaks_gives_no_answer"

TestHasty = broken(Hasty, *REASONS, "test_a_refusal_says_so")
TestHastyFilter = broken(Hasty, FILTERED, vendor="chat")
TestRaising = broken(Raising, *REASONS, "test_a_refusal_says_so")
TestPatching = broken(Patching, BREAK)
TestThrifty = broken(Thrifty, BREAK, "test_silence_ends_after_the_timeout")


class Coarse(Mutant):
    """Knows one error."""

    def failed(self, error: ProviderError) -> BaseException:
        return ProviderUnavailableError(error.message, retry_after=error.retry_after)


class Wordy(Mutant):
    """Has a kind of error for each moment."""

    def failed(self, error: ProviderError) -> BaseException:
        error.kind = f"failed at {time.time()}"
        return error


class Hurried(Mutant):
    """Loses how long it was asked to wait."""

    def failed(self, error: ProviderError) -> BaseException:
        return type(error)(error.message)


class Retrying(Mutant):
    """Tries again on its own."""

    async def complete(self, request: ChatRequest) -> ChatAnswer:
        try:
            return await super().complete(request)
        except ProviderError:
            return await super().complete(request)


class Resentful(Mutant):
    """Asks no more after an error."""

    error: ProviderError | None = None

    def asked(self, request: ChatRequest) -> ChatRequest:
        if self.error is not None:
            raise self.error
        return request

    def failed(self, error: ProviderError) -> BaseException:
        self.error = error
        return error


class Gullible(Mutant):
    """Takes what it cannot read for an empty answer."""

    async def complete(self, request: ChatRequest) -> ChatAnswer:
        try:
            return await super().complete(request)
        except InvalidResponseError:
            return ChatAnswer(text="", finish_reason=FinishReason.STOP, model=self.model)


class Endless(Mutant):
    """Calls silence an outage."""

    def failed(self, error: ProviderError) -> BaseException:
        if isinstance(error, ProviderTimeoutError):
            return ProviderUnavailableError(error.message, charged=True)
        return error


class Keeping(Mutant):
    """Keeps with its errors what no other process can have."""

    def failed(self, error: ProviderError) -> BaseException:
        error.response = threading.Lock()  # type: ignore[attr-defined]
        return error


TestCoarse = broken(
    Coarse,
    "test_each_failure_has_its_error",
    "test_what_will_not_pass_is_not_retried",
    "test_what_is_no_answer_is_an_error",
)
TestWordy = broken(Wordy, "test_each_failure_has_its_error")
TestHurried = broken(Hurried, "test_the_wait_that_was_asked_for_is_told")
TestRetrying = broken(Retrying, "test_a_call_is_made_once")
TestResentful = broken(Resentful, "test_a_failure_is_forgotten")
TestGullible = broken(Gullible, "test_what_is_no_answer_is_an_error")
TestEndless = broken(Endless, "test_silence_ends_after_the_timeout")
TestKeeping = broken(Keeping, "test_its_errors_survive_a_process")


class Changing(Mutant):
    """Is another model for each who asks."""

    numbers = itertools.count()

    @property
    def model(self) -> str:
        return f"{self.real.model}-{next(self.numbers)}"


class Showing(Mutant):
    """Shows all that it is made of."""

    def __repr__(self) -> str:
        return f"Showing({self.secrets})"


class Embedding(Mutant):
    """Has its credentials in its URL."""

    @property
    def endpoint(self) -> str | None:
        return "https://user:password@models.example.org/v1"


class Hiding(Mutant):
    """Does not say where it calls."""

    @property
    def endpoint(self) -> str | None:
        return None


class Secretive(Mutant):
    """Does not name its key."""

    @property
    def secrets(self) -> tuple[str, ...]:
        return ()


class Importing(Mutant):
    """Loads its SDK as soon as it is made."""

    def __init__(self, real: LLM) -> None:
        super().__init__(real)
        importlib.import_module("anthropic")


class Vague(Mutant):
    """Says that something is missing, and not what."""

    def check(self) -> None:
        try:
            super().check()
        except ConfigurationError:
            raise ConfigurationError("there is no key") from None


class Careless(Mutant):
    """Sees what is missing when it is asked."""

    def check(self) -> None: ...


class Anxious(Mutant):
    """Finds that something is missing always."""

    def check(self) -> None:
        raise ConfigurationError("set ACME_API_KEY")


class Quoting(Mutant):
    """Says what it was asked when it fails."""

    last = ""

    def asked(self, request: ChatRequest) -> ChatRequest:
        self.last = request.messages[-1].text
        return request

    def failed(self, error: ProviderError) -> BaseException:
        return type(error)(f"{error.message}: {self.last}")


class Chaining(Mutant):
    """Says which key it was in an error under its own."""

    async def complete(self, request: ChatRequest) -> ChatAnswer:
        try:
            return await self.real.complete(request)
        except ProviderError as error:
            cause = ValueError(f"Authorization: Bearer {self.secrets[0]}")
            raise type(error)(error.message) from cause


class Logging(Mutant):
    """Writes what it asks to a log."""

    def asked(self, request: ChatRequest) -> ChatRequest:
        LOGGER.info("asking %s", request.messages)
        return request


class Shielded(Mutant):
    """Lets a call go on that nobody waits for."""

    async def complete(self, request: ChatRequest) -> ChatAnswer:
        return await asyncio.shield(asyncio.ensure_future(super().complete(request)))


class Deaf(Mutant):
    """Has an answer for who does not want one any more."""

    async def complete(self, request: ChatRequest) -> ChatAnswer:
        try:
            return await super().complete(request)
        except asyncio.CancelledError:
            return ChatAnswer(text="", finish_reason=FinishReason.UNKNOWN, model=self.model)


class Lingering(Mutant):
    """Takes its time to say goodbye."""

    async def complete(self, request: ChatRequest) -> ChatAnswer:
        try:
            return await super().complete(request)
        finally:
            await asyncio.sleep(0.15)


class Sharing(Mutant):
    """Keeps the question that it is at in an attribute, and comes back to another one."""

    request: ChatRequest

    async def complete(self, request: ChatRequest) -> ChatAnswer:
        self.request = request
        await asyncio.sleep(0.01)
        return await super().complete(self.request)


class Global(Mutant):
    """Closes what all of its kind share."""

    closed: ClassVar[bool] = False

    def asked(self, request: ChatRequest) -> ChatRequest:
        if Global.closed:
            raise ProviderUnavailableError("the client is closed")
        return request

    async def aclose(self) -> None:
        Global.closed = True
        await super().aclose()


class Blocking(Mutant):
    """Takes its time with what it was answered."""

    def changed(self, answer: ChatAnswer) -> ChatAnswer:
        time.sleep(0.7)
        return answer


SHOWN = "test_no_error_shows_a_key_or_a_prompt"
CANCEL = "test_cancelling_a_call_ends_it_at_once"
TestChanging = broken(Changing, "test_it_says_whom_it_asks")
TestShowing = broken(Showing, "test_nothing_that_it_says_of_itself_is_a_key")
TestEmbedding = broken(Embedding, "test_nothing_that_it_says_of_itself_is_a_key")
TestHiding = broken(Hiding, "test_without_an_endpoint_it_connects_to_nothing")
TestSecretive = broken(Secretive, "test_it_names_the_keys_that_it_uses")
TestImporting = broken(Importing, "test_making_it_imports_no_sdk")
TestVague = broken(Vague, "test_a_missing_key_is_named")
TestCareless = broken(Careless, "test_a_missing_key_is_named")
TestAnxious = broken(Anxious, "test_nothing_is_missing_for_a_call")
TestQuoting = broken(Quoting, SHOWN)
TestChaining = broken(Chaining, SHOWN)
TestLogging = broken(Logging, SHOWN)
TestShielded = broken(Shielded, CANCEL)
TestDeaf = broken(Deaf, CANCEL)
TestLingering = broken(Lingering, CANCEL)
TestSharing = broken(Sharing, "test_calls_at_once_do_not_mix")
TestGlobal = broken(Global, "test_closing_one_leaves_the_others_open")
TestBlocking = broken(Blocking, "test_it_does_not_block_the_event_loop")


def test_every_test_of_the_suite_can_fail() -> None:
    """Each has a mutant that it finds out."""
    assert unbroken(LLMContract, globals()) == set()
