"""Puts the parts of the forge together: which routes there are, and what every request passes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from codeflow_engine.testing.forge import pages, passing, transfer
from codeflow_engine.testing.forge.api import (
    accounts,
    apps,
    checks,
    contents,
    events,
    git_objects,
    graphql,
    history,
    hooks,
    issues,
    labels,
    limits,
    pulls,
    reactions,
    refs,
    repositories,
    review_comments,
    reviews,
    scans,
    talk,
    writes,
)
from codeflow_engine.testing.forge.exchange import CREDENTIAL, FORGE
from codeflow_engine.testing.forge.framework import Middleware, web
from codeflow_engine.testing.forge.refusal import Refusal

__all__ = ["API_ROUTES", "MIDDLEWARES", "SITE_ROUTES", "assemble"]

type _Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


@web.middleware
async def _refusals(request: web.Request, handler: _Answer) -> web.StreamResponse:
    """Give a refusal the API's form."""
    try:
        return await handler(request)
    except Refusal as refusal:
        return _refused(refusal)
    except web.HTTPNotFound:
        return _refused(Refusal(404, "Not Found"))
    except web.HTTPMethodNotAllowed:
        return _refused(Refusal(404, "Not Found"))
    except web.HTTPRequestEntityTooLarge:
        return _refused(Refusal(413, "Payload too big"))


def _refused(refusal: Refusal) -> web.Response:
    return web.json_response(refusal.document(), status=refusal.status, headers=refusal.headers)


@web.middleware
async def _identification(request: web.Request, handler: _Answer) -> web.StreamResponse:
    """Find out who asks."""
    forge = request.app[FORGE]
    with forge.lock:
        request[CREDENTIAL] = forge.tokens.authenticate(request.headers.get("Authorization"))
    return await handler(request)


MIDDLEWARES = (
    *(_refusals, _identification),
    *(passing.limits, passing.faults, passing.conditional),
)
"""What every request passes, the first one first."""

API_ROUTES = (
    *(apps.routes, limits.routes, hooks.routes),
    *(checks.routes, scans.routes, writes.routes, refs.routes),
    *(accounts.routes, repositories.routes),
    *(contents.routes, git_objects.routes),
    *(pulls.routes, reviews.routes, review_comments.routes),
    *(issues.routes, events.routes, talk.routes, labels.routes, reactions.routes),
    history.routes,  # the last one: the name of a commit may hold slashes
)
"""Tables of routes under the API's prefix."""

SITE_ROUTES = (graphql.routes, transfer.routes, pages.routes)
"""Tables of routes at the top: what people and git ask for."""


def assemble(prefix: str, *, most_body: int, before: Sequence[Middleware] = ()) -> web.Application:
    """Make the application, with what every request passes before all that is ours."""
    app = web.Application(middlewares=(*before, *MIDDLEWARES), client_max_size=most_body)
    app.on_response_prepare.append(passing.tell_limits)
    for tables, root in ((API_ROUTES, prefix), (SITE_ROUTES, "")):
        for table in tables:
            for route in table:
                if isinstance(route, web.RouteDef):
                    for path in _paths(route.path):
                        _add(app, route.method, root + path, route.handler)
    return app


def _add(app: web.Application, method: str, path: str, handler: Any) -> None:
    app.router.add_route(method, path, handler)
    if method == "GET":
        app.router.add_route("HEAD", path, handler)


def _paths(path: str) -> tuple[str, ...]:
    """Give a route's path, and that by which a repository is known when its name has changed."""
    by_id = path.replace("/repos/{owner}/{repo}", r"/repositories/{repository_id:\d+}", 1)
    return (path,) if by_id == path else (path, by_id)
