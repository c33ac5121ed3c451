"""Routes of apps: who they are, where they are installed, and their tokens."""

from __future__ import annotations

from typing import Any

from codeflow_engine.testing.forge.apps import App, Installation
from codeflow_engine.testing.forge.auth import Kind
from codeflow_engine.testing.forge.clock import stamp
from codeflow_engine.testing.forge.documents import checks, people
from codeflow_engine.testing.forge.exchange import Exchange
from codeflow_engine.testing.forge.framework import web
from codeflow_engine.testing.forge.refusal import Refusal, not_found

__all__ = ["app_of", "routes"]

routes: web.RouteTableDef = web.RouteTableDef()


def app_of(asked: Exchange) -> App:
    """Find the app that asks by its web token.

    Source: "Authenticating as a GitHub App", /apps/creating-github-apps/
    authenticating-with-a-github-app/authenticating-as-a-github-app.
    """
    if asked.credential.kind is not Kind.APP or asked.credential.app_id is None:
        raise Refusal(401, "A JSON web token could not be decoded")
    return asked.forge.tokens.apps.app(asked.credential.app_id)


def _answered(asked: Exchange, found: Installation, app: App) -> web.Response:
    account = people.user(asked.forge, asked.forge.user(found.account))
    return web.json_response(found.document(app, account, asked.forge.url))


@routes.get("/app")
async def _own(request: web.Request) -> web.Response:
    """Give the app that asks. Source: "Get the authenticated app", /rest/apps/apps."""
    asked = Exchange(request)
    app = app_of(asked)
    number = len(asked.forge.tokens.apps.installations(app.id))
    return web.json_response({**checks.app(asked.forge, app), "installations_count": number})


@routes.get("/app/installations")
async def _installations(request: web.Request) -> web.Response:
    """List where the app is installed. Source: "List installations", /rest/apps/apps."""
    asked = Exchange(request)
    app = app_of(asked)

    def render(one: Installation) -> dict[str, Any]:
        account = people.user(asked.forge, asked.forge.user(one.account))
        return one.document(app, account, asked.forge.url)

    return asked.page(asked.forge.tokens.apps.installations(app.id), render)


@routes.get("/app/installations/{installation_id}")
async def _installation(request: web.Request) -> web.Response:
    """Give an installation of the app. Source: "Get an installation", /rest/apps/apps."""
    asked = Exchange(request)
    app = app_of(asked)
    return _answered(asked, _own_installation(asked, app), app)


def _own_installation(asked: Exchange, app: App) -> Installation:
    found = asked.forge.tokens.apps.installation(asked.number("installation_id"))
    if found.app_id != app.id:
        raise not_found()
    return found


@routes.post("/app/installations/{installation_id}/access_tokens")
async def _minted(request: web.Request) -> web.Response:
    """Make a token of an installation, for an hour (G13, G14).

    Source: "Create an installation access token for an app", /rest/apps/apps
    #create-an-installation-access-token-for-an-app.
    """
    asked = Exchange(request)
    app = app_of(asked)
    found = _own_installation(asked, app)
    wish = await asked.body()
    header = request.headers.get("X-GitHub-Stateless-S2S-Token")
    with asked.forge.lock:
        token, credential = asked.forge.tokens.mint(found.id, wish, header)
    told: dict[str, Any] = {
        "token": token,
        "expires_at": stamp(credential.expires_at or 0),
        "permissions": dict(credential.permissions or {}),
        "repository_selection": "all" if credential.repositories is None else "selected",
    }
    if "repositories" in wish or "repository_ids" in wish:
        names = sorted(credential.repositories or ())
        known = [asked.forge.find_repository(name) for name in names]
        told["repositories"] = [people.repository(one, "read") for one in known if one]
    return web.json_response(told, status=201)


@routes.get("/installation/repositories")
async def _reachable(request: web.Request) -> web.Response:
    """List the repositories that a token of an installation reaches.

    Source: "List repositories accessible to the app installation", /rest/apps/installations.
    """
    asked = Exchange(request)
    if asked.credential.kind is not Kind.INSTALLATION:
        raise Refusal(403, "You must authenticate with an installation access token.")
    seen = [one for one in asked.forge.repositories if asked.credential.reaches(one.full_name)]
    page, headers = asked.slice(seen)
    told = [people.repository(one, asked.role(one)) for one in page]
    return web.json_response({"total_count": len(seen), "repositories": told}, headers=headers)


@routes.delete("/installation/token")
async def _revoked(request: web.Request) -> web.Response:
    """Take the token away that asks.

    Source: "Revoke an installation access token", /rest/apps/installations.
    """
    asked = Exchange(request)
    if asked.credential.kind is not Kind.INSTALLATION:
        raise Refusal(403, "You must authenticate with an installation access token.")
    told = request.headers["Authorization"].partition(" ")[2].strip()
    with asked.forge.lock:
        asked.forge.tokens.revoke(told)
    return web.Response(status=204)


@routes.get("/repos/{owner}/{repo}/installation")
async def _of_repository(request: web.Request) -> web.Response:
    """Give the app's installation for a repository.

    Source: "Get a repository installation for the authenticated app", /rest/apps/apps.
    """
    asked = Exchange(request)
    app = app_of(asked)
    name = f"{asked.path('owner')}/{asked.path('repo')}"
    if asked.forge.find_repository(name) is None:
        raise not_found()
    return _found(asked, app, [one for one in _all(asked, app) if one.reaches(name)])


@routes.get("/orgs/{account}/installation")
@routes.get("/users/{account}/installation")
async def _of_account(request: web.Request) -> web.Response:
    """Give the app's installation on an account.

    Source: "Get an organization installation for the authenticated app", /rest/apps/apps.
    """
    asked = Exchange(request)
    app = app_of(asked)
    name = asked.path("account").lower()
    return _found(asked, app, [one for one in _all(asked, app) if one.account.lower() == name])


def _all(asked: Exchange, app: App) -> list[Installation]:
    return asked.forge.tokens.apps.installations(app.id)


def _found(asked: Exchange, app: App, found: list[Installation]) -> web.Response:
    if not found:
        raise not_found()
    return _answered(asked, found[0], app)
