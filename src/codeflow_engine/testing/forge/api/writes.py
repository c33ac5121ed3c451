"""Routes that write into the git repository: blobs, trees, commits and refs."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from codeflow_engine.testing.forge.documents import history
from codeflow_engine.testing.forge.exchange import Exchange
from codeflow_engine.testing.forge.framework import web
from codeflow_engine.testing.forge.refusal import Refusal
from codeflow_engine.testing.forge.repository import Repository
from codeflow_engine.testing.forge.staging import Staged, write_tree

__all__ = ["routes"]

routes: web.RouteTableDef = web.RouteTableDef()

_MODES = ("100644", "100755", "040000", "160000", "120000")
_GIT = "/repos/{owner}/{repo}/git"


def _at(repository: Repository) -> str:
    return f"{repository.forge.url}/repos/{repository.full_name}/git"


@routes.post(_GIT + "/blobs")
async def _blob(request: web.Request) -> web.Response:
    """Write a blob. Source: "Create a blob", /rest/git/blobs#create-a-blob."""
    asked = Exchange(request)
    repository = asked.repository("contents", "write", role="write")
    body = await asked.body()
    if not isinstance(body.get("content"), str):
        raise Refusal(422, 'Invalid request.\n\n"content" wasn\'t supplied.')
    content = _content(body["content"], body.get("encoding", "utf-8"))
    if len(content) > asked.forge.rules.blob_bytes:
        raise Refusal(422, "Sorry, your input was too large to process.")
    told = await repository.git.ask("hash-object", "-w", "--stdin", stdin=content)
    sha = told.decode().strip()
    return web.json_response({"url": f"{_at(repository)}/blobs/{sha}", "sha": sha}, status=201)


def _content(text: str, encoding: object) -> bytes:
    if encoding == "base64":
        try:
            return base64.b64decode("".join(text.split()), validate=True)
        except (binascii.Error, ValueError):
            raise Refusal(422, "content is not valid Base64") from None
    if encoding != "utf-8":
        raise Refusal(422, f"Unsupported encoding: {encoding}")
    return text.encode("utf-8", "surrogatepass")


@routes.post(_GIT + "/trees")
async def _tree(request: web.Request) -> web.Response:
    """Write a tree, on top of another one where one is named.

    Source: "Create a tree", /rest/git/trees#create-a-tree; an entry whose `sha` is null takes
    a file away.
    """
    asked = Exchange(request)
    repository = asked.repository("contents", "write", role="write")
    body = await asked.body(required=("tree",))
    entries = body["tree"]
    if not isinstance(entries, list) or not entries:
        raise Refusal(422, "Invalid tree info")
    base = body.get("base_tree")
    if base is not None and await repository.git.kind(str(base)) not in {"tree", "commit"}:
        raise Refusal(422, "base_tree is not a tree oid")
    staged = [await _staged(repository, one) for one in entries]
    sha = await write_tree(repository.git, staged, base=base)
    if sha is None:
        raise Refusal(422, "GitRPC::BadObjectState")
    listed = await repository.git.tree(sha)
    told = [
        {
            "path": one.shown,
            "mode": one.mode,
            "type": one.kind,
            "sha": one.sha,
            "url": f"{_at(repository)}/{one.kind}s/{one.sha}",
            **({} if one.size is None else {"size": one.size}),
        }
        for one in listed
    ]
    url = f"{_at(repository)}/trees/{sha}"
    return web.json_response({"sha": sha, "url": url, "tree": told, "truncated": False}, status=201)


async def _staged(repository: Repository, entry: object) -> Staged:
    """Check an entry of a tree, and write its content where it has one."""
    if not isinstance(entry, Mapping) or entry.get("mode") not in _MODES:
        raise Refusal(422, "tree.mode must be one of " + ", ".join(_MODES))
    path, sha, content = entry.get("path"), entry.get("sha"), entry.get("content")
    bad = {"", ".", "..", ".git"}
    if not isinstance(path, str) or bad & {part.lower() for part in path.split("/")}:
        raise Refusal(422, "tree.path contains a malformed path component")
    if content is not None and sha is not None:
        raise Refusal(422, "tree.sha and tree.content cannot both be given")
    raw = path.encode("utf-8", "surrogateescape")
    mode = str(entry["mode"])
    if content is not None:
        told = await repository.git.ask(
            "hash-object", "-w", "--stdin", stdin=str(content).encode("utf-8", "surrogatepass")
        )
        return Staged(path=raw, mode=mode, sha=told.decode().strip())
    if "sha" not in entry:
        raise Refusal(422, "Must supply either tree.sha or tree.content")
    if sha is None:
        return Staged(path=raw, mode=mode, sha=None)
    wanted = {"040000": "tree", "160000": None}.get(mode, "blob")
    if wanted is not None and await repository.git.kind(str(sha)) != wanted:
        raise Refusal(422, f"tree.sha {sha} is not a valid {wanted}")
    return Staged(path=raw, mode=mode, sha=str(sha))


@routes.post(_GIT + "/commits")
async def _commit(request: web.Request) -> web.Response:
    """Write a commit. Source: "Create a commit", /rest/git/commits#create-a-commit."""
    asked = Exchange(request)
    repository = asked.repository("contents", "write", role="write")
    body = await asked.body(required=("message", "tree"))
    if await repository.git.kind(str(body["tree"])) != "tree":
        raise Refusal(422, "Tree SHA does not exist")
    parents = [str(one) for one in body.get("parents") or ()]
    for each in parents:
        if await repository.git.kind(each) != "commit":
            raise Refusal(422, "Parent SHA does not exist or is not a commit object")
    words = [word for each in parents for word in ("-p", each)]
    done = await repository.git.run(
        *("commit-tree", str(body["tree"]), *words),
        stdin=str(body["message"]).encode("utf-8", "surrogatepass"),
        env=_signed(asked, repository, body),
    )
    if done.returncode:
        raise Refusal(422, "Invalid commit")
    sha = done.stdout.decode().strip()
    told = history.git_commit(repository, await repository.git.commit(sha))
    return web.json_response(told, status=201, headers={"Location": told["url"]})


def _signed(asked: Exchange, repository: Repository, body: Mapping[str, Any]) -> dict[str, str]:
    """Say who wrote a commit: who asks, where the body does not say."""
    env = dict(repository.signature(asked.user.login).environment)
    author, committer = body.get("author"), body.get("committer")
    for role, who in (("AUTHOR", author), ("COMMITTER", committer or author)):
        if who is None:
            continue
        if not isinstance(who, Mapping) or not who.get("name") or not who.get("email"):
            raise Refusal(422, 'Invalid request.\n\n"name", "email" weren\'t supplied.')
        env[f"GIT_{role}_NAME"], env[f"GIT_{role}_EMAIL"] = str(who["name"]), str(who["email"])
        if who.get("date"):
            try:
                at = datetime.fromisoformat(str(who["date"])).astimezone(UTC)
            except ValueError:
                raise Refusal(422, "Invalid request.\n\ndate is not a timestamp.") from None
            env[f"GIT_{role}_DATE"] = f"{int(at.timestamp())} +0000"
    return env
