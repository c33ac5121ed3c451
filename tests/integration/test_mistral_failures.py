"""What goes wrong with Mistral, in the errors of our tree."""

from __future__ import annotations

import asyncio
import importlib
import inspect
import time
from typing import Any

import httpx2
import pytest
from mistral_calls import DONE, asked, asking, streaming, told
from mistral_server import CUT, HANG, Reply, answered, chunk, event, streamed

from codeflow_engine.domain.chat import FinishReason
from codeflow_engine.errors import (
    AuthenticationError,
    ContextOverflowError,
    InvalidResponseError,
    ModelUnavailableError,
    ProviderError,
    ProviderTimeoutError,
    ProviderUnavailableError,
    RateLimitError,
)
from codeflow_engine.providers.llm.calls.faults import Called
from codeflow_engine.providers.llm.mistral.failing import from_sdk

CALLED = Called(provider="mistral_ai", model="small", key_name="MISTRAL_API_KEY")


def refusing(message: str, kind: str, code: str, status: int = 400, **headers: str) -> Reply:
    """Make the reply of an error, in Mistral's own form."""
    text = (
        f'{{"object":"error","message":"{message}","type":"{kind}","param":null,"code":"{code}"}}'
    )
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Reply(status=status, body=text.encode(), headers=named)


@pytest.mark.parametrize(
    ("reply", "error", "shown"),
    [
        (
            refusing("Unauthorized key-of-settings", "unauthorized", "1", 401),
            AuthenticationError,
            "MISTRAL_API_KEY",
        ),
        (refusing("Invalid model: x", "invalid_model", "1500"), ModelUnavailableError, "no such"),
        (
            refusing("too large for model with 32768 maximum context length", "invalid", "3051"),
            ContextOverflowError,
            "of 16 characters",
        ),
        (refusing("Rate limit exceeded", "rate_limited", "1300", 429), RateLimitError, "too many"),
        (refusing("Slow", "overloaded", "1", 503), ProviderUnavailableError, "HTTP 503"),
        (Reply(status=502, body=b"<html>", kind="text/html"), ProviderUnavailableError, "502"),
        (
            Reply(status=422, body=b'{"detail":[{"loc":["a"],"msg":"m","type":"t"}]}'),
            ProviderError,
            "422",
        ),
        (Reply(status=422, body=b'{"detail":"of another form"}'), ProviderError, "422"),
        (Reply(status=307, headers={"location": "http://127.0.0.2/"}), ProviderError, "redirect"),
    ],
)
@pytest.mark.parametrize("is_stream", [False, True])
async def test_an_error_of_the_server_is_one_of_ours(
    reply: Reply,
    error: type[ProviderError],
    shown: str,
    is_stream: bool,  # noqa: FBT001
) -> None:
    """Each status and word has its class, tried once, and no message has the key."""
    async with asked(reply) as (mistral, server):
        with pytest.raises(error, match=shown) as raised:
            await told(mistral, is_stream=is_stream)

    assert len(server.asked) == 1
    assert "key-of-settings" not in str(raised.value)
    assert raised.value.__suppress_context__


async def test_the_wait_that_the_server_asks_for_is_told() -> None:
    """The SDK passes the header over; whoever retries has to know it."""
    async with asked(refusing("Slow", "rate_limited", "1300", 429, retry_after="7")) as (
        mistral,
        _,
    ):
        with pytest.raises(RateLimitError) as raised:
            await mistral.complete(asking())

    assert raised.value.retry_after == 7


@pytest.mark.parametrize(
    ("parts", "error", "kind"),
    [
        ((chunk("One"), b"data: {broken\n\n"), InvalidResponseError, "invalid_response"),
        ((chunk("One"), event([1])), InvalidResponseError, "invalid_response"),
        ((chunk("One"), b"data: \xff\n\n"), InvalidResponseError, "invalid_response"),
        (
            (chunk("One"), event({"object": "error", "message": "m", "type": "overloaded"})),
            ProviderUnavailableError,
            "overloaded",
        ),
        (
            (chunk("One"), b"event: error\n" + event({"message": "m"})),
            ProviderUnavailableError,
            "server",
        ),
        ((chunk("One"), HANG), ProviderTimeoutError, "read_timeout"),
        ((HANG,), ProviderTimeoutError, "read_timeout"),
    ],
)
async def test_a_stream_that_breaks_is_no_answer(
    parts: tuple[bytes, ...], error: type[ProviderError], kind: str
) -> None:
    """What came before is told, then what went wrong, and that it may cost money."""
    async with asked(streamed(*parts), idle_timeout=0.3) as (mistral, _):
        with pytest.raises(error) as raised:
            await streaming(mistral, asking())

    assert (raised.value.kind, raised.value.charged) == (kind, True)


@pytest.mark.parametrize(
    ("reply", "is_stream"),
    [(streamed(chunk("One"), CUT), True), (Reply(parts=(b"{", CUT)), False)],
)
async def test_a_connection_that_is_cut_is_no_end(reply: Reply, is_stream: bool) -> None:  # noqa: FBT001
    """A body that stops in its middle is no whole one, and may cost money."""
    async with asked(reply) as (mistral, _):
        with pytest.raises(ProviderUnavailableError) as raised:
            await told(mistral, is_stream=is_stream)

    assert (raised.value.kind, raised.value.charged) == ("connection", True)


@pytest.mark.parametrize("end", [(), (DONE,)])
async def test_a_stream_that_just_ends_is_incomplete(end: tuple[bytes, ...]) -> None:
    """An answer without a reason is told as such, with what it may have cost."""
    async with asked(streamed(chunk("One"), *end)) as (mistral, _):
        texts, answer = await streaming(mistral, asking())

    assert (texts, answer.finish_reason) == (["One"], FinishReason.UNKNOWN)
    assert (answer.is_estimated, answer.usage.output_tokens) == (True, 1)


@pytest.mark.parametrize(
    ("reply", "is_stream"),
    [
        (streamed(*[b": ping\n\n"] * 400, pause=0.05), True),
        (Reply(parts=(b" ",) * 400, pause=0.05), False),
    ],
)
async def test_a_drip_ends_with_the_time_for_the_whole_call(reply: Reply, is_stream: bool) -> None:  # noqa: FBT001
    """Bytes that come now and then do not keep a call alive beyond its time."""
    async with asked(reply, timeout=2.5) as (mistral, _):
        start = time.monotonic()
        with pytest.raises(ProviderTimeoutError) as raised:
            await told(mistral, is_stream=is_stream)
        took = time.monotonic() - start

    assert raised.value.kind == "deadline"
    assert took < 5


@pytest.mark.parametrize("is_stream", [False, True])
async def test_cancelling_closes_the_connection(is_stream: bool) -> None:  # noqa: FBT001
    """A call that nobody waits for any more goes on at no server."""
    hanging = streamed(chunk("One"), HANG) if is_stream else Reply(parts=(b"{", HANG))
    async with asked(hanging) as (mistral, server):
        task = asyncio.create_task(told(mistral, is_stream=is_stream))
        await server.was_asked.wait()
        await asyncio.sleep(0.05)
        start = time.monotonic()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        took = time.monotonic() - start
        await asyncio.wait_for(server.gone.wait(), 5)

    assert took < 0.1


async def test_a_server_that_is_not_there_is_told() -> None:
    """No connection is an error of its own, that costs nothing."""
    async with asked(answered()) as (mistral, server):
        await server.stop()
        with pytest.raises(ProviderUnavailableError) as raised:
            await mistral.complete(asking())

    assert (raised.value.kind, raised.value.charged) == ("connection_refused", False)


def exceptions_of_the_sdk() -> list[type[Exception]]:
    """List each class that the SDK can raise."""
    modules = ("client.errors", "extra.exceptions", "client._hooks.service_account_auth")
    found: set[type[Exception]] = set()
    for name in modules:
        module = importlib.import_module(f"mistralai.{name}")
        names = {*dir(module), *getattr(module, "__all__", ())}
        named = [getattr(module, each) for each in names if not each.startswith("_")]
        found |= {one for one in named if inspect.isclass(one) and issubclass(one, Exception)}
    return sorted(found, key=lambda one: one.__name__)


@pytest.mark.parametrize("kind", exceptions_of_the_sdk(), ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("status", [200, 429])
def test_every_exception_of_the_sdk_is_one_of_ours(kind: type[Exception], status: int) -> None:
    """No class of the SDK leaves the provider as it is, whatever a new version adds."""
    error = kind.__new__(kind)
    if hasattr(kind, "__dataclass_fields__") and "raw_response" in kind.__dataclass_fields__:
        response = httpx2.Response(status, headers={"retry-after": "3"}, text="{}")
        for name, value in (("raw_response", response), ("body", "{}"), ("message", "m")):
            object.__setattr__(error, name, value)

    ours: Any = from_sdk(error, CALLED, begun=False)

    assert isinstance(ours, ProviderError)
    if hasattr(error, "raw_response"):
        assert isinstance(ours, InvalidResponseError if status == 200 else RateLimitError)
        assert ours.retry_after == (None if status == 200 else 3)


def test_the_list_of_exceptions_is_the_whole_one() -> None:
    """The classes that a call is known to raise are among those that were looked at."""
    names = {kind.__name__ for kind in exceptions_of_the_sdk()}

    assert names >= {"SDKError", "HTTPValidationError", "ResponseValidationError", "MistralError"}
    assert names >= {"NoResponseError", "ServiceAccountTokenError", "MistralClientException"}
    assert from_sdk(ValueError("of somebody else"), CALLED, begun=False) is None
