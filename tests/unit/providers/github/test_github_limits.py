"""When GitHub asks to wait, for how long, and that nothing is asked meanwhile."""

from __future__ import annotations

import pytest

from codeflow_engine.errors import RateLimitError
from codeflow_engine.providers.vcs.github.limits import Gate, resource_of, wait_of

DATE = "Fri, 27 Nov 2026 12:00:00 GMT"
NOW = 1795780800
SECONDARY = "You have exceeded a secondary rate limit. Please wait a few minutes"


@pytest.mark.parametrize("status", [403, 429])
@pytest.mark.parametrize(
    ("headers", "message", "wait"),
    [
        ({"retry-after": "7"}, SECONDARY, 7.0),
        ({"retry-after": "7", "x-ratelimit-remaining": "0"}, "", 7.0),
        (
            {"x-ratelimit-remaining": "0", "x-ratelimit-reset": f"{NOW + 90}", "date": DATE},
            "API rate limit exceeded for installation ID 1.",
            91.0,
        ),
        ({"x-ratelimit-remaining": "0", "x-ratelimit-reset": f"{NOW - 90}", "date": DATE}, "", 1.0),
        ({"x-ratelimit-remaining": "0"}, "", 60.0),
        ({"x-ratelimit-remaining": "12"}, SECONDARY, 60.0),
        ({}, SECONDARY, 60.0),
        ({"retry-after": "soon"}, SECONDARY, 60.0),
        ({"retry-after": "-1"}, SECONDARY, 60.0),
        ({"retry-after": "nan"}, SECONDARY, 60.0),
    ],
)
def test_g10_the_wait_is_what_github_says_and_else_a_minute(
    status: int, headers: dict[str, str], message: str, wait: float
) -> None:
    """First `retry-after`, then the reset of a spent allowance by the server's own clock."""
    assert wait_of(status, headers, message) == wait


@pytest.mark.parametrize("status", [200, 304, 401, 404, 500])
def test_g10_other_answers_are_no_limit(status: int) -> None:
    """Whatever their headers say."""
    assert wait_of(status, {"retry-after": "7", "x-ratelimit-remaining": "0"}, SECONDARY) is None


def test_g10_a_refusal_without_any_word_of_limits_is_none() -> None:
    """It is one of permissions, which no wait changes; a 429 is always a limit."""
    assert wait_of(403, {"x-ratelimit-remaining": "12"}, "Resource not accessible") is None
    assert wait_of(429, {}, "") == 60.0


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_g10_nothing_is_asked_before_the_time() -> None:
    """Who asks on risks to be shut out; afterwards it goes on."""
    clock = Clock()
    gate = Gate(clock)
    gate.learn("core", 403, {"retry-after": "30"}, SECONDARY)

    with pytest.raises(RateLimitError) as refused:
        gate.check("graphql")
    clock.now += 10
    left = gate.wait("core")
    clock.now += 20
    gate.check("core")

    assert refused.value.retry_after == 30.0
    assert left == 20.0


def test_g10_each_limit_without_a_time_doubles_the_wait() -> None:
    """Up to a quarter of an hour; an answer that is well begins anew."""
    clock = Clock()
    gate = Gate(clock)
    waits = []
    for _ in range(6):
        gate.learn("core", 403, {}, SECONDARY)
        waits.append(gate.wait("core"))
        clock.now += waits[-1]
    gate.learn("core", 200, {}, "")
    gate.learn("core", 429, {}, "")

    assert waits == [60.0, 120.0, 240.0, 480.0, 900.0, 900.0]
    assert gate.wait("core") == 60.0


def test_g8_a_spent_allowance_closes_its_own_resource() -> None:
    """Also when the last answer was well: the next one would be refused."""
    gate = Gate(Clock())
    headers = {"x-ratelimit-remaining": "0", "x-ratelimit-reset": f"{NOW + 9}", "date": DATE}

    gate.learn("core", 200, headers, "")

    assert gate.wait("core") == 10.0
    assert gate.wait("graphql") == 0.0


@pytest.mark.parametrize(
    ("path", "resource"),
    [
        ("/repos/a/graphql-shop", "core"),
        ("/graphql", "graphql"),
        ("https://h/api/graphql", "graphql"),
        ("/search/issues?q=/graphql", "search"),
        ("/repos/a/b", "core"),
    ],
)
def test_paths_count_for_their_resource(path: str, resource: str) -> None:
    """As the header `x-ratelimit-resource` names them."""
    assert resource_of(path) == resource
