"""The route that tells the limits."""

from __future__ import annotations

from codeflow_engine.testing.forge.exchange import Exchange
from codeflow_engine.testing.forge.framework import web

__all__ = ["routes"]

routes: web.RouteTableDef = web.RouteTableDef()


@routes.get("/rate_limit")
async def _told(request: web.Request) -> web.Response:
    """Tell the limits of who asks, for nothing.

    Source: "Get rate limit status for the authenticated user", /rest/rate-limit/rate-limit.
    """
    asked = Exchange(request)
    with asked.forge.lock:
        return web.json_response(asked.forge.limits.document(asked.credential))
