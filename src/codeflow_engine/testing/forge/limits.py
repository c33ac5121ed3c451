"""How much a caller may ask: primary limits by the hour, secondary ones by the minute.

The callers hold the forge's lock. Nothing waits here: what is too much is refused, and who
goes on asking is counted.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict, deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from codeflow_engine.testing.forge.auth import Credential, Kind
from codeflow_engine.testing.forge.clock import ForgeClock
from codeflow_engine.testing.forge.refusal import Refusal

__all__ = ["LimitRules", "Limits"]

_HOUR = 3600
_MINUTE = 60
_READS = frozenset({"GET", "HEAD", "OPTIONS"})
_CREATES = re.compile(
    r"/repos/[^/]+/[^/]+/(issues(/\d+/comments)?|pulls(/\d+/(comments|reviews).*)?"
    r"|check-runs|statuses/.+|commits/[^/]+/comments)"
)
_RATE_LIMITS = "/rest/using-the-rest-api/rate-limits-for-the-rest-api"


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitRules:
    """The sizes of the limits, which a test makes as small as it needs.

    Source: "Rate limits for the REST API", /rest/using-the-rest-api/
    rate-limits-for-the-rest-api; for GraphQL "Rate limits and query limits for the GraphQL
    API", /graphql/overview/rate-limits-and-query-limits-for-the-graphql-api (G8, G9).
    """

    core: int = 5_000
    anonymous: int = 60
    actions: int = 1_000
    graphql: int = 5_000
    concurrent: int = 100
    points: int = 900
    """A minute, for REST: a read is 1, a write 5."""
    graphql_points: int = 2_000
    """A minute: a query is 1, a mutation 5."""
    creations: int = 80
    """Requests a minute that make content, which people are notified of."""
    creations_an_hour: int = 500
    status: int = 403
    """With which a limit is told: 403, or 429."""
    retry_after: int | None = 60
    """Seconds that the secondary limits tell to wait; None tells none."""
    enabled: bool = True
    """Whether there are any, which GitHub Enterprise Server leaves off (G32)."""


@dataclass(slots=True)
class _Window:
    """What a caller used of a primary limit until it is reset."""

    reset: float
    used: int = 0


@dataclass(slots=True)
class Limits:
    """Counts the requests of each caller, and refuses those that are too many."""

    clock: ForgeClock
    rules: LimitRules = field(default_factory=LimitRules)
    ignored: Counter[str] = field(default_factory=Counter)
    """How often each caller asked while it was told to wait, for which GitHub bans (G10)."""
    refused: Counter[str] = field(default_factory=Counter)
    """How often each caller was refused."""
    _windows: dict[tuple[str, str], _Window] = field(default_factory=dict)
    _points: defaultdict[tuple[str, str], deque[tuple[float, int]]] = field(
        default_factory=lambda: defaultdict(deque)
    )
    _created: defaultdict[str, deque[float]] = field(default_factory=lambda: defaultdict(deque))
    _running: Counter[str] = field(default_factory=Counter)
    _waits: dict[str, float] = field(default_factory=dict)

    def enter(self, who: Credential, method: str, path: str, *, mutates: bool = True) -> None:
        """Count a request that begins; `leave` ends each one that was let in.

        Args:
            who: As whom it is made.
            method: The method of HTTP.
            path: The path under the API's root.
            mutates: Whether a document of GraphQL is a mutation.

        Raises:
            Refusal: 403 or 429, with the headers that say how long to wait.
        """
        if not self.rules.enabled or path == "/rate_limit":
            self._running[who.caller] += 1
            return
        now = self.clock.now()
        if self._waits.get(who.caller, 0) > now:
            self.ignored[who.caller] += 1
        try:
            self._check_primary(who, path, now)
            self._check_secondary(who, method, path, mutates=mutates)
        except Refusal:
            self.refused[who.caller] += 1
            raise
        self._running[who.caller] += 1
        window = self._window(who, _resource(path), now)
        window.used += 1

    def leave(self, who: Credential) -> None:
        """End a request."""
        self._running[who.caller] -= 1

    def forgive(self, who: Credential, path: str) -> None:
        """Take back what an answer 304 would have cost.

        Source: "Best practices for using the REST API", section "Use conditional requests if
        appropriate", /rest/using-the-rest-api/best-practices-for-using-the-rest-api (G11).
        """
        if self.rules.enabled and path != "/rate_limit" and who.kind is not Kind.ANONYMOUS:
            self._window(who, _resource(path), self.clock.now()).used -= 1

    def spend(self, who: Credential, number: int, resource: str = "core") -> None:
        """Use up a part of a primary limit, as another client of the same token would."""
        self._window(who, resource, self.clock.now()).used += number

    def headers(self, who: Credential, path: str) -> dict[str, str]:
        """Tell the primary limit as each answer does.

        Source: "Rate limits for the REST API", section "Checking the status of your rate
        limit" (G8).
        """
        if not self.rules.enabled:
            return {}
        told = self.state(who, _resource(path))
        return {
            f"x-ratelimit-{name}": str(told[name])
            for name in ("limit", "remaining", "reset", "used", "resource")
        }

    def state(self, who: Credential, resource: str) -> dict[str, Any]:
        """Give the document of one limit."""
        window = self._window(who, resource, self.clock.now())
        limit = self._limit(who, resource)
        return {
            "limit": limit,
            "used": min(window.used, limit),
            "remaining": max(0, limit - window.used),
            "reset": int(window.reset),
            "resource": resource,
        }

    def document(self, who: Credential) -> dict[str, Any]:
        """Answer `GET /rate_limit`, which costs nothing.

        Source: "REST API endpoints for rate limits", /rest/rate-limit/rate-limit.

        Raises:
            Refusal: 404, where there are no limits.
        """
        if not self.rules.enabled:
            raise Refusal(404, "Rate limiting is not enabled.")
        resources: dict[str, Any] = {}
        for name in ("core", "search", "graphql"):
            resources[name] = self.state(who, name)
        return {"resources": resources, "rate": resources["core"]}

    def _check_primary(self, who: Credential, path: str, now: float) -> None:
        resource = _resource(path)
        window = self._window(who, resource, now)
        if window.used < self._limit(who, resource):
            return
        if who.kind is Kind.ANONYMOUS and resource == "graphql":
            return  # its route asks for a token
        self._waits[who.caller] = window.reset
        raise Refusal(
            self.rules.status,
            _spent(who),
            headers=self.headers(who, path),
            documentation=f"{_RATE_LIMITS}#primary-rate-limits",
        )

    def _check_secondary(self, who: Credential, method: str, path: str, *, mutates: bool) -> None:
        """Hold the limits that nobody can ask for.

        Source: "Rate limits for the REST API", sections "About secondary rate limits" and
        "Calculating points for the secondary rate limit" (G9).
        """
        caller, now, rules = who.caller, self.clock.now(), self.rules
        creates = method == "POST" and _CREATES.fullmatch(path) is not None
        if self._running[caller] >= rules.concurrent:
            raise self._secondary(who, path, _TOO_MANY)
        if creates:
            made = _recent(self._created[caller], now - _HOUR)
            in_minute = sum(moment > now - _MINUTE for moment in made)
            if in_minute >= rules.creations or len(made) >= rules.creations_an_hour:
                raise self._secondary(who, path, _CONTENT)
        resource = _resource(path)
        most = rules.graphql_points if resource == "graphql" else rules.points
        cost = 1 if method in _READS or (resource == "graphql" and not mutates) else 5
        spent = self._points[caller, resource]
        while spent and spent[0][0] <= now - _MINUTE:
            spent.popleft()
        if sum(points for _, points in spent) + cost > most:
            raise self._secondary(who, path, _TOO_MANY)
        spent.append((now, cost))
        if creates:
            self._created[caller].append(now)

    def _secondary(self, who: Credential, path: str, message: str) -> Refusal:
        headers = self.headers(who, path)
        wait = self.rules.retry_after
        if wait is not None:
            headers["retry-after"] = str(wait)
        # Without the header a client has to wait for a minute, says the documentation.
        self._waits[who.caller] = self.clock.now() + (_MINUTE if wait is None else wait)
        about = f"{_RATE_LIMITS}#about-secondary-rate-limits"
        return Refusal(self.rules.status, message, headers=headers, documentation=about)

    def _window(self, who: Credential, resource: str, now: float) -> _Window:
        window = self._windows.get((who.caller, resource))
        if window is None or window.reset <= now:
            length = _MINUTE if resource == "search" else _HOUR
            window = self._windows[who.caller, resource] = _Window(now + length)
        return window

    def _limit(self, who: Credential, resource: str) -> int:
        if resource == "graphql":
            return 0 if who.kind is Kind.ANONYMOUS else self.rules.graphql
        if resource == "search":
            return 10 if who.kind is Kind.ANONYMOUS else 30
        by_kind: Mapping[str, int] = {"actions": self.rules.actions, "core": self.rules.core}
        return self.rules.anonymous if who.kind is Kind.ANONYMOUS else by_kind[who.limit]


_TOO_MANY = (
    "You have exceeded a secondary rate limit. Please wait a few minutes before you try again."
    " If you reach out to GitHub Support for help, please include the request ID."
)
_CONTENT = (
    "You have exceeded a secondary rate limit and have been temporarily blocked from content"
    " creation. Please retry your request again later."
)


def _resource(path: str) -> str:
    if path.startswith("/search"):
        return "search"
    return "graphql" if path == "/graphql" else "core"


def _recent(moments: deque[float], since: float) -> deque[float]:
    while moments and moments[0] <= since:
        moments.popleft()
    return moments


def _spent(who: Credential) -> str:
    if who.kind is Kind.ANONYMOUS:
        return (
            "API rate limit exceeded for 127.0.0.1. (But here's the good news: Authenticated"
            " requests get a higher rate limit. Check out the documentation for more details.)"
        )
    whose = (
        f"installation ID {who.installation_id}"
        if who.kind is Kind.INSTALLATION
        else f"user {who.login}"
    )
    return f"API rate limit exceeded for {whose}."
