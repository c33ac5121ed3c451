"""The clients through which Mistral is asked: the host's, and ours."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import aclosing
from typing import Any

import httpx2
import pytest
from mistral_calls import (
    DONE,
    answered,
    asked,
    asking,
    chunk,
    provider,
    streaming,
    told,
)
from mistralai.client import Mistral as Client
from mistralai.client.utils import BackoffStrategy, RetryConfig
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from codeflow_engine.errors import (
    ConfigurationError,
    InvalidResponseError,
    ProviderError,
    ProviderUnavailableError,
)
from codeflow_engine.plugins.builtin import codeflow_register
from codeflow_engine.plugins.registry import Kind, PluginRegistry
from codeflow_engine.providers.llm.mistral import Mistral, MistralSettings
from fault_server import Ending, FaultServer, Reply
from model_replies import streamed

PATIENT = RetryConfig("backoff", BackoffStrategy(10, 50, 1.5, 3000), retry_connection_errors=True)
BUSY = Reply(status=503, body=b"{}")


def seen(client: Client, http: httpx2.AsyncClient) -> list[Any]:
    """Show what a host could notice of its client."""
    return [
        {**vars(client)},
        {**vars(client.sdk_configuration)},
        {name: value for name, value in vars(http).items() if name != "_state"},
        http.send,
        http.is_closed,
    ]


@pytest.fixture
def variables(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """Take every variable away that could tell a key, a proxy, or how to be traced."""
    for name in list(os.environ):
        if name.startswith("MISTRAL_") or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    return monkeypatch


async def test_the_client_of_the_host_is_used_as_it_is(variables: pytest.MonkeyPatch) -> None:
    """Its key, its place and its connections are used, and it is left as it was."""
    async with (
        FaultServer([answered(), streamed(chunk("One", "stop"), DONE), BUSY]) as server,
        httpx2.AsyncClient(follow_redirects=True, headers={"x-host": "acme"}) as http,
    ):
        client = Client(
            api_key="key-of-host",
            server_url=server.url,
            async_client=http,
            retry_config=PATIENT,
            timeout_ms=7000,
        )
        before = seen(client, http)
        mistral = Mistral("mistral-small-latest", client=client)
        mistral.check()

        await told(mistral, is_stream=False)
        await told(mistral, is_stream=True)
        with pytest.raises(ProviderUnavailableError):
            await told(mistral, is_stream=False)
        await mistral.aclose()

        assert seen(client, http) == before
        assert (mistral.secrets, mistral.endpoint) == (("key-of-host",), server.url)

    assert len(server.requests) == 3, "the host's retries were used"
    assert {each.headers["authorization"] for each in server.requests} == {"Bearer key-of-host"}
    assert {each.headers["x-host"] for each in server.requests} == {"acme"}
    assert server.connections == 1


async def test_what_the_host_changes_holds_from_the_next_call_on() -> None:
    """A host that gives its client another key or HTTP client need not make a new provider."""
    keys = ["first-key"]
    async with (
        FaultServer([answered()]) as server,
        httpx2.AsyncClient() as http,
        httpx2.AsyncClient(headers={"x-host": "second"}) as second,
    ):
        client = Client(api_key=lambda: keys[-1], server_url=server.url, async_client=http)
        mistral = Mistral("mistral-small-latest", client=client)
        await mistral.complete(asking())
        keys.append("second-key")
        client.sdk_configuration.async_client = second
        await mistral.complete(asking())
        client.sdk_configuration.async_client = None
        with pytest.raises(ConfigurationError, match="is closed"):
            await mistral.complete(asking())

    assert [each.headers["authorization"][7:] for each in server.requests] == keys
    assert [each.headers.get("x-host") for each in server.requests] == [None, "second"]


@pytest.mark.parametrize("is_stream", [False, True])
@pytest.mark.parametrize("is_host", [False, True])
async def test_no_key_goes_along_with_a_redirect(is_host: bool, is_stream: bool) -> None:  # noqa: FBT001
    """A server that sends us elsewhere is not followed, whatever the client would do."""
    async with (
        FaultServer([answered()]) as other,
        httpx2.AsyncClient(follow_redirects=True) as http,
    ):
        there = Reply(status=307, headers=(("location", f"{other.url}/v1/chat/completions"),))
        async with FaultServer([there]) as server:
            client = Client(api_key="key-of-host", server_url=server.url, async_client=http)
            host = Mistral("mistral-small-latest", client=client)
            async with aclosing(host if is_host else provider(server.url)) as mistral:
                with pytest.raises(ProviderError) as raised:
                    await told(mistral, is_stream=is_stream)

    assert raised.value.kind == "redirect"
    assert (len(server.requests), len(other.requests)) == (1, 0)


async def test_a_key_that_changes_is_used_at_once(variables: pytest.MonkeyPatch) -> None:
    """What gives the key is asked before each call, and the environment only at the beginning."""
    variables.setenv("MISTRAL_API_KEY", "key-of-environment")
    keys = ["first-key"]
    async with FaultServer([answered()]) as server:
        rotating = Mistral("small", base_url=server.url, api_key=lambda: keys[-1])
        environment = Mistral("small", MistralSettings(base_url=f"{server.url}/v1/"))
        given = MistralSettings(base_url="http://127.0.0.2:1", api_key="key-of-settings")
        settings = Mistral("small", given, base_url=server.url)
        variables.setenv("MISTRAL_API_KEY", "later-key")
        async with aclosing(rotating), aclosing(environment), aclosing(settings):
            for each in (rotating, environment, settings):
                await each.complete(asking())
            keys.append("second-key")
            await rotating.complete(asking())

            assert rotating.secrets == ("second-key",)

    sent = [each.headers["authorization"].removeprefix("Bearer ") for each in server.requests]
    assert sent == ["first-key", "key-of-environment", "key-of-settings", "second-key"]
    assert {each.path for each in server.requests} == {"/v1/chat/completions"}


async def test_a_missing_key_names_what_to_set(variables: pytest.MonkeyPatch) -> None:
    """Without a key nothing is asked, and the message names the variable."""
    mistral = Mistral("mistral-small-latest")

    with pytest.raises(ConfigurationError, match="MISTRAL_API_KEY"):
        mistral.check()
    with pytest.raises(ConfigurationError, match="MISTRAL_API_KEY"):
        await mistral.complete(asking())
    assert mistral.endpoint == "https://api.mistral.ai"


async def test_a_server_of_the_hosts_own_may_need_no_key(variables: pytest.MonkeyPatch) -> None:
    """Where a place is named, no key is asked for, and none is looked for by the SDK."""
    async with FaultServer([answered()]) as server:
        async with aclosing(Mistral("local", base_url=server.url)) as mistral:
            variables.setenv("MISTRAL_API_KEY", "later-key")
            await mistral.complete(asking())
        headers = MistralSettings(base_url=server.url, headers={"authorization": "Basic abcdefgh"})
        async with aclosing(Mistral("local", headers)) as mistral:
            await mistral.complete(asking())

    assert [each.headers.get("authorization") for each in server.requests] == [
        None,
        "Basic abcdefgh",
    ]


@pytest.mark.parametrize(
    ("client", "more", "message"),
    [
        (httpx2.Client, {}, "httpx2"),
        (Client, {"api_key": "another-key"}, "brings its key"),
        (Client, {"base_url": "http://127.0.0.1"}, "brings its key"),
        (lambda: None, {"base_url": "no url"}, "has to be a URL"),
    ],
)
def test_what_cannot_be_used_together_is_refused(
    client: Any, more: dict[str, Any], message: str
) -> None:
    """A client of something else, or one with a second key or place, is a mistake."""
    with pytest.raises(ConfigurationError, match=message):
        Mistral("mistral-small-latest", client=client(), **more)


async def test_models_are_listed() -> None:
    """The ids of what is on offer are told, also those of cards that the SDK refuses."""
    cards = b'{"data":[{"id":"b","object":"model"},{"id":"a","capabilities":1},{"id":3},{}]}'
    async with asked(Reply(body=cards), Reply(body=b"{}")) as (mistral, server):
        assert await mistral.list_models() == ("a", "b")
        with pytest.raises(InvalidResponseError, match="no list of models"):
            await mistral.list_models()

    assert (server.requests[0].method, server.requests[0].path) == ("GET", "/v1/models")


class SlowHook:
    """A hook of the host's that takes its time with each response."""

    def __init__(self) -> None:
        self.begun = threading.Event()

    def after_success(self, _: Any, response: Any) -> Any:
        """Wait before the response is given back."""
        self.begun.set()
        time.sleep(0.3)
        return response


async def test_a_stream_that_nobody_was_given_is_closed() -> None:
    """A call that is cancelled between its headers and its stream leaves no connection open."""
    hook = SlowHook()
    async with (
        FaultServer([streamed(chunk("One"), ending=Ending.STALL)]) as server,
        httpx2.AsyncClient() as http,
    ):
        client = Client(api_key="key-of-host", server_url=server.url, async_client=http)
        vars(client.sdk_configuration)["_hooks"].register_after_success_hook(hook)
        task = asyncio.create_task(streaming(Mistral("small", client=client), asking()))
        await asyncio.to_thread(hook.begun.wait, 10)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

        await asyncio.wait_for(server.requests[0].left.wait(), 5)


async def test_prompts_are_told_to_no_tracer(variables: pytest.MonkeyPatch) -> None:
    """The SDK's own telemetry, which holds prompts, stays off where a variable turns it on."""
    exported = InMemorySpanExporter()
    tracers = TracerProvider()
    tracers.add_span_processor(SimpleSpanProcessor(exported))
    variables.setattr(trace, "get_tracer_provider", lambda: tracers)
    variables.setenv("MISTRAL_SDK_TELEMETRY", "global")
    async with FaultServer([answered()]) as server, httpx2.AsyncClient() as http:
        async with aclosing(provider(server.url)) as mistral:
            await mistral.complete(asking())
        ours = exported.get_finished_spans()
        client = Client(api_key="key-of-host", server_url=server.url, async_client=http)
        await Mistral("small", client=client).complete(asking())
        pieces = streamed(chunk("One", "stop"), DONE)
        server.tell(pieces)
        await streaming(Mistral("small", client=client), asking())

    assert ours == ()
    assert "send" not in {*vars(http), *vars(client.sdk_configuration.client)}
    assert len(exported.get_finished_spans()) == 2, "a host that traces its client goes on to"


async def test_the_loop_goes_on_while_the_sdk_is_loaded() -> None:
    """The first call of a process takes its second in a thread, and the loop goes on beside it."""
    script = """
import asyncio, sys, time
from codeflow_engine.domain.chat import ChatRequest, Message, Role
from codeflow_engine.errors import ProviderError
from codeflow_engine.providers.llm.mistral import Mistral
mistral = Mistral("small", api_key="key-of-test", base_url="http://127.0.0.1:1")
assert not {"mistralai", "httpx2", "pydantic"} & set(sys.modules)
question = ChatRequest(messages=(Message(role=Role.USER, text="?"),), max_output_tokens=9)
async def watch():
    longest, last = 0.0, time.thread_time()  # that of the loop: a busy machine takes none of it
    while True:
        await asyncio.sleep(0.001)
        now = time.thread_time()
        longest, last = max(longest, now - last), now
        stalls[0] = longest
stalls = [0.0]
async def main():
    watching = asyncio.create_task(watch())
    await asyncio.sleep(0.01)
    start = time.process_time()
    try:
        await mistral.complete(question)
    except ProviderError as error:
        print(error.kind, stalls[0], time.process_time() - start)
    watching.cancel()
    await mistral.aclose()
asyncio.run(main())
"""
    path = os.pathsep.join(sys.path)
    ended = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": path},
    )

    kind, stall, took = ended.stdout.split()
    assert kind == "connection_refused"
    assert float(stall) < float(took) / 3, ended.stdout


def test_mistral_is_registered_with_what_to_install() -> None:
    """Whoever asks for it without its SDK is told the extra."""
    registry = PluginRegistry("shipped")

    codeflow_register(registry)

    [offer] = [each for each in registry.offers if (each.kind, each.name) == (Kind.LLM, "mistral")]
    assert offer.requires == "codeflow-engine[mistral]"
