"""How much may be asked of the forge, and what tells a client to wait."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from forge_asking import ask, graphql

from codeflow_engine.testing.forge import FakeForge, ForgeClock
from codeflow_engine.testing.forge.auth import Tokens
from codeflow_engine.testing.forge.faults import Act, Fault
from codeflow_engine.testing.forge.limits import LimitRules

PATH = "/repos/acme/shop"


@pytest.fixture
def limited(request: pytest.FixtureRequest) -> Iterator[FakeForge]:
    """Start a forge whose clock stands, with the limits of the test."""
    rules: LimitRules = request.param
    with FakeForge(clock=ForgeClock(1_800_000_000.0), limits=rules) as forge:
        forge.repository("acme/shop").open_pull_request({"a": "1\n"}, {"a": "2\n"})
        yield forge


def limits(**rules: int | bool | None) -> pytest.MarkDecorator:
    """Give a test a forge with these limits."""
    return pytest.mark.parametrize("limited", [LimitRules(**rules)], indirect=True)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("limited", "status"),
    [(LimitRules(core=2), 403), (LimitRules(core=2, status=429), 429)],
    indirect=["limited"],
)
def test_g8_the_primary_limit_is_told_and_held(limited: FakeForge, status: int) -> None:
    """Each answer tells what is left; nothing left is a refusal until the hour has passed."""
    token = limited.token("ann")

    told = [ask(limited, "GET", PATH, token=token) for _ in range(3)]
    other = ask(limited, "GET", PATH, token=limited.token("ben"))
    limited.clock.advance(3_600)
    later = ask(limited, "GET", PATH, token=token)

    assert [one.status for one in told] == [200, 200, status]
    assert [one.headers["x-ratelimit-remaining"] for one in told] == ["1", "0", "0"]
    assert told[2].json["message"].startswith("API rate limit exceeded for user ")
    assert "retry-after" not in told[2].headers
    assert told[0].headers["x-ratelimit-reset"] == "1800003600"
    assert told[0].headers["x-ratelimit-resource"] == "core"
    assert (other.status, later.status) == (200, 200)


@limits(anonymous=1)
def test_g8_who_has_no_token_may_ask_little(limited: FakeForge) -> None:
    """Without a token there is another limit, and its own words."""
    told = [ask(limited, "GET", PATH) for _ in range(2)]

    assert [one.status for one in told] == [200, 403]
    assert told[0].headers["x-ratelimit-limit"] == "1"
    assert "Authenticated requests get a higher rate limit" in told[1].json["message"]


@limits(core=1, actions=3)
def test_g8_a_job_has_a_limit_of_its_own(limited: FakeForge) -> None:
    """The token of a job counts by the smaller limit of its repository."""
    app = limited.app("actions", permissions={})
    told = ask(limited, "GET", PATH, token=limited.tokens.of_job(app, "acme/shop"))

    assert told.headers["x-ratelimit-limit"] == "3"


@limits(core=1)
def test_g8_to_ask_for_the_limit_costs_nothing(limited: FakeForge) -> None:
    """`GET /rate_limit` is answered also when nothing is left."""
    token = limited.token("ann")

    spent = [ask(limited, "GET", PATH, token=token).status for _ in range(2)]
    told = ask(limited, "GET", "/rate_limit", token=token)

    assert spent == [200, 403]
    assert told.status == 200
    assert told.json["resources"]["core"]["remaining"] == 0
    assert told.json["resources"]["graphql"]["remaining"] == 5_000


@limits(enabled=False)
def test_g32_a_forge_can_have_no_limits(limited: FakeForge) -> None:
    """Where they are off, no header tells them."""
    told = ask(limited, "GET", PATH, token=limited.token("ann"))
    asked = ask(limited, "GET", "/rate_limit", token=limited.token("ann"))

    assert not [name for name in told.headers if name.startswith("x-ratelimit")]
    assert (asked.status, asked.json["message"]) == (404, "Rate limiting is not enabled.")


@pytest.mark.parametrize(
    ("limited", "wait"),
    [(LimitRules(points=7), "60"), (LimitRules(points=7, retry_after=None), None)],
    indirect=["limited"],
)
def test_g9_reads_and_writes_cost_points(limited: FakeForge, wait: str | None) -> None:
    """A read costs one point and a write five, and a minute later they are forgotten."""
    token = limited.token("ann")

    def write() -> int:
        path = f"{PATH}/issues/1/comments"
        return ask(limited, "POST", path, token=token, body={"body": "x"}).status

    begun = [ask(limited, "GET", PATH, token=token).status for _ in range(2)]
    written = write()
    refused = ask(limited, "GET", PATH, token=token)
    limited.clock.advance(60)
    later = write()

    assert (begun, written, later) == ([200, 200], 201, 201)
    assert refused.status == 403
    assert refused.headers.get("retry-after") == wait
    assert int(refused.headers["x-ratelimit-remaining"]) > 0
    assert refused.json["message"].startswith("You have exceeded a secondary rate limit. Please")


@limits(creations=2, creations_an_hour=3)
def test_g9_content_is_made_slowly(limited: FakeForge) -> None:
    """Comments a minute and an hour are counted apart from all other requests."""
    token = limited.token("ann")
    path = f"{PATH}/issues/1/comments"

    def write() -> int:
        return ask(limited, "POST", path, token=token, body={"body": "x"}).status

    minute = [write() for _ in range(3)]
    told = ask(limited, "POST", path, token=token, body={"body": "x"})
    limited.clock.advance(61)
    hour = [write() for _ in range(2)]

    assert minute == [201, 201, 403]
    assert "temporarily blocked from content creation" in told.json["message"]
    assert hour == [201, 403]
    assert ask(limited, "GET", path, token=token).status == 200
    assert len(limited.repository("acme/shop").pull(1).comments) == 3


@limits(concurrent=3)
def test_g9_few_requests_run_at_once(limited: FakeForge) -> None:
    """A request beyond those that may run at once is refused, whatever they do."""
    limited.faults.add(Fault(act=Act.DELAY, seconds=1.0))
    token = limited.token("ann")

    with ThreadPoolExecutor(8) as pool:
        told = [*pool.map(lambda _: ask(limited, "GET", PATH, token=token).status, range(8))]
    limited.faults.clear()

    assert sorted(told) == [200] * 3 + [403] * 5
    assert ask(limited, "GET", PATH, token=token).status == 200


@limits(graphql_points=6)
def test_g9_graphql_has_points_of_its_own(limited: FakeForge) -> None:
    """A query costs one point and a mutation five, apart from those of the REST API."""
    token = limited.token("ann")
    mutation = 'mutation{resolveReviewThread(input:{threadId:"x"}){thread{id}}}'

    told = [
        graphql(limited, query, token=token).status
        for query in ("{viewer{login}}", mutation, "{viewer{login}}")
    ]

    assert told == [200, 200, 403]
    assert ask(limited, "GET", PATH, token=token).status == 200


@limits(core=1)
def test_g10_who_goes_on_while_told_to_wait_is_counted(limited: FakeForge) -> None:
    """Each request that comes before its time is one more reason for a ban."""
    token = limited.token("ann")
    caller = limited.tokens.authenticate(f"Bearer {token}").caller

    for _ in range(4):
        ask(limited, "GET", PATH, token=token)
    counted = limited.limits.ignored[caller], limited.limits.refused[caller]
    limited.clock.advance(3_601)
    ask(limited, "GET", PATH, token=token)

    assert counted == (2, 3)
    assert limited.limits.ignored[caller] == 2


@limits(core=2)
def test_g11_what_has_not_changed_is_free(limited: FakeForge) -> None:
    """An answer 304 does not count, and what changed has another mark."""
    token = limited.token("ann")
    path = f"{PATH}/issues/1/comments"

    first = ask(limited, "GET", path, token=token)
    mark = {"If-None-Match": first.headers["etag"]}
    same = [ask(limited, "GET", path, token=token, headers=mark) for _ in range(3)]
    ask(limited, "POST", path, token=limited.token("ben"), body={"body": "x"})
    changed = ask(limited, "GET", path, token=token, headers=mark)

    assert [(one.status, one.body) for one in same] == [(304, b"")] * 3
    assert {one.headers["etag"] for one in same} == {first.headers["etag"]}
    assert (changed.status, len(changed.json)) == (200, 1)
    assert changed.headers["x-ratelimit-remaining"] == "0"


def test_tokens_of_one_user_share_a_limit() -> None:
    """All tokens of a user count together, as those of an installation do."""
    tokens = Tokens(ForgeClock())
    one, other = tokens.personal("ann"), tokens.personal("ann", fine_grained=True)

    callers = {tokens.authenticate(f"token {each}").caller for each in (one, other)}

    assert callers == {"user:ann"}
