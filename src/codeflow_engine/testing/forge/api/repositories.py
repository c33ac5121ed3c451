"""Routes of a repository, and of what accounts may do in it."""

from __future__ import annotations

from codeflow_engine.testing.forge.documents import people
from codeflow_engine.testing.forge.exchange import Exchange
from codeflow_engine.testing.forge.framework import web
from codeflow_engine.testing.forge.refusal import not_found
from codeflow_engine.testing.forge.state import ROLES

__all__ = ["routes"]

routes: web.RouteTableDef = web.RouteTableDef()


@routes.get("/repos/{owner}/{repo}")
async def _one(request: web.Request) -> web.Response:
    """Give a repository. Source: "Get a repository", /rest/repos/repos#get-a-repository."""
    asked = Exchange(request)
    repository = asked.repository()
    return web.json_response(people.repository(repository, asked.role(repository), full=True))


@routes.get("/repos/{owner}/{repo}/collaborators/{username}/permission")
async def _permission(request: web.Request) -> web.Response:
    """Tell what a user may do.

    Source: "Get repository permissions for a user",
    /rest/collaborators/collaborators#get-repository-permissions-for-a-user: the field
    `permission` knows `admin`, `write`, `read` and `none`; `maintain` is `write` there, and
    `triage` is `read`.
    """
    asked = Exchange(request)
    repository = asked.repository(role="write")
    account = asked.forge.find_user(asked.path("username"))
    if account is None:
        raise not_found()
    role = repository.permission_of(account.login)
    told = {"maintain": "write", "triage": "read"}.get(role, role)
    rank = ROLES.index(role)
    granted = {name: rank >= ROLES.index(each) for each, name in people.ROLE_NAMES.items()}
    return web.json_response(
        {
            "permission": told,
            "role_name": role,
            "user": {
                **people.user(asked.forge, account),
                "permissions": {**granted, "admin": role == "admin"},
                "role_name": role,
            },
        }
    )
