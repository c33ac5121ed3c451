"""Routes of files and directories by their paths."""

from __future__ import annotations

import base64
import posixpath
from typing import Any
from urllib.parse import quote

from codeflow_engine.testing.forge.api.history import find_commit
from codeflow_engine.testing.forge.exchange import Exchange
from codeflow_engine.testing.forge.framework import web
from codeflow_engine.testing.forge.objects import Entry
from codeflow_engine.testing.forge.refusal import Refusal, not_found
from codeflow_engine.testing.forge.repository import Repository

__all__ = ["routes"]

routes: web.RouteTableDef = web.RouteTableDef()
_LINK = "120000"
_DEEPEST = 40
"""Links that are followed one after the other, as the kernel has it."""


@routes.get("/repos/{owner}/{repo}/contents")
@routes.get("/repos/{owner}/{repo}/contents/{path:.*}")
async def _one(request: web.Request) -> web.Response:
    """Give a file, a directory, a link or a submodule.

    Source: "Get repository content", /rest/repos/contents#get-repository-content.
    """
    asked = Exchange(request)
    repository = asked.repository("contents")
    ref = asked.query("ref") or repository.default_branch
    if await repository.git.resolve(ref) is None:
        raise Refusal(404, f"No commit found for the ref {ref}")
    found = await find_commit(repository, ref)
    paths = await repository.git.paths(found.sha)
    path = asked.tail().strip(b"/") if "path" in request.match_info else b""
    entry = paths.get(path)
    if path and entry is None:
        raise not_found()
    if entry is None or entry.kind == "tree":
        return _directory(asked, repository, ref, path, paths)
    if entry.kind == "commit":
        return web.json_response(await _submodule(repository, ref, entry, paths))
    if entry.mode == _LINK:
        target = await _followed(repository, entry, paths)
        if target is None:
            told = _described(repository, ref, entry, "symlink")
            content = await repository.git.blob(entry.sha)
            return web.json_response({**told, "target": content.decode("utf-8", "replace")})
        entry = target
    return await _file(asked, repository, ref, entry)


async def _followed(
    repository: Repository, entry: Entry, paths: dict[bytes, Entry]
) -> Entry | None:
    """Give the file that a link leads to; None where it leads to none.

    Source: "Get repository content", section "If the content is a symlink".
    """
    for _ in range(_DEEPEST):
        target = await repository.git.blob(entry.sha)
        if target.startswith(b"/"):
            return None
        place = posixpath.normpath(posixpath.join(posixpath.dirname(entry.path), target))
        found = paths.get(place)
        if found is None or found.kind != "blob":
            return None
        if found.mode != _LINK:
            return found
        entry = found
    return None


async def _file(asked: Exchange, repository: Repository, ref: str, entry: Entry) -> web.Response:
    """Give a file: up to a megabyte in full, up to a hundred of them raw."""
    rules = asked.forge.rules
    size = entry.size or 0
    if size > rules.contents_raw_bytes:
        raise _too_large()
    if asked.media == "raw":
        content = await repository.git.blob(entry.sha)
        return web.Response(
            body=content, headers={"Content-Type": "application/vnd.github.raw; charset=utf-8"}
        )
    told = _described(repository, ref, entry, "file")
    if size > rules.contents_bytes:
        return web.json_response({**told, "encoding": "none", "content": ""})
    content = await repository.git.blob(entry.sha)
    encoded = base64.encodebytes(content).decode("ascii")
    return web.json_response({**told, "encoding": "base64", "content": encoded})


def _too_large() -> Refusal:
    """Refuse a file of more than a hundred megabytes."""
    return Refusal(
        403,
        "This API returns blobs up to 100 MB in size. The requested blob is too large to fetch"
        " via the API, but you can always clone the repository via Git in order to obtain it.",
        errors=[{"resource": "Blob", "field": "data", "code": "too_large"}],
    )


def _directory(
    asked: Exchange, repository: Repository, ref: str, path: bytes, paths: dict[bytes, Entry]
) -> web.Response:
    """List a directory, without what lies deeper; submodules are called files there."""
    kinds = {"tree": "dir", "commit": "file", "blob": "file"}
    told = [
        _described(repository, ref, each, "symlink" if each.mode == _LINK else kinds[each.kind])
        for each in paths.values()
        if posixpath.dirname(each.path) == path
    ]
    chosen = told[: asked.forge.rules.contents_entries]
    if asked.media != "object":
        return web.json_response(chosen)
    top = paths.get(path)
    top = top or Entry(path=b"", mode="040000", kind="tree", sha="", size=None)
    return web.json_response({**_described(repository, ref, top, "dir"), "entries": chosen})


async def _submodule(
    repository: Repository, ref: str, entry: Entry, paths: dict[bytes, Entry]
) -> dict[str, Any]:
    told = _described(repository, ref, entry, "submodule")
    modules = paths.get(b".gitmodules")
    url = None
    if modules is not None:
        listed = await repository.git.run("config", "--blob", modules.sha, "--list", "-z")
        url = _module_url(listed.stdout, entry.path)
    return {**told, "submodule_git_url": url, "git_url": None, "html_url": None}


def _module_url(listed: bytes, path: bytes) -> str | None:
    values = dict(row.split(b"\n", 1) for row in listed.split(b"\0") if b"\n" in row)
    for key, value in values.items():
        if key.startswith(b"submodule.") and key.endswith(b".path") and value == path:
            found = values.get(key.removesuffix(b".path") + b".url")
            return None if found is None else found.decode("utf-8", "replace")
    return None


def _described(repository: Repository, ref: str, entry: Entry, kind: str) -> dict[str, Any]:
    forge, name = repository.forge, repository.full_name
    path, at = quote(entry.path), quote(ref, safe="")
    url = f"{forge.url}/repos/{name}/contents/{path}?ref={at}"
    page = f"{forge.web_url}/{name}/{'tree' if kind == 'dir' else 'blob'}/{quote(ref)}/{path}"
    git = f"{forge.url}/repos/{name}/git/{'trees' if kind == 'dir' else 'blobs'}/{entry.sha}"
    raw = f"{forge.web_url}/{name}/raw/{quote(ref)}/{path}" if entry.kind == "blob" else None
    return {
        "type": kind,
        "size": entry.size or 0,
        "name": posixpath.basename(entry.path).decode("utf-8", "replace"),
        "path": entry.shown,
        "sha": entry.sha,
        "url": url,
        "git_url": git,
        "html_url": page,
        "download_url": raw,
        "_links": {"git": git, "html": page, "self": url},
    }
