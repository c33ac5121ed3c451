"""Routes of reactions to comments, in the conversation and on code."""

from __future__ import annotations

from collections.abc import Callable

from codeflow_engine.testing.forge.api.review_comments import find_review_comment
from codeflow_engine.testing.forge.api.talk import find_comment, refuse_others
from codeflow_engine.testing.forge.documents import talk
from codeflow_engine.testing.forge.exchange import Exchange
from codeflow_engine.testing.forge.framework import web
from codeflow_engine.testing.forge.refusal import invalid, not_found
from codeflow_engine.testing.forge.repository import Repository
from codeflow_engine.testing.forge.state import Reaction

__all__ = ["routes"]

routes: web.RouteTableDef = web.RouteTableDef()
_TALK = "/repos/{owner}/{repo}/issues/comments/{comment_id}/reactions"
_CODE = "/repos/{owner}/{repo}/pulls/comments/{comment_id}/reactions"

type _Find = Callable[[Exchange, Repository], list[Reaction]]


def _to_talk(asked: Exchange, repository: Repository) -> list[Reaction]:
    return find_comment(asked, repository)[1].reactions


def _to_code(asked: Exchange, repository: Repository) -> list[Reaction]:
    return find_review_comment(asked, repository)[1].reactions


def _listed(request: web.Request, find: _Find) -> web.Response:
    asked = Exchange(request)
    found = find(asked, asked.repository("issues|pull_requests"))
    content = asked.query("content")
    chosen = [one for one in found if content in {"", one.content}]
    return asked.page(chosen, lambda one: talk.reaction(asked.forge, one))


async def _added(request: web.Request, find: _Find) -> web.Response:
    """React; who has reacted so already gets that reaction, with 200 in place of 201."""
    asked = Exchange(request)
    reactions = find(asked, asked.repository("issues|pull_requests", "write"))
    content = (await asked.body(required=("content",)))["content"]
    if content not in talk.CONTENTS:
        raise invalid("Reaction", "content", "invalid")
    with asked.forge.lock:
        for one in reactions:
            if one.user is asked.user and one.content == content:
                return web.json_response(talk.reaction(asked.forge, one))
        made = Reaction(
            id=asked.forge.next_id(),
            user=asked.user,
            content=content,
            created_at=asked.forge.clock.now(),
        )
        reactions.append(made)
    return web.json_response(talk.reaction(asked.forge, made), status=201)


def _removed(request: web.Request, find: _Find) -> web.Response:
    asked = Exchange(request)
    repository = asked.repository("issues|pull_requests", "write")
    reactions, number = find(asked, repository), asked.number("reaction_id")
    for one in list(reactions):
        if one.id == number:
            refuse_others(asked, repository, one.user.login)
            with asked.forge.lock:
                reactions.remove(one)
            return web.Response(status=204)
    raise not_found()


@routes.get(_TALK)
async def _talk_listed(request: web.Request) -> web.Response:
    """List reactions. Source: "List reactions for an issue comment", /rest/reactions."""
    return _listed(request, _to_talk)


@routes.post(_TALK)
async def _talk_added(request: web.Request) -> web.Response:
    """React. Source: "Create reaction for an issue comment", /rest/reactions/reactions."""
    return await _added(request, _to_talk)


@routes.delete(_TALK + "/{reaction_id}")
async def _talk_removed(request: web.Request) -> web.Response:
    """Take it back. Source: "Delete an issue comment reaction", /rest/reactions/reactions."""
    return _removed(request, _to_talk)


@routes.get(_CODE)
async def _code_listed(request: web.Request) -> web.Response:
    """List reactions.

    Source: "List reactions for a pull request review comment", /rest/reactions/reactions.
    """
    return _listed(request, _to_code)


@routes.post(_CODE)
async def _code_added(request: web.Request) -> web.Response:
    """React.

    Source: "Create reaction for a pull request review comment", /rest/reactions/reactions.
    """
    return await _added(request, _to_code)


@routes.delete(_CODE + "/{reaction_id}")
async def _code_removed(request: web.Request) -> web.Response:
    """Take it back.

    Source: "Delete a pull request comment reaction", /rest/reactions/reactions.
    """
    return _removed(request, _to_code)
