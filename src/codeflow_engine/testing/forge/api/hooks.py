"""Routes of webhooks: the log of deliveries, and sending one again."""

from __future__ import annotations

import asyncio

from codeflow_engine.testing.forge.exchange import Exchange
from codeflow_engine.testing.forge.framework import web
from codeflow_engine.testing.forge.webhooks import Delivery

__all__ = ["routes"]

routes = web.RouteTableDef()
_AT = "/repos/{owner}/{repo}/hooks/{hook_id}/deliveries"


@routes.get(_AT)
async def deliveries(request: web.Request) -> web.Response:
    """List deliveries, newest first.

    Source: "List deliveries for a repository webhook", /rest/repos/webhooks (G5).
    """
    asked = Exchange(request)
    asked.repository("administration", role="admin")
    return asked.page(asked.forge.webhooks.deliveries(asked.number("hook_id")), Delivery.document)


@routes.get(_AT + "/{delivery_id}")
async def one(request: web.Request) -> web.Response:
    """Give a delivery, with what was sent.

    Source: "Get a delivery for a repository webhook", /rest/repos/webhooks.
    """
    asked = Exchange(request)
    asked.repository("administration", role="admin")
    found = asked.forge.webhooks.find(asked.number("hook_id"), asked.number("delivery_id"))
    return web.json_response(found.whole())


@routes.post(_AT + "/{delivery_id}/attempts")
async def again(request: web.Request) -> web.Response:
    """Send a delivery again, with the same GUID (G6).

    Source: "Redeliver a delivery for a repository webhook", /rest/repos/webhooks.
    """
    asked = Exchange(request)
    asked.repository("administration", "write", role="admin")
    number, delivery = asked.number("hook_id"), asked.number("delivery_id")
    asked.forge.webhooks.find(number, delivery)
    # It is answered at once; whom it is sent to may take ten seconds.
    sending = asyncio.get_running_loop().run_in_executor(
        None, asked.forge.webhooks.redeliver, number, delivery
    )
    del sending
    return web.json_response({}, status=202)
