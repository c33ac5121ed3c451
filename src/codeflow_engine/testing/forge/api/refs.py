"""Routes that make, move and take away refs."""

from __future__ import annotations

from typing import Any

from codeflow_engine.testing.forge.documents.people import node_id
from codeflow_engine.testing.forge.exchange import Exchange
from codeflow_engine.testing.forge.framework import web
from codeflow_engine.testing.forge.refusal import Refusal, not_found
from codeflow_engine.testing.forge.repository import Repository

__all__ = ["document", "routes"]

routes: web.RouteTableDef = web.RouteTableDef()
_REFS = "/repos/{owner}/{repo}/git/refs"


async def document(repository: Repository, name: str, sha: str) -> dict[str, Any]:
    """Give a ref."""
    at = f"{repository.forge.url}/repos/{repository.full_name}/git"
    kind = await repository.git.kind(sha)
    number = int.from_bytes(name.encode("utf-8", "surrogateescape"), "big")
    return {
        "ref": name,
        "node_id": node_id("REF", number),
        "url": f"{at}/{name}",
        "object": {"sha": sha, "type": kind, "url": f"{at}/{kind}s/{sha}"},
    }


@routes.get("/repos/{owner}/{repo}/git/ref/{ref:.+}")
async def _one(request: web.Request) -> web.Response:
    """Give a ref. Source: "Get a reference", /rest/git/refs#get-a-reference."""
    asked = Exchange(request)
    repository = asked.repository("contents")
    name = f"refs/{asked.path('ref')}"
    sha = repository.git.read_ref(name)
    if sha is None:
        raise not_found()
    return web.json_response(await document(repository, name, sha))


@routes.get("/repos/{owner}/{repo}/git/matching-refs/{ref:.*}")
async def _matching(request: web.Request) -> web.Response:
    """List the refs whose names begin alike.

    Source: "List matching references", /rest/git/refs#list-matching-references.
    """
    asked = Exchange(request)
    repository = asked.repository("contents")
    prefix = f"refs/{asked.path('ref')}"
    found = [one for one in repository.git.refs("refs/").items() if one[0].startswith(prefix)]
    page, headers = asked.slice(found)
    told = [await document(repository, name, sha) for name, sha in page]
    return web.json_response(told, headers=headers)


@routes.post(_REFS)
async def _created(request: web.Request) -> web.Response:
    """Make a ref. Source: "Create a reference", /rest/git/refs#create-a-reference."""
    asked = Exchange(request)
    repository = asked.repository("contents", "write", role="write")
    body = await asked.body(required=("ref", "sha"))
    name, sha = str(body["ref"]), str(body["sha"])
    if not name.startswith("refs/") or name.count("/") < 2:  # noqa: PLR2004 - refs/heads/x
        raise Refusal(422, "Reference name must start with 'refs/' and have at least two slashes")
    if (await repository.git.run("check-ref-format", name)).returncode:
        raise Refusal(422, f"{name} is not a valid ref name.")
    await _see_object(repository, name, sha)
    with asked.forge.lock:
        if repository.git.read_ref(name) is not None:
            raise Refusal(422, "Reference already exists")
        try:
            repository.git.write_ref(name, sha)
        except OSError:
            raise Refusal(422, "Reference update failed") from None
    await _follow(repository, name)
    told = await document(repository, name, sha)
    return web.json_response(told, status=201, headers={"Location": told["url"]})


@routes.patch(_REFS + "/{ref:.+}")
async def _moved(request: web.Request) -> web.Response:
    """Move a ref, forward unless forced.

    Source: "Update a reference", /rest/git/refs#update-a-reference.
    """
    asked = Exchange(request)
    repository = asked.repository("contents", "write", role="write")
    body = await asked.body(required=("sha",))
    name, sha = f"refs/{asked.path('ref')}", str(body["sha"])
    present = repository.git.read_ref(name)
    if present is None:
        raise Refusal(422, "Reference does not exist")
    await _see_object(repository, name, sha)
    if body.get("force") is not True:
        ahead = await repository.git.run("merge-base", "--is-ancestor", present, sha)
        if ahead.returncode:
            raise Refusal(422, "Update is not a fast forward")
    with asked.forge.lock:
        if repository.git.read_ref(name) != present:
            raise Refusal(422, "Reference cannot be updated")
        repository.git.write_ref(name, sha)
    await _follow(repository, name)
    return web.json_response(await document(repository, name, sha))


@routes.delete(_REFS + "/{ref:.+}")
async def _deleted(request: web.Request) -> web.Response:
    """Take a ref away. Source: "Delete a reference", /rest/git/refs#delete-a-reference."""
    asked = Exchange(request)
    repository = asked.repository("contents", "write", role="write")
    name = f"refs/{asked.path('ref')}"
    with asked.forge.lock:
        if repository.git.read_ref(name) is None:
            raise Refusal(422, "Reference does not exist")
        repository.git.delete_ref(name)
    return web.Response(status=204)


async def _see_object(repository: Repository, name: str, sha: str) -> None:
    kind = await repository.git.kind(sha)
    if kind is None or len(sha) != 40:  # noqa: PLR2004 - a whole id of SHA-1
        raise Refusal(422, "Object does not exist")
    if name.startswith("refs/heads/") and kind != "commit":
        raise Refusal(422, "Object is not a commit")


async def _follow(repository: Repository, name: str) -> None:
    if name.startswith("refs/heads/"):
        await repository.refresh(name.removeprefix("refs/heads/"))
