"""Routes of accounts."""

from __future__ import annotations

from codeflow_engine.testing.forge.auth import Kind
from codeflow_engine.testing.forge.documents import people
from codeflow_engine.testing.forge.exchange import Exchange
from codeflow_engine.testing.forge.framework import web
from codeflow_engine.testing.forge.refusal import Refusal, not_found

__all__ = ["routes"]

routes: web.RouteTableDef = web.RouteTableDef()


@routes.get("/user")
async def _own(request: web.Request) -> web.Response:
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
async def _other(request: web.Request) -> web.Response:
    """Give an account. Source: "Get a user", /rest/users/users#get-a-user."""
    asked = Exchange(request)
    account = asked.forge.find_user(asked.path("username"))
    if account is None:
        raise not_found()
    return web.json_response(people.full_user(asked.forge, account))
