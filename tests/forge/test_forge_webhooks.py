"""Deliveries of the forge: how they are signed, sent, listed and sent again."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import threading
import time
from collections.abc import Iterator
from typing import Self
from urllib.parse import parse_qs

import pytest
from aiohttp import web
from forge_asking import ask

from codeflow_engine.testing.forge import FakeForge
from codeflow_engine.testing.forge.webhooks import Hook, sign

SECRET = "It's a Secret to Everybody"  # noqa: S105 - that of the documentation
PAYLOAD = {"action": "opened", "title": "caf\u00e9 \u202e </script>", "number": 1}


class Receiver:
    """A server that takes deliveries, and answers with the status of a test."""

    def __init__(self) -> None:
        self.status = 202
        self.taken: list[tuple[dict[str, str], bytes]] = []
        self.url = ""
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=(self._run(),))

    async def _take(self, request: web.Request) -> web.Response:
        body = await request.read()
        self.taken.append(({name.lower(): value for name, value in request.headers.items()}, body))
        return web.Response(status=self.status, text="taken")

    async def _run(self) -> None:
        self._stop = asyncio.Event()
        app = web.Application()
        app.router.add_post("/hook", self._take)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
        self._ready.set()
        await self._stop.wait()
        await runner.cleanup()

    def __enter__(self) -> Self:
        self._thread.start()
        self._ready.wait(90)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(90)
        self._loop.close()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """Start a server that takes deliveries."""
    with Receiver() as started:
        yield started


def test_g1_the_official_vector_is_signed_alike() -> None:
    """The example of GitHub's documentation has the signature that is printed there."""
    assert sign("It's a Secret to Everybody", b"Hello, World!") == (
        "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
    )


@pytest.mark.parametrize("form", [False, True])
def test_g1_a_delivery_is_signed_over_its_bytes(
    forge: FakeForge, receiver: Receiver, *, form: bool
) -> None:
    """What arrives, as JSON or as a form, has the signature of just these bytes."""
    hook = forge.webhooks.add(receiver.url, secret=SECRET, form=form)

    forge.webhooks.send(hook, "pull_request", PAYLOAD)
    headers, body = receiver.taken[0]
    expected = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    text = parse_qs(body.decode())["payload"][0] if form else body.decode()

    assert headers["x-hub-signature-256"] == f"sha256={expected}"
    assert headers["x-github-event"] == "pull_request"
    assert json.loads(text) == PAYLOAD
    assert ("form" in headers["content-type"]) is form


def test_g2_without_a_secret_nothing_is_signed(forge: FakeForge, receiver: Receiver) -> None:
    """A hook that has no secret sends no signature."""
    forge.webhooks.send(forge.webhooks.add(receiver.url, secret=""), "ping", {})

    assert not [name for name in receiver.taken[0][0] if "signature" in name]


@pytest.fixture
def hook(forge: FakeForge, receiver: Receiver) -> Hook:
    """Send the events of a repository to the receiver."""
    forge.repository("acme/shop")
    return forge.webhooks.add(receiver.url, secret=SECRET)


def test_g5_a_failed_delivery_is_listed_and_not_sent_again(
    forge: FakeForge, receiver: Receiver, hook: Hook
) -> None:
    """A status that is no success stays in the log, and nothing else happens."""
    receiver.status = 500
    made = forge.webhooks.send(hook, "pull_request", PAYLOAD)
    token, path = forge.token("acme"), f"/repos/acme/shop/hooks/{hook.id}/deliveries"

    listed = ask(forge, "GET", path, token=token).json
    whole = ask(forge, "GET", f"{path}/{made.id}", token=token).json

    assert [(one["status_code"], one["redelivery"]) for one in listed] == [(500, False)]
    assert (whole["request"]["payload"], whole["response"]["payload"]) == (PAYLOAD, "taken")
    assert len(receiver.taken) == 1
    assert ask(forge, "GET", path, token=forge.token("stranger")).status == 403


def test_g6_a_redelivery_has_the_same_guid_and_bytes(
    forge: FakeForge, receiver: Receiver, hook: Hook
) -> None:
    """What is sent again cannot be told from the first but by the log of the forge."""
    made = forge.webhooks.send(hook, "pull_request", PAYLOAD)
    path = f"/repos/acme/shop/hooks/{hook.id}/deliveries"

    told = ask(forge, "POST", f"{path}/{made.id}/attempts", token=forge.token("acme"))
    until = time.monotonic() + 10
    while len(forge.webhooks.log) < 2 or not forge.webhooks.log[1].status:
        assert time.monotonic() < until
        time.sleep(0.01)
    first, second = receiver.taken
    listed = ask(forge, "GET", path, token=forge.token("acme")).json

    assert told.status == 202
    assert first[1] == second[1]
    assert first[0]["x-github-delivery"] == second[0]["x-github-delivery"] == made.guid
    assert [one["redelivery"] for one in listed] == [True, False]
    assert len({one["id"] for one in listed}) == 2


def test_g7_a_hook_gets_the_events_it_wants(forge: FakeForge, receiver: Receiver) -> None:
    """An event goes to each hook that asked for it, under one GUID."""
    for events in (("push",), ("pull_request",), ("*",)):
        forge.webhooks.add(receiver.url, secret=SECRET, events=events)

    forge.webhooks.publish("pull_request", PAYLOAD)
    first = {headers["x-github-delivery"] for headers, _ in receiver.taken}
    number = len(receiver.taken)
    forge.webhooks.publish("ping", {})

    assert (len(first), number, len(receiver.taken)) == (1, 2, 5)


def test_g4_nobody_there_is_a_failed_delivery(forge: FakeForge) -> None:
    """A connection that is refused is told in the log."""
    made = forge.webhooks.send(forge.webhooks.add("http://127.0.0.1:9/", secret=SECRET), "ping", {})

    assert (made.status_code, made.status) == (0, "failed to connect to host")
