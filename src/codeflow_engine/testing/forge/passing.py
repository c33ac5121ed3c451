"""What every request passes on its way: limits, faults, and conditional answers."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable

from codeflow_engine.testing.forge.auth import ANONYMOUS, Credential
from codeflow_engine.testing.forge.exchange import CREDENTIAL, FORGE
from codeflow_engine.testing.forge.framework import web
from codeflow_engine.testing.forge.graphql.running import mutates
from codeflow_engine.testing.forge.striking import strike

__all__ = ["PREFIX", "api_path", "conditional", "faults", "limits", "tell_limits"]

PREFIX = "/api/v3"

type _Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


def api_path(request: web.Request) -> str | None:
    """Give the path under the API's root; None for what is no request to the API."""
    path = request.path
    if path == "/api/graphql":
        return "/graphql"
    return path.removeprefix(PREFIX) or "/" if path.startswith(PREFIX) else None


@web.middleware
async def limits(request: web.Request, handler: _Answer) -> web.StreamResponse:
    """Hold the limits of who asks, who is known by now."""
    forge, path = request.app[FORGE], api_path(request)
    if path is None:
        return await handler(request)
    who: Credential = request.get(CREDENTIAL, ANONYMOUS)
    changes = path != "/graphql" or await _mutates(request)
    with forge.lock:
        forge.limits.enter(who, request.method, path, mutates=changes)
    try:
        response = await handler(request)
        if response.status == 304:  # noqa: PLR2004 - Not Modified
            with forge.lock:
                forge.limits.forgive(who, path)
        return response
    finally:
        with forge.lock:
            forge.limits.leave(who)


async def _mutates(request: web.Request) -> bool:
    try:
        told = await request.json()
    except ValueError:
        return False
    query = told.get("query") if isinstance(told, dict) else None
    return isinstance(query, str) and mutates(query)


async def tell_limits(request: web.Request, response: web.StreamResponse) -> None:
    """Put the primary limit into the head of every answer of the API, a refusal included."""
    path = api_path(request)
    if path is None:
        return
    forge = request.app[FORGE]
    with forge.lock:
        told = forge.limits.headers(request.get(CREDENTIAL, ANONYMOUS), path)
    for name, value in told.items():
        response.headers.setdefault(name, value)
    response.headers.setdefault("X-GitHub-Media-Type", "github.v3; format=json")
    response.headers.setdefault("X-GitHub-Request-Id", f"{id(request) & 0xFFFFFFFF:08X}")


@web.middleware
async def faults(request: web.Request, handler: _Answer) -> web.StreamResponse:
    """Let a request go wrong, where a rule says so."""
    forge, path = request.app[FORGE], api_path(request)
    with forge.lock:
        fault = forge.faults.choose(request.method, request.path if path is None else path)
        latency = forge.faults.latency
    return await strike(fault, latency, request, handler)


@web.middleware
async def conditional(request: web.Request, handler: _Answer) -> web.StreamResponse:
    """Mark each document that is read, and say when the client has it already.

    Source: "Best practices for using the REST API", section "Use conditional requests if
    appropriate", /rest/using-the-rest-api/best-practices-for-using-the-rest-api (G11).
    """
    response = await handler(request)
    if request.method not in {"GET", "HEAD"} or api_path(request) is None:
        return response
    if not isinstance(response, web.Response) or not isinstance(response.body, bytes):
        return response
    if response.status != 200:  # noqa: PLR2004 - OK
        return response
    # The page of a list is another document when its neighbours change.
    known = response.body + response.headers.get("Link", "").encode("utf-8", "surrogateescape")
    mark = f'W/"{hashlib.sha256(known).hexdigest()}"'
    head = {"ETag": mark, "Cache-Control": "private, max-age=60, s-maxage=60"}
    if mark in _marks(request):
        return web.Response(status=304, headers=head)
    response.headers.update(head)
    return response


def _marks(request: web.Request) -> set[str]:
    told = request.headers.get("If-None-Match", "")
    marks = {one.strip() for one in told.split(",")}
    # The comparison is weak, RFC 9110, 13.1.2.
    return marks | {f"W/{one}" for one in marks}
