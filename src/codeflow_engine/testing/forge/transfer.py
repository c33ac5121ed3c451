"""Git's smart protocol over HTTP: clones and fetches, of any commit that is there.

Source: "HTTP transfer protocols" of git's own documentation, gitprotocol-http. At GitHub, any
commit of a repository or of its forks can be fetched by its id.
"""

from __future__ import annotations

import re

from codeflow_engine.testing.forge.auth import ANONYMOUS, Credential, Kind
from codeflow_engine.testing.forge.exchange import CREDENTIAL, Exchange
from codeflow_engine.testing.forge.framework import web
from codeflow_engine.testing.forge.refusal import Refusal
from codeflow_engine.testing.forge.repository import Repository

__all__ = ["routes"]

routes: web.RouteTableDef = web.RouteTableDef()
_SERVICE = "git-upload-pack"
# The lowest route of each is the first to be tried: it takes `.git` off the name.
_NEVER = {"Cache-Control": "no-cache, max-age=0, must-revalidate"}


def _repository(request: web.Request) -> Repository:
    """Find the repository; who does not say who it is, is asked first (G30)."""
    try:
        return Exchange(request).repository("contents")
    except Refusal as refusal:
        who: Credential = request.get(CREDENTIAL, ANONYMOUS)
        if who.kind is Kind.ANONYMOUS:
            raise Refusal(
                401, "Repository not found.", headers={"WWW-Authenticate": 'Basic realm="GitHub"'}
            ) from None
        raise Refusal(404, "Repository not found.") from refusal


def _protocol(request: web.Request) -> dict[str, str]:
    told = request.headers.get("Git-Protocol", "")
    return {"GIT_PROTOCOL": told} if re.fullmatch(r"[a-z0-9=:.-]{1,64}", told) else {}


@routes.get("/{owner}/{repo}/info/refs")
@routes.get("/{owner}/{repo}.git/info/refs")
async def _refs(request: web.Request) -> web.Response:
    """Tell the refs, or what the server can do."""
    repository = _repository(request)
    if request.query.get("service") != _SERVICE:
        raise Refusal(403, "The forge can be read by git, not written to: use the API.")
    protocol = _protocol(request)
    done = await repository.git.run(
        *("upload-pack", "--stateless-rpc", "--http-backend-info-refs"),
        str(repository.git.directory),
        env=protocol,
    )
    first = b"" if "version=2" in protocol.get("GIT_PROTOCOL", "") else _announced()
    return web.Response(
        body=first + done.stdout,
        headers={**_NEVER, "Content-Type": f"application/x-{_SERVICE}-advertisement"},
    )


def _announced() -> bytes:
    line = f"# service={_SERVICE}\n".encode()
    return b"%04x%s0000" % (len(line) + 4, line)


@routes.post("/{owner}/{repo}/git-upload-pack")
@routes.post("/{owner}/{repo}.git/git-upload-pack")
async def _upload_pack(request: web.Request) -> web.Response:
    """Give what a client wants and does not have."""
    repository = _repository(request)
    done = await repository.git.run(
        *("upload-pack", "--stateless-rpc", str(repository.git.directory)),
        stdin=await request.read(),
        env=_protocol(request),
    )
    return web.Response(
        body=done.stdout, headers={**_NEVER, "Content-Type": f"application/x-{_SERVICE}-result"}
    )
