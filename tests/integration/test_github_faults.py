"""Calls of GitHub on wires that fail: typed, soon, and with nothing left behind."""

# ruff: noqa: SIM117 - a server and then a client of it read better in two lines
from __future__ import annotations

import asyncio
import json
import logging
import threading

import pytest

from codeflow_engine.errors import (
    AuthenticationError,
    ChangeUnavailableError,
    CodeflowError,
    ConfigurationError,
    InvalidResponseError,
    ProviderError,
    ProviderTimeoutError,
    ProviderUnavailableError,
)
from codeflow_engine.providers.vcs.github.auth import TokenCredentials
from codeflow_engine.providers.vcs.github.errors import TOO_LARGE
from fault_server import Ending, FaultServer, Reply
from github_wires import TOKEN, answer, client_at, refusal, refused
from loop_holds import watching_loop
from stopwatch import stopwatch

MIB = 1024 * 1024


async def test_what_is_larger_than_may_be_is_not_read_to_its_end() -> None:
    """Neither a stream nor JSON fills the memory; an end that was enough is no error."""
    endless = Reply(body=(b"[" + b"1," * MIB,) * 64, chunked=True)
    async with FaultServer(endless) as server, client_at(server, max_answer_bytes=MIB) as client:
        errors = [
            await refused(client.raw("/a", accept="*/*", limit=MIB)),
            await refused(client.request("GET", "/a")),
        ]
        part = await client.raw("/a", accept="*/*", limit=MIB, enough=1000)

    assert [getattr(error, "kind", None) for error in errors] == [TOO_LARGE, TOO_LARGE]
    assert 1000 <= len(part) < MIB


@pytest.mark.parametrize(
    ("reply", "meant"),
    [
        (Reply(body=b"{"), InvalidResponseError),
        (Reply(body=b"\xff\xfe"), InvalidResponseError),
        (Reply(body=b"[" * 100_000), InvalidResponseError),
        (Reply(body=b"x", ending=Ending.CUT), ProviderUnavailableError),
        (Reply(body=b"x", ending=Ending.RESET), ProviderUnavailableError),
        (Reply(head=b"", ending=Ending.CUT), ProviderUnavailableError),
        (Reply(head=b"what\r\n\r\n", ending=Ending.CUT), ProviderUnavailableError),
        (Reply(status=502, body=b"<html>"), ProviderUnavailableError),
        (Reply(status=202, body=b"{}"), ProviderUnavailableError),
        (Reply(body=b"x", ending=Ending.STALL), ProviderTimeoutError),
        (Reply(body=b"{}", after=5.0), ProviderTimeoutError),
        (Reply(body=(b" ",) * 400, every=0.02), ProviderTimeoutError),
    ],
    ids=str.split("cut-json bytes deep cut reset silent no-http html accepted stall late drip"),
)
async def test_every_failure_of_a_wire_is_typed(reply: Reply, meant: type[CodeflowError]) -> None:
    """And comes soon; no exception of a transport gets out."""
    async with FaultServer(reply) as server, client_at(server, timeout=0.5) as client:
        async with stopwatch() as watch:
            error = await refused(client.request("GET", "/a"))

    assert type(error) is meant, repr(error)
    assert watch.seconds < 3


@pytest.mark.parametrize(
    ("reply", "meant"),
    [
        (Reply(body=b"x", ending=Ending.CUT), ProviderUnavailableError),
        (Reply(body=b"x", ending=Ending.STALL), ProviderTimeoutError),
        (Reply(status=500), ProviderUnavailableError),
        (Reply(status=404, body=b"{}"), ChangeUnavailableError),
        (Reply(status=406, body=b"{}"), ProviderError),
    ],
    ids=["cut", "stall", "status", "absent", "too-large"],
)
async def test_every_failure_of_a_stream_is_typed(reply: Reply, meant: type[CodeflowError]) -> None:
    """A stream that ends early is never taken for a whole one."""
    async with FaultServer(reply) as server, client_at(server, timeout=0.5) as client:
        error = await refused(client.raw("/a", accept="*/*", limit=MIB))

    assert type(error) is meant, repr(error)


async def test_nothing_listens() -> None:
    """It is an error that may pass by itself."""
    async with FaultServer(answer({})) as server:
        pass
    async with client_at(server) as client:
        errors = [
            await refused(client.request("GET", "/a")),
            await refused(client.raw("/a", accept="*/*", limit=MIB)),
        ]

    assert {type(error) for error in errors} == {ProviderUnavailableError}


async def test_a_call_that_is_cancelled_ends_at_once() -> None:
    """And one that had not been sent yet is never sent."""
    async with FaultServer(Reply(body=b"{}", after=3)) as server:
        async with client_at(server, concurrency=1) as client:
            first = asyncio.create_task(client.request("GET", "/first"))
            await server.until(lambda: len(server.requests) == 1)
            second = asyncio.create_task(client.request("POST", "/second", body={}))
            await asyncio.sleep(0.05)
            for task in (second, first):
                task.cancel()
            async with stopwatch() as watch:
                ended = await asyncio.gather(first, second, return_exceptions=True)

    assert all(isinstance(one, asyncio.CancelledError) for one in ended)
    assert watch.seconds < 0.5
    assert [each.path for each in server.requests] == ["/api/v3/first"]


@pytest.mark.parametrize("token", ["", "two words", "line\nbreak", "caf\u00e9"])
async def test_a_token_that_cannot_be_is_refused_before_it_is_sent(token: str) -> None:
    """The error names the variable, and not the value."""
    async with FaultServer(answer({})) as server:
        async with client_at(server, TokenCredentials(token)) as client:
            error = await refused(client.request("GET", "/a"))

    assert isinstance(error, ConfigurationError)
    assert "GITHUB_TOKEN" in error.message
    assert not token or token not in error.message
    assert server.requests == []


async def test_a_token_that_is_refused_is_told_without_it() -> None:
    """Neither the error nor its causes hold it."""
    async with FaultServer(refusal(401, f"Bad credentials {TOKEN}")) as server:
        async with client_at(server) as client:
            error = await refused(client.request("GET", "/a"))

    assert isinstance(error, AuthenticationError)
    assert TOKEN not in repr(error)
    assert error.__cause__ is None


async def test_s33_the_log_of_pygithub_shows_no_token(caplog: pytest.LogCaptureFixture) -> None:
    """It logs every request where a host asks for that."""
    caplog.set_level(logging.DEBUG)
    async with FaultServer(answer({"full_name": "a/b"})) as server, client_at(server) as client:
        await client.request("GET", "/a")
        await client.run(lambda github: github.get_repo("a/b").full_name)

    assert "/api/v3/a" in caplog.text
    assert TOKEN not in caplog.text


async def test_a_large_answer_does_not_hold_up_the_loop() -> None:
    """It is read and parsed in a thread, in steps."""
    body = json.dumps([{"path": f"src/file_{n}.py", "patch": "x" * 60} for n in range(120_000)])
    async with FaultServer(Reply(body=body.encode())) as server, client_at(server) as client:
        async with watching_loop() as hold:
            found = await client.request("GET", "/a")

    assert len(found.body) == 120_000
    assert hold.seconds < 0.25


def left(others: set[threading.Thread]) -> list[str]:
    """Name the threads of a backend that are still there, but for others."""
    return [
        one.name
        for one in threading.enumerate()
        if one not in others and one.name.startswith("codeflow-github")
    ]


async def test_closing_ends_the_threads() -> None:
    """Nothing is left behind, and what comes later is refused."""
    others = {*threading.enumerate()}
    async with FaultServer(answer({})) as server:
        async with client_at(server) as client:
            await asyncio.gather(*(client.request("GET", f"/{n}") for n in range(5)))
        error = await refused(client.request("GET", "/a"))
        for _ in range(100):
            if not left(others):
                break
            await asyncio.sleep(0.02)

    assert left(others) == []
    assert isinstance(error, ConfigurationError)
