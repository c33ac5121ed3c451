"""Calls of GitHub on a real wire: limits, redirects, pages, and what is kept."""

# ruff: noqa: SIM117 - a server and then a client of it read better in two lines
from __future__ import annotations

import asyncio
import json
from itertools import pairwise
from urllib.parse import parse_qs

import pytest

from codeflow_engine.errors import (
    ChangeUnavailableError,
    CodeflowError,
    ConfigurationError,
    InvalidResponseError,
    PublishError,
    RateLimitError,
)
from codeflow_engine.providers.vcs.github.client import Author
from fault_server import FaultServer, Received, Reply
from github_wires import TOKEN, answer, client_at, refusal, refused
from stopwatch import stopwatch

MIB = 1024 * 1024


async def test_a_request_goes_with_the_token_and_nothing_of_the_machine() -> None:
    """JSON comes back, read; no cookie is kept, and no netrc is looked into."""
    cookie = {"set-cookie": "a=b; Path=/", "x-thing": "1"}
    async with FaultServer(answer({"login": "ann"}, headers=cookie)) as server:
        async with client_at(server) as client:
            first = await client.request("GET", "/user", parameters={"a": True, "b": 2})
            await client.request("POST", "/x", body={"é": 1})

    got, posted = server.requests
    assert (first.status, first.body, first.headers["x-thing"]) == (200, {"login": "ann"}, "1")
    assert got.target == "/api/v3/user?a=true&b=2"
    assert got.headers["authorization"] == f"Bearer {TOKEN}"
    assert got.headers["user-agent"].startswith("codeflow-engine")
    assert (posted.method, posted.json) == ("POST", {"é": 1})
    assert "cookie" not in posted.headers


@pytest.mark.parametrize("status", [301, 302, 307])
async def test_g11_redirects_on_the_same_server_are_followed(status: int) -> None:
    """As after a repository was renamed; the method and the body stay."""

    def script(received: Received) -> Reply:
        if received.path.endswith("/old"):
            return answer({}, status, {"location": "/api/v3/repositories/7?a=1"})
        return answer({"method": received.method, "body": received.json})

    async with FaultServer(script) as server, client_at(server) as client:
        posted = await client.request("POST", "/old", body=[1])
        raw = await client.raw("/old", accept="text/x", limit=MIB)

    assert posted.body == {"method": "POST", "body": [1]}
    assert json.loads(raw)["method"] == "GET"
    assert {each.headers["authorization"] for each in server.requests} == {f"Bearer {TOKEN}"}
    assert server.requests[1].target == "/api/v3/repositories/7?a=1"


@pytest.mark.parametrize("status", [301, 302, 307, 308])
async def test_s25_redirects_to_another_server_are_not_followed(status: int) -> None:
    """It gets neither the token nor the request: another port is another server."""
    async with FaultServer(answer({})) as other:
        away = answer({}, status, {"location": f"{other.url}/api/v3/user"})
        async with FaultServer(away) as server, client_at(server) as client:
            errors = [
                await refused(client.request("GET", "/user")),
                await refused(client.raw("/user", accept="*/*", limit=MIB)),
                await refused(client.request("POST", "/user", body={})),
            ]

    assert other.requests == []
    assert {type(error) for error in errors} == {InvalidResponseError}


async def test_s25_redirects_that_never_end_do() -> None:
    """A server cannot keep us going in a ring."""
    ring = answer({}, 301, {"location": "/api/v3/ring"})
    async with FaultServer(ring) as server, client_at(server) as client:
        errors = [
            await refused(client.request("GET", "/ring")),
            await refused(client.raw("/ring", accept="*/*", limit=MIB)),
        ]

    assert {type(error) for error in errors} == {InvalidResponseError}
    assert len(server.requests) <= 8


async def test_g10_a_limit_is_told_with_its_wait_and_nothing_is_asked_meanwhile() -> None:
    """Nobody sleeps here; streams and requests share what was learnt."""
    limited = refusal(403, "You have exceeded a secondary rate limit", retry_after="17")
    async with FaultServer(limited) as server, client_at(server) as client:
        async with stopwatch() as watch:
            first = await refused(client.request("GET", "/a"))
            then = [
                await refused(client.raw("/b", accept="*/*", limit=MIB)),
                await refused(client.request("POST", "/c", body={})),
                await refused(client.graphql("query { viewer { login } }", {})),
            ]

    assert isinstance(first, RateLimitError)
    assert first.retry_after == 17.0
    assert all(isinstance(one, RateLimitError) for one in then)
    assert all(16 < (one.retry_after or 0) <= 17 for one in then)
    assert len(server.requests) == 1
    assert watch.seconds < 5


async def test_g10_a_stream_that_is_refused_tells_its_limit_too() -> None:
    """Diffs and files count as well as all else."""
    limited = refusal(429, "slow down", retry_after="3")
    async with FaultServer(limited) as server, client_at(server) as client:
        error = await refused(client.raw("/a", accept="*/*", limit=MIB))

    assert isinstance(error, RateLimitError)
    assert error.retry_after == 3.0


async def test_g8_a_limit_of_graphql_comes_with_status_200() -> None:
    """It is told as any other."""
    told = answer({"errors": [{"type": "RATE_LIMITED", "message": "API rate limit exceeded"}]})
    async with FaultServer(told) as server, client_at(server) as client:
        error = await refused(client.graphql("query { viewer { login } }", {}))

    assert isinstance(error, RateLimitError)
    assert (error.retry_after or 0) >= 60


async def test_g9_no_more_requests_are_under_way_than_may_be() -> None:
    """Requests and streams share the places."""
    slow = answer({}, headers={})
    slow = Reply(headers=slow.headers, body=slow.body, after=0.1)
    busiest = 0

    async with FaultServer(slow) as server, client_at(server, concurrency=3) as client:

        async def watch() -> None:
            nonlocal busiest
            while True:
                busiest = max(busiest, server.open)
                await asyncio.sleep(0.005)

        watching = asyncio.create_task(watch())
        await asyncio.gather(
            *(client.request("GET", f"/{number}") for number in range(6)),
            *(client.raw(f"/{number}", accept="*/*", limit=MIB) for number in range(6)),
        )
        watching.cancel()

    # A connection that is kept open counts here as well: three of each kind at most.
    assert busiest <= 6
    assert len(server.requests) == 12


async def test_g11_writes_go_one_after_the_other_with_a_pause() -> None:
    """Reads do not wait for them."""
    slow = Reply(body=b"{}", after=0.05)
    async with FaultServer(slow) as server, client_at(server, write_interval=0.2) as client:
        writes = [client.request("POST", f"/w{number}", body={}) for number in range(3)]
        await asyncio.gather(*writes, client.request("GET", "/r"), client.request("GET", "/s"))

    at = [each.at for each in server.requests if each.method == "POST"]
    reads = [each.at for each in server.requests if each.method == "GET"]
    assert all(later - earlier > 0.24 for earlier, later in pairwise(at))
    assert max(reads) < at[1]


async def test_g11_what_is_asked_again_is_asked_with_its_etag() -> None:
    """A 304 gives the answer of before, which nobody can have changed meanwhile."""

    def script(received: Received) -> Reply:
        if received.headers.get("if-none-match") == '"one"':
            return Reply(status=304, headers=(("x-ratelimit-remaining", "5"),))
        return answer({"list": [1]}, headers={"etag": '"one"', "link": "x"})

    async with FaultServer(script) as server, client_at(server) as client:
        first = await client.request("GET", "/a")
        first.body["list"].append(2)
        again = await client.request("GET", "/a")
        other = await client.request("GET", "/a", accept="application/x+json")

    assert again.body == {"list": [1]}
    assert (again.status, again.headers["link"]) == (200, "x")
    assert again.headers["x-ratelimit-remaining"] == "5"
    assert other.body == {"list": [1]}
    assert [each.headers.get("if-none-match") for each in server.requests] == [None, '"one"', None]


async def test_g11_pages_follow_the_links_of_the_server() -> None:
    """Until there is no next one; a page in an object has its key."""

    def script(received: Received) -> Reply:
        query = parse_qs(received.target.partition("?")[2])
        number = int(query.get("page", ["1"])[0])
        host = received.headers["host"]
        to = f"http://{host}/api/v3/things?per_page=100&page={number + 1}"
        link = f'<{to}>; rel="next", <{to}0>; rel="last"'
        headers = {"link": link} if number < 4 else {"link": f'<{to}>; rel="prev"'}
        return answer({"things": [number] * 2}, headers=headers)

    async with FaultServer(script) as server, client_at(server) as client:
        found = await client.pages("/things", key="things")

    assert found == [1, 1, 2, 2, 3, 3, 4, 4]
    assert server.requests[0].target == "/api/v3/things?per_page=100"


@pytest.mark.parametrize(
    ("body", "link", "meant"),
    [
        ([1], "/api/v3/a?per_page=100", InvalidResponseError),
        ([1], "http://169.254.169.254/latest", ConfigurationError),
        ([1] * 50, "/api/v3/a?page={n}", InvalidResponseError),
        ({"no": "list"}, "", InvalidResponseError),
    ],
    ids=["ring", "elsewhere", "endless", "no-list"],
)
async def test_pages_that_lead_astray_are_an_error(
    body: object, link: str, meant: type[CodeflowError]
) -> None:
    """Nothing is asked of another server, and nothing goes on for ever."""
    count = 0

    def script(received: Received) -> Reply:
        nonlocal count
        count += 1
        home = "" if link.startswith("http") else f"http://{received.headers['host']}"
        return answer(body, headers={"link": f'<{home}{link.format(n=count)}>; rel="next"'})

    async with FaultServer(script) as server, client_at(server) as client:
        error = await refused(client.pages("/a", most=200))

    assert type(error) is meant
    assert count <= 6


async def test_g32_graphql_of_an_enterprise_server_lies_beside_rest() -> None:
    """The data comes back; an error among it is an error."""
    replies = [
        answer({"data": {"a": 1}}),
        answer({"data": {"a": None}, "errors": [{"type": "NOT_FOUND", "message": "no"}]}),
    ]
    async with FaultServer(replies) as server, client_at(server) as client:
        data = await client.graphql("query($n: Int!) { a(n: $n) }", {"n": 1})
        error = await refused(client.graphql("mutation { a }", {}))

    assert data == {"a": 1}
    assert isinstance(error, ChangeUnavailableError)
    assert {each.target for each in server.requests} == {"/api/graphql"}
    assert server.requests[0].json == {
        "query": "query($n: Int!) { a(n: $n) }",
        "variables": {"n": 1},
    }


async def test_a_write_that_is_refused_is_told_once() -> None:
    """An archived repository takes none, and is not asked again."""
    told = refusal(403, "Repository was archived so is read-only.")
    async with FaultServer(told) as server, client_at(server) as client:
        error = await refused(client.request("POST", "/a", body={}))

    assert isinstance(error, PublishError)
    assert len(server.requests) == 1


async def test_a_person_is_known_by_its_login() -> None:
    """It is asked once, also by many at the same time."""
    async with FaultServer(answer({"login": "ann"})) as server, client_at(server) as client:
        authors = await asyncio.gather(*(client.whoami() for _ in range(5)))

    assert set(authors) == {Author(login="ann")}
    assert len(server.requests) == 1


async def test_a_workflow_is_known_by_graphql() -> None:
    """Its token is one of an installation, which is no user to REST."""

    def script(received: Received) -> Reply:
        if received.path.endswith("/user"):
            return refusal(403, "Resource not accessible by integration")
        return answer({"data": {"viewer": {"login": "github-actions[bot]"}}})

    async with FaultServer(script) as server, client_at(server) as client:
        author = await client.whoami()

    assert author == Author(login="github-actions[bot]", app_slug="github-actions")


async def test_pygithub_is_lent_to_one_call_at_a_time() -> None:
    """Its own connections mix requests of threads; each call has a copy of its own."""

    def script(received: Received) -> Reply:
        return Reply(
            body=json.dumps({"full_name": received.path, "url": received.path}).encode(), after=0.02
        )

    async with FaultServer(script) as server, client_at(server) as client:
        names = await asyncio.gather(
            *(
                client.run(lambda github, n=number: github.get_repo(f"a/r{n}").full_name)
                for number in range(5)
            )
        )
        error = await refused(client.run(lambda github: github.get_repo("a/" + "x" * 3).missing))

    assert names == [f"/api/v3/repos/a/r{number}" for number in range(5)]
    assert isinstance(error, AttributeError)


async def test_requests_do_not_mix() -> None:
    """Each answer is that of its own request, however many there are at once."""

    def script(received: Received) -> Reply:
        return answer({"path": received.path})

    async with FaultServer(script) as server, client_at(server) as client:
        answers = await asyncio.gather(*(client.request("GET", f"/n{n}") for n in range(200)))

    assert [one.body["path"] for one in answers] == [f"/api/v3/n{n}" for n in range(200)]
