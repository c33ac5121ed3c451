"""What each wire's errors become: one error of our tree, after one request."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from wire_asking import WAY, ask, failure, hear, refusing_with

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
from fault_server import Ending, FaultServer, Reply
from model_replies import JSON
from stopwatch import stopwatch
from wires import KEY, PROMPT, REQUEST, Told, Wire

HTML = b"<!DOCTYPE html><html><title>502 Bad Gateway</title><body>cloudflare</body></html>" * 99
SIZE = sum(len(message.text) for message in REQUEST.messages)

STATUSES: dict[int, tuple[type[ProviderError], bool]] = {
    400: (ProviderError, False),
    401: (AuthenticationError, False),
    403: (AuthenticationError, False),
    404: (ModelUnavailableError, False),
    405: (ProviderError, False),
    408: (ProviderTimeoutError, True),
    409: (ProviderUnavailableError, True),
    418: (ProviderError, False),
    422: (ProviderError, False),
    500: (ProviderUnavailableError, True),
    503: (ProviderUnavailableError, True),
    529: (ProviderUnavailableError, True),
}
"""What each status is, and whether it may pass."""

HEADERS = {
    "seconds": ({"retry-after": "90"}, 90.0),
    "fraction": ({"retry-after": "0.5"}, 0.5),
    "milliseconds": ({"retry-after-ms": "250"}, 0.25),
    "both": ({"retry-after": "9", "retry-after-ms": "250"}, 0.25),
    "a day": ({"retry-after": "86400"}, 86400.0),
    "negative": ({"retry-after": "-5"}, None),
    "garbage": ({"retry-after": "soon"}, None),
    "no number": ({"retry-after": "nan"}, None),
    "a century": ({"retry-after": "3153600000"}, None),
    "nothing": ({}, None),
}


async def refusals(wire: Wire, *replies: Reply, way: str = "whole") -> list[ProviderError]:
    """Ask a wire's server for each reply, and give what our provider makes of it.

    Each of them takes one request, and no other.
    """
    async with FaultServer(replies) as server, wire.connect(server.url) as provider:
        errors = []
        for number in range(1, len(replies) + 1):
            errors.append(await failure(provider, way))
            assert [each.path for each in server.requests] == [wire.path] * number
    return errors


async def refused(
    wire: Wire, told: Told, *headers: tuple[str, str], way: str = "whole"
) -> ProviderError:
    """Let a wire's server refuse once, and give what our provider makes of it."""
    (error,) = await refusals(wire, refusing_with(told, *headers), way=way)
    return error


@WAY
async def test_l1_a_rate_limit_is_told_with_its_wait_after_one_request(
    wire: Wire, way: str
) -> None:
    """A 429 is a `RateLimitError` with the server's wait, and no SDK asks again."""
    error = await refused(wire, wire.status(429), ("retry-after", "1"), way=way)

    assert isinstance(error, RateLimitError)
    assert (error.retry_after, error.retryable, error.charged) == (1.0, True, False)


async def test_l2_each_form_of_a_wait_is_read_or_passed_over(wire: Wire) -> None:
    """A wait is told in seconds however it was written, never slept, and nonsense is none."""
    told = wire.status(429)
    async with stopwatch() as watch:
        errors = await refusals(
            wire, *(refusing_with(told, *headers.items()) for headers, _ in HEADERS.values())
        )

    read = {form: error.retry_after for form, error in zip(HEADERS, errors, strict=True)}
    assert read == {form: wait for form, (_, wait) in HEADERS.items()}
    assert {type(error) for error in errors} == {RateLimitError}
    assert watch.seconds < 5


@pytest.mark.parametrize(("ahead", "wait"), [(30, 30.0), (-30, None)])
async def test_l2_a_date_is_a_wait_from_now(wire: Wire, ahead: int, wait: float | None) -> None:
    """A date ahead is the seconds until it, and one that is past is no wait."""
    moment = datetime.now(UTC) + timedelta(seconds=ahead)
    told = format_datetime(moment, usegmt=True)
    error = await refused(wire, wire.status(429), ("retry-after", told))

    assert error.retry_after == (wait if wait is None else pytest.approx(wait, abs=5))


async def test_l4_an_account_without_money_is_not_asked_again(wire: Wire) -> None:
    """Each form of an exhausted quota is a `QuotaExhaustedError`, which no retry helps."""
    for error in await refusals(wire, *map(refusing_with, wire.quota)):
        assert isinstance(error, QuotaExhaustedError), error
        assert not error.retryable


async def test_l6_a_page_of_html_is_an_outage(wire: Wire) -> None:
    """A gateway's page with a 5xx may pass by itself, and is not shown."""
    statuses = (500, 502, 503, 504, 520, 529)
    page = (("content-type", "text/html"),)
    pages = [Reply(status=status, headers=page, body=HTML) for status in statuses]
    for status, error in zip(statuses, await refusals(wire, *pages), strict=True):
        assert isinstance(error, ProviderUnavailableError), error
        assert error.retryable
        assert str(status) in str(error)
        assert "<" not in str(error)


@WAY
async def test_l6_a_page_of_html_is_no_answer(wire: Wire, way: str) -> None:
    """A page with status 200, as a portal gives, is never an answer of a model."""
    reply = Reply(headers=(("content-type", "text/html"),), body=HTML)
    async with FaultServer(reply) as server, wire.connect(server.url) as provider:
        if way == "whole":
            error = await failure(provider, way)
            assert isinstance(error, InvalidResponseError)
        else:
            heard = await hear(provider)
            assert not heard.is_complete
            assert "".join(heard.pieces) == ""


@WAY
async def test_l7_each_status_is_retryable_or_not(wire: Wire, way: str) -> None:
    """408, 409 and 5xx may pass, the other 4xx will not, and each is asked once."""
    replies = [refusing_with(wire.status(status)) for status in STATUSES]
    errors = await refusals(wire, *replies, way=way)
    for (status, (kind, retryable)), error in zip(STATUSES.items(), errors, strict=True):
        assert isinstance(error, kind), error
        assert error.retryable is retryable, error
        assert str(status) in str(error)


async def test_l7_a_wrong_key_is_named_and_not_shown(wire: Wire) -> None:
    """The error names the variable that holds the key, though the server quotes the key."""
    told = [wire.status(status, f"Incorrect API key provided: {KEY}") for status in (401, 403)]
    for error in await refusals(wire, *map(refusing_with, told)):
        assert isinstance(error, AuthenticationError), error
        assert wire.key_variable in str(error)


async def test_l7_a_servers_quote_of_the_prompt_is_not_shown(wire: Wire) -> None:
    """What a server repeats of the prompt stands in no message, whatever the status."""
    quote = f"Cannot process '{PROMPT}' for {KEY}"
    told = [wire.status(status, quote) for status in (400, 403, 404, 413, 422, 429, 500, 529)]
    errors = await refusals(wire, *map(refusing_with, told))

    assert not [error for error in errors if "vault" in str(error) or "51c8" in str(error)]


async def test_l7_an_error_without_a_known_form_goes_by_its_status(wire: Wire) -> None:
    """An error's body may be anything: the status alone says then what it is."""
    bodies = (b"", b"null", b"[]", b'"no"', b'{"error": "no"}', b'{"error": [7]}', b"{\xff")
    told = [(status, body) for status in (400, 429, 500) for body in bodies]
    errors = await refusals(wire, *map(refusing_with, told))
    for (status, body), error in zip(told, errors, strict=True):
        assert error.retryable is (status != 400), (body, error)


async def test_l8_a_model_that_is_not_there_is_told_as_such(wire: Wire) -> None:
    """Each form of a model that is unknown or gone is a `ModelUnavailableError`."""
    for error in await refusals(wire, *map(refusing_with, wire.no_model)):
        assert isinstance(error, ModelUnavailableError), error
        assert wire.model in str(error)
        assert not error.retryable


async def test_l9_a_prompt_that_is_too_long_is_told_with_its_size(wire: Wire) -> None:
    """Each form of an overflow is a `ContextOverflowError` that says how large the prompt is."""
    for error in await refusals(wire, *map(refusing_with, wire.overflow)):
        assert isinstance(error, ContextOverflowError), error
        assert f"{SIZE:,}" in str(error) or "210000" in str(error)
        assert not error.retryable


@pytest.mark.parametrize("code", ["json_validate_failed", "tool_use_failed"])
async def test_l14_an_answer_that_groq_could_not_form_is_charged(wire: Wire, code: str) -> None:
    """A form that the model did not keep to may be mended in another turn."""
    if wire.name != "groq":
        pytest.skip("a word of Groq's")
    error = await refused(wire, wire.told(400, kind="invalid_request_error", code=code))

    assert isinstance(error, InvalidResponseError)
    assert (error.kind, error.charged) == ("invalid_json", True)


@pytest.mark.parametrize("reset", ["2001-01-01T00:00:00Z", "1500000000", "1767225600"])
async def test_l31_a_reset_that_is_past_is_no_wait(wire: Wire, reset: str) -> None:
    """A moment before now, as a clock that is wrong gives it, is 0 seconds away."""
    prefix, infix = ("x-ratelimit-", "-tokens")
    names = (f"{prefix}remaining{infix}", f"{prefix}reset{infix}")
    if wire.name == "messages":
        names = ("anthropic-ratelimit-tokens-remaining", "anthropic-ratelimit-tokens-reset")
    headers = (*JSON, (names[0], "12"), (names[1], reset))
    async with (
        FaultServer(Reply(headers=headers, body=wire.answer())) as server,
        wire.connect(server.url) as provider,
    ):
        answer = await ask(provider)

    assert answer.room is not None
    assert answer.room.tokens == 12
    assert answer.room.tokens_reset == 0


@WAY
async def test_l32_one_call_is_one_request(wire: Wire, way: str) -> None:
    """However much a server asks for it, what fails is not sent again."""
    again = ("x-should-retry", "true")
    replies = [
        *(refusing_with(wire.status(status), again) for status in (408, 409, 429, 500, 503, 529)),
        Reply(head=b""),
        Reply(head=b"HTTP/1.1 20"),
        Reply(headers=JSON, body=b"{", ending=Ending.RESET),
    ]
    errors = await refusals(wire, *replies, way=way)

    assert [error for error in errors if not error.retryable] == []
