"""Every failure of a call to Anthropic is one of our errors."""

from __future__ import annotations

import builtins
import importlib
import pkgutil
import traceback
from collections.abc import Iterator
from typing import Any

import anthropic
import httpx2
import pytest
from anthropic_wire import (
    MODEL,
    Reply,
    Wire,
    beginning,
    ending,
    error,
    piece,
    question,
    serving,
    streamed,
    whole,
)

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
from codeflow_engine.providers.llm.anthropic import Anthropic, AnthropicSettings
from codeflow_engine.providers.llm.calls.faults import Called
from codeflow_engine.providers.llm.calls.sdk_faults import from_sdk

CALLED = Called(provider="anthropic", model=MODEL, key_name="ANTHROPIC_API_KEY")
REQUEST = httpx2.Request("POST", "http://claude.test/v1/messages")

PROMPT = "def handle(order): return order.total * SECRET_RATE"


def sdk_errors() -> Iterator[type[Exception]]:
    """List every exception class of the SDK that comes of a call."""
    for module in pkgutil.iter_modules(anthropic.__path__, "anthropic."):
        if module.name.rpartition(".")[2].startswith("_") and not module.ispkg:
            importlib.import_module(module.name)
    todo: list[type[Exception]] = [anthropic.AnthropicError]
    while todo:
        one = todo.pop()
        todo += one.__subclasses__()
        yield one


def made(one: type[Exception]) -> Exception:
    """Make an error as the SDK does."""
    if issubclass(one, anthropic.APIStatusError):
        status = getattr(one, "status_code", 418)
        status = status if isinstance(status, int) else 418
        response = httpx2.Response(status, request=REQUEST, json={})
        return one("said", response=response, body={"type": "error", "error": {"type": "x"}})
    if issubclass(one, anthropic.APIResponseValidationError):
        return one(httpx2.Response(200, request=REQUEST), body=None)
    if issubclass(one, anthropic.APITimeoutError):
        return one(request=REQUEST)
    if issubclass(one, anthropic.APIConnectionError):
        return one(request=REQUEST)
    if issubclass(one, anthropic.APIError):
        return one("said", REQUEST, body=None)
    return one.__new__(one)


@pytest.mark.parametrize("one", sorted(set(sdk_errors()), key=str), ids=lambda one: one.__name__)
def test_every_error_of_the_sdk_is_one_of_ours(one: type[Exception]) -> None:
    """Whatever class the SDK raises, or will derive from its own, has an error of the tree."""
    told = from_sdk(made(one), CALLED, begun=False)

    assert isinstance(told, ProviderError)
    assert "anthropic:claude-sonnet-5-5" in str(told)


def test_all_kinds_of_errors_of_the_sdk_were_found() -> None:
    """The list above holds the usual ones, and those that only their module names."""
    names = {one.__name__ for one in sdk_errors()}

    assert len(names) > 60
    assert names >= {
        *("OverloadedError", "APITimeoutError", "RetryableError", "IdentityTokenFileError"),
        *("APIResponseValidationError", "EnforcedSpendLimitReachedError"),
    }


def transport_errors() -> list[type[Exception]]:
    """List every exception class of the SDK's transport that a call may raise."""
    found = [getattr(httpx2, name) for name in dir(httpx2)]
    errors = [one for one in found if isinstance(one, type) and issubclass(one, Exception)]
    return [one for one in errors if not issubclass(one, Warning | builtins.AttributeError)]


@pytest.mark.parametrize("one", transport_errors(), ids=lambda one: one.__name__)
def test_every_error_of_the_transport_is_one_of_ours(one: type[Exception]) -> None:
    """They come as they are from within a stream, and wrapped from before it."""
    raw: Any = one.__new__(one)
    wrapped = anthropic.APIConnectionError(request=REQUEST)
    wrapped.__cause__ = raw

    for told in (from_sdk(raw, CALLED, begun=True), from_sdk(wrapped, CALLED, begun=False)):
        assert isinstance(told, ProviderError)


@pytest.mark.parametrize("mistake", [KeyError("x"), RuntimeError("x"), ZeroDivisionError()])
def test_a_mistake_is_not_taken_for_a_failed_call(mistake: Exception) -> None:
    """What neither the SDK nor its transport raises goes its way."""
    with pytest.raises(type(mistake)) as caught, Watch(CALLED):
        raise mistake

    assert caught.value is mistake


async def failing(wire: Wire, way: str = "complete", **settings: Any) -> ProviderError:
    """Ask, and give the error."""
    provider = Anthropic(MODEL, AnthropicSettings(**settings), api_key="sk-1", base_url=wire.url)

    async def ask() -> None:
        if way == "complete":
            await provider.complete(question(("user", PROMPT)))
        else:
            async for _ in provider.stream(question(("user", PROMPT))):
                pass

    try:
        with pytest.raises(ProviderError) as caught:
            await ask()
    finally:
        await provider.aclose()
    return caught.value


@pytest.mark.parametrize("way", ["complete", "stream"])
@pytest.mark.parametrize(
    ("reply", "kind", "expected"),
    [
        (error(401, "authentication_error", "invalid x-api-key"), "authentication", None),
        (error(403, "permission_error", "no"), "authentication", AuthenticationError),
        (error(400, "invalid_request_error", "Your credit balance is too low"), "quota", None),
        (error(402, "billing_error", "pay"), "quota", QuotaExhaustedError),
        (error(404, "not_found_error", "model: x"), "model", ModelUnavailableError),
        (error(413, "request_too_large", "too large"), "context_overflow", None),
        (error(400, "invalid_request_error", "max_tokens: bad"), "bad_request", ProviderError),
        (error(429, "rate_limit_error", "slow", retry_after="3"), "rate_limit", RateLimitError),
        (error(500, "api_error", "oops"), "server", ProviderUnavailableError),
        (error(529, "overloaded_error", "Overloaded"), "overloaded", ProviderUnavailableError),
        (whole(b"<html>gone</html>", status=502, kind="text/html"), "server", None),
    ],
)
async def test_an_error_of_the_server_is_told_by_its_meaning(
    reply: Reply, kind: str, expected: type[ProviderError] | None, way: str
) -> None:
    """Status and words decide together; no page and no SDK's error is quoted."""
    async with serving(reply) as wire:
        caught = await failing(wire, way)

    assert caught.kind == kind
    assert type(caught) is (expected or type(caught))
    assert not caught.charged
    assert "html" not in str(caught)
    assert len(wire.sent) == 1
    if kind == "rate_limit":
        assert caught.retry_after == 3
    if kind == "authentication":
        assert "ANTHROPIC_API_KEY" in str(caught)


async def test_an_exact_code_of_the_server_decides() -> None:
    """A limit of spending comes with the status of a rate limit, and no wait helps."""
    told = {
        "type": "rate_limit_error",
        "message": "limit",
        "details": {"error_code": "enforced_spend_limit_reached"},
    }

    async with serving(whole({"type": "error", "error": told}, status=429)) as wire:
        caught = await failing(wire)

    assert type(caught) is QuotaExhaustedError


@pytest.mark.parametrize(
    ("message", "told"),
    [
        ("prompt is too long: 210000 tokens > 200000 maximum", ("210000", "200000")),
        ("input length and `max_tokens` exceed context limit: 190000 + 20000 > 200000", ()),
    ],
)
async def test_a_prompt_that_does_not_fit_is_told_with_its_sizes(
    message: str, told: tuple[str, ...]
) -> None:
    """How much there was, and how much fits, stands in the error."""
    async with serving(error(400, "invalid_request_error", message)) as wire:
        caught = await failing(wire)

    assert type(caught) is ContextOverflowError
    assert all(number in str(caught) for number in told)


async def test_no_text_of_the_prompt_is_shown_even_beside_an_error() -> None:
    """A server that quotes the prompt is not quoted, nor is the SDK's error that quotes it."""
    message = f"cannot read: {PROMPT}"

    async with serving(error(400, "invalid_request_error", message)) as wire:
        caught = await failing(wire)

    assert "SECRET_RATE" not in "".join(traceback.format_exception(caught))


@pytest.mark.parametrize(
    ("kind", "expected", "told"),
    [
        ("overloaded_error", ProviderUnavailableError, "overloaded"),
        ("api_error", ProviderUnavailableError, "server"),
        ("rate_limit_error", RateLimitError, "rate_limit"),
        ("authentication_error", AuthenticationError, "authentication"),
        ("permission_error", AuthenticationError, "authentication"),
        ("billing_error", QuotaExhaustedError, "quota"),
        ("invalid_request_error", ProviderError, "bad_request"),
        ("of_tomorrow", ProviderUnavailableError, "server"),
    ],
)
async def test_an_error_within_a_stream_is_told_by_its_type(
    kind: str, expected: type[ProviderError], told: str
) -> None:
    """The status was 200 already, so the type alone decides."""
    event = {"type": "error", "error": {"type": kind, "message": "said"}}

    async with serving(streamed(beginning(), piece("Loo"), event)) as wire:
        caught = await failing(wire, "stream")

    assert type(caught) is expected
    assert caught.kind == told
    assert "200" not in str(caught)


async def test_a_stream_that_is_cut_may_cost_money() -> None:
    """Its connection broke, it can be asked again, and the tokens so far are charged."""
    async with serving(streamed(beginning(), piece("Loo"), end="cut")) as wire:
        caught = await failing(wire, "stream")

    assert type(caught) is ProviderUnavailableError
    assert (caught.kind, caught.charged, caught.retryable) == ("connection", True, True)


async def test_an_answer_that_is_cut_may_cost_money() -> None:
    """Once a part of a whole answer has come, the model has worked for it."""
    async with serving(whole(b'{"id"', headers={"content-length": "900"}), whole()) as wire:
        wire.replies[0] = _cut(wire.replies[0])
        caught = await failing(wire)

    assert type(caught) is ProviderUnavailableError
    assert caught.charged


async def test_a_connection_that_ends_without_a_word_costs_nothing() -> None:
    """Where nothing of an answer came, nothing is known to be charged."""

    async def nothing(writer: Any) -> None:
        writer.transport.abort()

    async with serving(nothing) as wire:
        caught = await failing(wire)

    assert type(caught) is ProviderUnavailableError
    assert not caught.charged


async def test_a_place_where_nothing_listens_is_told_of() -> None:
    """A refused connection has a kind of its own."""
    async with serving() as wire:
        pass
    caught = await failing(wire)

    assert (type(caught), caught.kind) == (ProviderUnavailableError, "refused")


async def test_a_stream_that_stalls_ends_after_the_idle_timeout() -> None:
    """Nothing for so long means that nothing will come."""
    async with serving(streamed(beginning(), piece("Loo"), end="open")) as wire:
        caught = await failing(wire, "stream", idle_timeout=0.2)

    assert type(caught) is ProviderTimeoutError
    assert (caught.kind, caught.charged) == ("read_timeout", True)


@pytest.mark.parametrize(
    "chunk",
    [
        b"event: content_block_delta\ndata: {broken\n\n",
        b"event: content_block_delta\ndata: \xff\xfe\n\n",
        b"event: content_block_delta\ndata: [1]\n\n",
        b"event: content_block_delta\ndata: " + b"[" * 100_000 + b"\n\n",
    ],
)
async def test_a_piece_that_cannot_be_read_is_an_invalid_answer(chunk: bytes) -> None:
    """Broken JSON and broken characters are no crash, and no end of a stream."""
    async with serving(streamed(beginning(), piece("Loo"), chunk, *ending())) as wire:
        caught = await failing(wire, "stream")

    assert type(caught) is InvalidResponseError
    assert caught.charged


@pytest.mark.parametrize("reply", [whole(b"<html></html>", kind="text/html"), streamed()])
async def test_a_stream_without_events_is_an_invalid_answer(reply: Reply) -> None:
    """A page in place of a stream, or nothing at all, is never read as an answer."""
    async with serving(reply) as wire:
        caught = await failing(wire, "stream")

    assert type(caught) is InvalidResponseError


def _cut(reply: Reply) -> Reply:
    async def cut(writer: Any) -> None:
        await reply(writer)
        writer.transport.abort()

    return cut
