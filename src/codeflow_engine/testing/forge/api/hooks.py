"""Routes of webhooks: the log of deliveries, and sending one again."""

from __future__ import annotations

import asyncio

from codeflow_engine.testing.forge.api.apps import app_of
from codeflow_engine.testing.forge.exchange import Exchange
from codeflow_engine.testing.forge.framework import web
from codeflow_engine.testing.forge.webhooks import Delivery

__all__ = ["routes"]

routes: web.RouteTableDef = web.RouteTableDef()
_OF_APP = "/app/hook/deliveries"
_AT = "/repos/{owner}/{repo}/hooks/{hook_id}/deliveries"


@routes.get(_AT)
async def _deliveries(request: web.Request) -> web.Response:
    """List deliveries, newest first.

    Source: "List deliveries for a repository webhook", /rest/repos/webhooks (G5).
    """
    asked = Exchange(request)
    asked.repository("administration", role="admin")
    return asked.page(asked.forge.webhooks.deliveries(asked.number("hook_id")), Delivery.document)


@routes.get(_AT + "/{delivery_id}")
async def _one(request: web.Request) -> web.Response:
    """Give a delivery, with what was sent.

    Source: "Get a delivery for a repository webhook", /rest/repos/webhooks.
    """
    asked = Exchange(request)
    asked.repository("administration", role="admin")
    found = asked.forge.webhooks.find(asked.number("hook_id"), asked.number("delivery_id"))
    return web.json_response(found.whole())


@routes.post(_AT + "/{delivery_id}/attempts")
async def _again(request: web.Request) -> web.Response:
    """Send a delivery again, with the same GUID (G6).

    Source: "Redeliver a delivery for a repository webhook", /rest/repos/webhooks.
    """
    asked = Exchange(request)
    asked.repository("administration", "write", role="admin")
    return _send_again(asked, asked.number("hook_id"))


@routes.get(_OF_APP)
async def _of_app(request: web.Request) -> web.Response:
    """List deliveries to an app, newest first (G5).

    Source: "List deliveries for an app webhook", /rest/apps/webhooks.
    """
    asked = Exchange(request)
    hook = asked.forge.webhooks.of_app(app_of(asked).id)
    return asked.page(asked.forge.webhooks.deliveries(hook.id), Delivery.document)


@routes.get(_OF_APP + "/{delivery_id}")
async def _one_of_app(request: web.Request) -> web.Response:
    """Give a delivery to an app.

    Source: "Get a delivery for an app webhook", /rest/apps/webhooks.
    """
    asked = Exchange(request)
    hook = asked.forge.webhooks.of_app(app_of(asked).id)
    return web.json_response(
        asked.forge.webhooks.find(hook.id, asked.number("delivery_id")).whole()
    )


@routes.post(_OF_APP + "/{delivery_id}/attempts")
async def _again_to_app(request: web.Request) -> web.Response:
    """Send a delivery to an app again, with the same GUID (G6).

    Source: "Redeliver a delivery for an app webhook", /rest/apps/webhooks.
    """
    asked = Exchange(request)
    return _send_again(asked, asked.forge.webhooks.of_app(app_of(asked).id).id)


def _send_again(asked: Exchange, number: int) -> web.Response:
    delivery = asked.number("delivery_id")
    asked.forge.webhooks.find(number, delivery)
    # It is answered at once; whom it is sent to may take ten seconds.
    sending = asyncio.get_running_loop().run_in_executor(
        None, asked.forge.webhooks.redeliver, number, delivery
    )
    del sending
    return web.json_response({}, status=202)
