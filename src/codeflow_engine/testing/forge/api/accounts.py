"""Routes of accounts."""

from __future__ import annotations

from codeflow_engine.testing.forge.auth import Kind
from codeflow_engine.testing.forge.clock import stamp
from codeflow_engine.testing.forge.documents import people
from codeflow_engine.testing.forge.exchange import Exchange
from codeflow_engine.testing.forge.framework import web
from codeflow_engine.testing.forge.refusal import Refusal, not_found

__all__ = ["routes"]

routes = web.RouteTableDef()


@routes.get("/user")
async def own(request: web.Request) -> web.Response:
    """Give the account that asks.

    Source: "Get the authenticated user", /rest/users/users#get-the-authenticated-user; it is
    not for tokens of an app's installation.
    """
    asked = Exchange(request)
    account = asked.user
    if asked.credential.kind is not Kind.USER:
        raise Refusal(403, "Resource not accessible by integration")
    forge = asked.forge
    private = ("private_gists", "total_private_repos", "owned_private_repos", "disk_usage")
    return web.json_response(
        {
            **people.full_user(forge, account),
            **dict.fromkeys((*private, "collaborators"), 0),
            "two_factor_authentication": True,
        }
    )


@routes.get("/users/{username}")
async def other(request: web.Request) -> web.Response:
    """Give an account. Source: "Get a user", /rest/users/users#get-a-user."""
    asked = Exchange(request)
    account = asked.forge.find_user(asked.path("username"))
    if account is None:
        raise not_found()
    return web.json_response(people.full_user(asked.forge, account))


@routes.get("/app")
async def app(request: web.Request) -> web.Response:
    """Give the app that asks with a web token of its own.

    Source: "Get the authenticated app", /rest/apps/apps#get-the-authenticated-app.
    """
    asked = Exchange(request)
    if asked.credential.kind is not Kind.APP or asked.credential.app_id is None:
        raise Refusal(401, "A JSON web token could not be decoded")
    forge = asked.forge
    one = forge.tokens.apps.app(asked.credential.app_id)
    made = stamp(0)
    return web.json_response(
        {
            "id": one.id,
            "slug": one.slug,
            "client_id": one.client_id,
            "node_id": people.node_id("A", one.id),
            "owner": people.user(forge, forge.add_user(one.owner, kind="Organization")),
            "name": one.name,
            "description": "",
            "external_url": f"{forge.web_url}/apps/{one.slug}",
            "html_url": f"{forge.web_url}/apps/{one.slug}",
            "created_at": made,
            "updated_at": made,
            "permissions": dict(one.permissions),
            "events": list(one.events),
            "installations_count": len(forge.tokens.apps.installations(one.id)),
        }
    )
