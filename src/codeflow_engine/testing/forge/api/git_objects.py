"""Routes that read git's objects: trees, blobs and commits by their ids."""

from __future__ import annotations

import base64
from typing import Any

from codeflow_engine.testing.forge.documents import history, people
from codeflow_engine.testing.forge.exchange import Exchange
from codeflow_engine.testing.forge.framework import web
from codeflow_engine.testing.forge.refusal import Refusal, not_found

__all__ = ["routes"]

routes: web.RouteTableDef = web.RouteTableDef()
_HOME = "/repos/{owner}/{repo}/git"
_RATE = 120
"""Bytes that an entry takes in an answer, beside its path."""


@routes.get(_HOME + "/trees/{sha:.+}")
async def _tree(request: web.Request) -> web.Response:
    """Give a tree; with `recursive`, whatever its value is, all below it.

    What is more than 100,000 entries or 7 MB is cut, and says `truncated`.

    Source: "Get a tree", /rest/git/trees#get-a-tree.
    """
    asked = Exchange(request)
    repository = asked.repository("contents")
    name = asked.tail().decode("utf-8", "replace")
    git = repository.git
    resolved = await git.resolve(name)
    sha = (await git.commit(resolved)).tree if resolved is not None else name
    if await git.kind(sha) != "tree":
        raise not_found()
    entries = await git.tree(sha, recursive="recursive" in request.query)
    home = f"{asked.forge.url}/repos/{repository.full_name}/git"
    rules, size = asked.forge.rules, 0
    told: list[dict[str, Any]] = []
    for entry in entries:
        size += len(entry.path) + _RATE
        if len(told) == rules.tree_entries or size > rules.tree_bytes:
            break
        one: dict[str, Any] = {
            "path": entry.shown,
            "mode": entry.mode,
            "type": entry.kind,
            "sha": entry.sha,
        }
        if entry.kind == "blob":
            one |= {"size": entry.size, "url": f"{home}/blobs/{entry.sha}"}
        elif entry.kind == "tree":
            one |= {"url": f"{home}/trees/{entry.sha}"}
        told.append(one)
    return web.json_response(
        {
            "sha": sha,
            "url": f"{home}/trees/{sha}",
            "tree": told,
            "truncated": len(told) < len(entries),
        }
    )


@routes.get(_HOME + "/blobs/{sha}")
async def _blob(request: web.Request) -> web.Response:
    """Give a file by its id, in base64 or raw, up to 100 MB.

    Source: "Get a blob", /rest/git/blobs#get-a-blob.
    """
    asked = Exchange(request)
    repository = asked.repository("contents")
    sha = asked.path("sha")
    if await repository.git.kind(sha) != "blob":
        raise not_found()
    content = await repository.git.blob(sha)
    if len(content) > asked.forge.rules.blob_bytes:
        raise Refusal(
            403,
            "The blob is too large to fetch via the API.",
            errors=[{"resource": "Blob", "field": "data", "code": "too_large"}],
        )
    if asked.media == "raw":
        return web.Response(
            body=content, headers={"Content-Type": "application/vnd.github.raw; charset=utf-8"}
        )
    return web.json_response(
        {
            "sha": sha,
            "node_id": people.node_id("B", repository.id) + sha,
            "size": len(content),
            "url": f"{asked.forge.url}/repos/{repository.full_name}/git/blobs/{sha}",
            "content": base64.encodebytes(content).decode("ascii"),
            "encoding": "base64",
        }
    )


@routes.get(_HOME + "/commits/{sha}")
async def _commit(request: web.Request) -> web.Response:
    """Give a commit by its id. Source: "Get a commit object", /rest/git/commits."""
    asked = Exchange(request)
    repository = asked.repository("contents")
    sha = asked.path("sha")
    if await repository.git.kind(sha) != "commit":
        raise not_found()
    return web.json_response(history.git_commit(repository, await repository.git.commit(sha)))
