"""What goes wrong with Mistral, in the errors of our tree."""

from __future__ import annotations

import importlib
import inspect
from typing import Any

import httpx2
import pytest
from mistral_calls import (
    asked,
    asking,
    chunk,
    event,
    streaming,
    told,
)

from codeflow_engine.errors import (
    AuthenticationError,
    ContextOverflowError,
    InvalidResponseError,
    ModelUnavailableError,
    ProviderError,
    ProviderUnavailableError,
    RateLimitError,
)
from codeflow_engine.providers.llm.calls.faults import Called
from codeflow_engine.providers.llm.mistral.failing import from_sdk
from fault_server import Reply
from model_replies import in_json, streamed

CALLED = Called(provider="mistral_ai", model="small", key_name="MISTRAL_API_KEY")


def refusing(message: str, kind: str, code: str, status: int = 400) -> Reply:
    """Make the reply of an error, in Mistral's own form."""
    words = {"message": message, "type": kind, "param": None, "code": code}
    return in_json({"object": "error", **words}, status)


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
        (
            Reply(status=502, body=b"<html>", headers=(("content-type", "text/html"),)),
            ProviderUnavailableError,
            "502",
        ),
        (
            Reply(status=422, body=b'{"detail":[{"loc":["a"],"msg":"m","type":"t"}]}'),
            ProviderError,
            "422",
        ),
        (Reply(status=422, body=b'{"detail":"of another form"}'), ProviderError, "422"),
        (
            Reply(status=307, headers=(("location", "http://127.0.0.2/"),)),
            ProviderError,
            "redirect",
        ),
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

    assert len(server.requests) == 1
    assert "key-of-settings" not in str(raised.value)
    assert raised.value.__suppress_context__


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
    ],
)
async def test_a_stream_that_breaks_is_no_answer(
    parts: tuple[bytes, ...], error: type[ProviderError], kind: str
) -> None:
    """What came before is told, then what went wrong, and that it may cost money."""
    async with asked(streamed(*parts)) as (mistral, _):
        with pytest.raises(error) as raised:
            await streaming(mistral, asking())

    assert (raised.value.kind, raised.value.charged) == (kind, True)


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
