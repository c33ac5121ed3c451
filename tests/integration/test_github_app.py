"""A GitHub App: its web tokens, and tokens of an installation with no more rights than needed."""

# ruff: noqa: SIM117 - a server and then a client of it read better in two lines

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any

import jwt
import pytest

from codeflow_engine.errors import (
    AuthenticationError,
    ConfigurationError,
    InvalidResponseError,
    ProviderUnavailableError,
)
from codeflow_engine.providers.vcs.github import GitHubApp
from codeflow_engine.providers.vcs.github.auth import READING, WRITING, AppCredentials
from codeflow_engine.providers.vcs.github.client import Author, Client, Memory
from codeflow_engine.providers.vcs.github.sdk import SDK
from codeflow_engine.redaction import Redactor
from fault_server import FaultServer, Received, Reply
from github_wires import answer, line_at, private_key, refusal

OLD = "ghs_16C7e42F292c6912E7710c838347Ae178B4a"
STATELESS = "ghs_42_" + ".".join(("eyJhbGciOiJSUzI1NiJ9", "eyJpc3MiOjQyfQ" * 25, "s1-_" * 40))
EVERYTHING = dict.fromkeys((*READING, *WRITING), "write")


class Server:
    """GitHub's side of an app, with a clock of its own."""

    def __init__(
        self,
        *,
        ahead: float = 0.0,
        life: float = 3600.0,
        granted: Mapping[str, str] | None = None,
        form: str = STATELESS,
        mint: Reply | None = None,
        slow: float = 0.0,
    ) -> None:
        self.ahead = ahead
        self.life = life
        self.granted = EVERYTHING if granted is None else granted
        self.form = form
        self.mint = mint
        self.slow = slow
        self.installation = 7
        self.tokens: list[str] = []
        self.minted: list[Any] = []
        self.claims: list[dict[str, Any]] = []
        self.refuse: set[str] = set()

    @property
    def now(self) -> float:
        return time.time() + self.ahead

    def __call__(self, received: Received) -> Reply:
        reply = self.answer(received)
        date = format_datetime(datetime.fromtimestamp(self.now, UTC), usegmt=True)
        headers = (*reply.headers, ("date", date))
        return Reply(status=reply.status, headers=headers, body=reply.body, after=self.slow)

    def answer(self, received: Received) -> Reply:
        path = received.path.removeprefix("/api/v3")
        if path.startswith("/app") or path.endswith("/installation"):
            return self.check(received.key) or self.as_app(path, received)
        if received.key not in self.tokens or received.key in self.refuse:
            return refusal(401, "Bad credentials")
        return answer({"by": received.key})

    def check(self, token: str) -> Reply | None:
        """Refuse a web token by GitHub's rules for its times."""
        claims = jwt.decode(token, options={"verify_signature": False})
        self.claims.append(claims)
        if claims["iat"] > self.now:
            return refusal(401, "'Issued at' claim ('iat') must be an Integer in the past")
        if claims["exp"] > self.now + 600:
            return refusal(401, "'Expiration time' claim ('exp') is too far in the future")
        if claims["exp"] <= self.now:
            return refusal(401, "'Expiration time' claim ('exp') must be in the future")
        return None

    def as_app(self, path: str, received: Received) -> Reply:
        if path == "/app":
            return answer({"slug": "codeflow-app"})
        if not path.endswith("/access_tokens"):
            return answer({"id": self.installation, "permissions": self.granted})
        if self.mint is not None:
            return self.mint
        if f"/{self.installation}/" not in path:
            return refusal(404, "Not Found")
        self.minted.append(received.json)
        self.tokens.append(f"{self.form}{len(self.tokens)}")
        until = datetime.fromtimestamp(self.now + self.life, UTC)
        told = {"token": self.tokens[-1], "expires_at": until.strftime("%Y-%m-%dT%H:%M:%SZ")}
        return answer(told, 201)


@asynccontextmanager
async def clients(
    script: Callable[[Received], Reply], **app: Any
) -> AsyncIterator[tuple[Callable[[str], Client], AppCredentials, FaultServer]]:
    chosen: dict[str, Any] = {"app_id": 42, "private_key": private_key(), **app}
    async with FaultServer(script) as server:
        async with line_at(server) as line:
            credentials = AppCredentials(GitHubApp(**chosen), line)
            memory = Memory(sdk=SDK(line))
            yield lambda name: Client(line, credentials, name, memory), credentials, server


async def test_g12_the_web_token_is_one_that_github_takes() -> None:
    """RS256, issued a minute ago, and at most ten minutes old at its end."""
    script = Server()
    async with clients(script) as (client, _, server):
        before = int(time.time())
        await client("acme/shop").request("GET", "/a")
        after = int(time.time())

    (claims, *_) = script.claims
    token = server.requests[0].key
    assert jwt.get_unverified_header(token)["alg"] == "RS256"
    assert claims["iss"] == "42"
    assert before - 60 <= claims["iat"] <= after - 60
    assert claims["exp"] - claims["iat"] <= 600


@pytest.mark.parametrize("ahead", [-120.0, -61.0, 0.0, 61.0, 120.0, 7200.0])
async def test_g12_clocks_that_differ_are_no_obstacle(ahead: float) -> None:
    """A web token that is refused for its time is made by the clock of the server, once."""
    script = Server(ahead=ahead)
    async with clients(script) as (client, _, _server):
        told = await client("acme/shop").request("GET", "/a")
        again = await client("acme/shop").request("GET", "/b")

    assert told.body == again.body == {"by": script.tokens[0]}
    assert len(script.claims) <= 3


@pytest.mark.parametrize("form", [OLD, STATELESS])
async def test_g14_tokens_are_opaque(form: str) -> None:
    """Both forms are sent as they came, whatever their length; redaction knows them by form."""
    script = Server(form=form)
    async with clients(script) as (client, _, _server):
        told = await client("acme/shop").request("GET", "/a")

    assert told.body == {"by": f"{form}0"}
    assert len(STATELESS) > 500
    assert form not in Redactor().redact(f"it was {form}0.")


async def test_g13_a_token_is_for_one_repository_and_what_the_call_takes() -> None:
    """Reading gets no right to write; another repository gets another token."""
    script = Server()
    async with clients(script) as (client, _, _server):
        await client("acme/shop").request("GET", "/a")
        await client("acme/shop").request("POST", "/b", body={})
        await client("acme/till").raw("/c", accept="*/*", limit=1000)

    assert script.minted == [
        {"repositories": ["shop"], "permissions": dict(READING)},
        {"repositories": ["shop"], "permissions": dict(WRITING)},
        {"repositories": ["till"], "permissions": dict(READING)},
    ]
    assert "write" not in READING.values()


async def test_g13_no_right_is_asked_for_that_the_app_does_not_have() -> None:
    """GitHub would refuse the whole token."""
    script = Server(granted={"contents": "read", "pull_requests": "write", "metadata": "read"})
    async with clients(script) as (client, _, _server):
        await client("acme/shop").request("POST", "/a", body={})

    (asked,) = script.minted
    assert asked["permissions"] == {"pull_requests": "write", "metadata": "read"}


async def test_g13_many_who_need_a_token_wait_for_one() -> None:
    """One request makes it, however many ask at once."""
    script = Server(slow=0.02)
    async with clients(script) as (client, _, _server):
        shop = client("acme/shop")
        await asyncio.gather(*(shop.request("GET", f"/{n}") for n in range(40)))

    assert len(script.minted) == 1


async def test_g13_many_who_are_cancelled_leave_the_others_their_token() -> None:
    """Whoever waited goes on, though the one that asked is gone."""
    script = Server(slow=0.05)
    async with clients(script) as (client, _, server):
        shop = client("acme/shop")
        first = asyncio.create_task(shop.request("GET", "/first"))
        await server.until(lambda: len(server.requests) == 1)
        others = [asyncio.create_task(shop.request("GET", f"/{n}")) for n in range(3)]
        await asyncio.sleep(0)
        first.cancel()
        told = await asyncio.gather(*others)

    assert {one.body["by"] for one in told} == {script.tokens[-1]}


async def test_g13_a_token_is_replaced_five_minutes_before_its_end() -> None:
    """One that has more left is used on."""
    script = Server()
    async with clients(script) as (client, credentials, _):
        shop = client("acme/shop")
        await shop.request("GET", "/a")
        age(credentials, 3290)
        await shop.request("GET", "/b")
        before = len(script.minted)
        age(credentials, 11)
        await shop.request("GET", "/c")

    assert (before, len(script.minted)) == (1, 2)


async def test_g13_an_app_that_is_installed_anew_goes_on() -> None:
    """The next token is of its new installation, with the rights that this one has."""
    script = Server(granted={"contents": "read", "metadata": "read"})
    async with clients(script) as (client, _, _server):
        shop = client("acme/shop")
        await shop.request("GET", "/a")
        script.refuse.update(script.tokens)
        script.installation, script.granted = 8, EVERYTHING
        told = await shop.request("GET", "/b")

    assert told.body == {"by": script.tokens[1]}
    assert script.minted[1]["permissions"] == dict(READING)


async def test_g13_tokens_that_have_ended_are_not_kept() -> None:
    """A service meets thousands of repositories, each for an hour."""
    async with clients(Server()) as (client, credentials, _):
        for number in range(5):
            await client(f"acme/shop{number}").request("GET", "/a")
        age(credentials, 3600)
        await client("acme/till").request("GET", "/a")

        assert list(credentials._tokens) == [("acme/till", False)]


async def test_g13_a_token_that_was_taken_back_is_replaced_once() -> None:
    """A write is sent again as well: the refused one has done nothing."""
    script = Server()
    async with clients(script) as (client, _, _server):
        shop = client("acme/shop")
        first = await shop.request("POST", "/a", body={})
        script.refuse.add(script.tokens[0])
        then = await shop.request("POST", "/b", body={})
        script.refuse.update(f"{STATELESS}{number}" for number in range(10))
        with pytest.raises(AuthenticationError):
            await shop.request("GET", "/c")
        with pytest.raises(AuthenticationError):
            await shop.raw("/d", accept="*/*", limit=10)

    assert first.body != then.body
    assert len(script.minted) <= 6


async def test_a_named_installation_is_used() -> None:
    """GitHub is not asked which one has the repository."""
    script = Server()
    async with clients(script, installation_id=9) as (client, _, server):
        await client("acme/shop").request("GET", "/a")

    assert server.requests[0].path == "/api/v3/app/installations/9"


async def test_an_app_is_known_by_its_slug() -> None:
    """Its posts are those of its bot."""
    async with clients(Server()) as (client, _, _server):
        author = await client("acme/shop").whoami()

    assert author == Author(login="codeflow-app[bot]", app_slug="codeflow-app")


@pytest.mark.parametrize(
    ("mint", "meant"),
    [
        (refusal(404, "Not Found"), AuthenticationError),
        (refusal(401, "A JSON web token could not be decoded"), AuthenticationError),
        (refusal(502), ProviderUnavailableError),
        (answer({"token": "x"}, 201), InvalidResponseError),
        (answer({"token": 1, "expires_at": "2099-01-01T00:00:00Z"}, 201), InvalidResponseError),
        (answer({"token": "x", "expires_at": "2001-01-01T00:00:00Z"}, 201), InvalidResponseError),
        (Reply(status=201, body=b"no json"), InvalidResponseError),
    ],
)
async def test_g30_what_is_no_token_is_an_error(mint: Reply, meant: type[Exception]) -> None:
    """And names what to look at; the next call may try again."""
    script = Server(mint=mint)
    async with clients(script) as (client, credentials, _):
        with pytest.raises(meant) as refused:
            await client("acme/shop").request("GET", "/a")
        script.mint = None
        told = await client("acme/shop").request("GET", "/a")

    assert told.body == {"by": script.tokens[0]}
    assert meant is not AuthenticationError or "app_id" in str(refused.value)
    assert credentials.secrets == (private_key(),)


@pytest.mark.parametrize("key", ["", "no key", "-----BEGIN PRIVATE KEY-----\nx\n"])
async def test_a_key_that_cannot_sign_is_a_fault_of_the_settings(key: str) -> None:
    """The message does not show it."""
    async with clients(Server(), private_key=key) as (client, _, server):
        with pytest.raises(ConfigurationError, match="private_key") as refused:
            await client("acme/shop").request("GET", "/a")

    assert not key or key not in str(refused.value)
    assert server.requests == []


def test_s33_an_app_does_not_show_its_key() -> None:
    """A value of settings gets into logs."""
    shown = repr(GitHubApp(app_id=1, private_key=private_key()))

    assert re.search("PRIVATE|private_key", shown) is None


def age(credentials: AppCredentials, seconds: float) -> None:
    """Make every token older."""
    for key, token in list(credentials._tokens.items()):
        credentials._tokens[key] = replace(token, until=token.until - seconds)
