"""Every failure of a call to Anthropic is one of our errors."""

from __future__ import annotations

import traceback
from typing import Any

import pytest
from anthropic_asking import (
    MODEL,
    beginning,
    error,
    events,
    piece,
    question,
)

from codeflow_engine.errors import (
    AuthenticationError,
    ContextOverflowError,
    ModelUnavailableError,
    ProviderError,
    ProviderUnavailableError,
    QuotaExhaustedError,
    RateLimitError,
)
from codeflow_engine.providers.llm.anthropic import Anthropic, AnthropicSettings
from fault_server import FaultServer, Reply
from model_replies import in_json

PROMPT = "def handle(order): return order.total * SECRET_RATE"


async def failing(server: FaultServer, way: str = "complete", **settings: Any) -> ProviderError:
    """Ask, and give the error."""
    provider = Anthropic(MODEL, AnthropicSettings(**settings), api_key="sk-1", base_url=server.url)

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
        (Reply(status=502, body=b"<html>gone</html>"), "server", None),
    ],
)
async def test_an_error_of_the_server_is_told_by_its_meaning(
    reply: Reply, kind: str, expected: type[ProviderError] | None, way: str
) -> None:
    """Status and words decide together; no page and no SDK's error is quoted."""
    async with FaultServer(reply) as server:
        caught = await failing(server, way)

    assert caught.kind == kind
    assert type(caught) is (expected or type(caught))
    assert not caught.charged
    assert "html" not in str(caught)
    assert len(server.requests) == 1
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

    async with FaultServer(in_json({"type": "error", "error": told}, status=429)) as server:
        caught = await failing(server)

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
    async with FaultServer(error(400, "invalid_request_error", message)) as server:
        caught = await failing(server)

    assert type(caught) is ContextOverflowError
    assert all(number in str(caught) for number in told)


async def test_no_text_of_the_prompt_is_shown_even_beside_an_error() -> None:
    """A server that quotes the prompt is not quoted, nor is the SDK's error that quotes it."""
    message = f"cannot read: {PROMPT}"

    async with FaultServer(error(400, "invalid_request_error", message)) as server:
        caught = await failing(server)

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

    async with FaultServer(events(beginning(), piece("Loo"), event)) as server:
        caught = await failing(server, "stream")

    assert type(caught) is expected
    assert caught.kind == told
    assert "200" not in str(caught)
