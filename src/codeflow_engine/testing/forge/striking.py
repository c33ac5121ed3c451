"""Does to a request what a fault says: wrong answers, late ones, half ones, and none."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable

from codeflow_engine.testing.forge.faults import Act, Fault
from codeflow_engine.testing.forge.framework import web

__all__ = ["strike"]

type _Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]

_PIECES = 20
"""In so many pieces a slow answer comes."""

_PAGE = """\
<!DOCTYPE html>
<html>
<head><title>{status} &middot; Unicorn!</title></head>
<body><p>This page is taking too long to load.</p></body>
</html>
"""


async def strike(
    fault: Fault | None, latency: float, request: web.Request, answer: _Answer
) -> web.StreamResponse:
    """Answer a request as it goes wrong. Whoever waits here waits without a thread."""
    if latency:
        await asyncio.sleep(latency)
    if fault is None:
        return await answer(request)
    if fault.call is not None:
        # It may change what the forge keeps, which it does from a thread of its own.
        await asyncio.to_thread(fault.call)
    if fault.act in _BESIDE:
        response = await answer(request) if fault.after else None
        return await _beside(fault, request, response)
    return await _changed(fault, request, await answer(request))


_BESIDE = frozenset({Act.STATUS, Act.HANG, Act.RESET, Act.HTML, Act.REDIRECT})
"""What gives another answer than that of the request, which need not be worked on."""


async def _beside(
    fault: Fault, request: web.Request, response: web.StreamResponse | None
) -> web.StreamResponse:
    del response  # what was written stands; the answer is lost
    if fault.act is Act.RESET:
        return _broken(request)
    if fault.act is Act.HANG:
        await asyncio.sleep(fault.seconds)
        return _page(504)
    if fault.act is Act.HTML:
        return _page(200)
    if fault.act is Act.REDIRECT:
        url = fault.location
        told = {
            "message": "Moved Permanently",
            "url": url,
            "documentation_url": "https://docs.github.com/rest",
        }
        return web.json_response(told, status=fault.status, headers={"Location": url})
    headers = {} if fault.retry_after is None else {"retry-after": str(fault.retry_after)}
    if fault.status < 500:  # noqa: PLR2004 - the client's errors have a document
        message = {404: "Not Found", 403: "Forbidden"}.get(fault.status, "Bad Request")
        told = {"message": message, "status": str(fault.status)}
        return web.json_response(told, status=fault.status, headers=headers)
    return _page(fault.status, headers)


async def _changed(
    fault: Fault, request: web.Request, response: web.StreamResponse
) -> web.StreamResponse:
    body = response.body if isinstance(response, web.Response) else None
    if not isinstance(response, web.Response) or not isinstance(body, bytes):
        return response
    if fault.act is Act.DELAY:
        await asyncio.sleep(fault.seconds)
    elif fault.act is Act.TYPE:
        response.headers["Content-Type"] = "application/octet-stream"
    elif fault.act is Act.TRUNCATE:
        response.body = body[: len(body) // 2]
    elif fault.act in {Act.REVERSE, Act.REPEAT}:
        _reorder(fault.act, response, body)
    elif fault.act in {Act.CUT, Act.DRIP}:
        return await _slowly(fault, request, response, body)
    return response


def _reorder(act: Act, response: web.Response, body: bytes) -> None:
    listed = response.content_type == "application/json"
    told = json.loads(body) if body and listed else None
    if not isinstance(told, list):
        return
    told = told[::-1] if act is Act.REVERSE else told + told[-1:]
    response.body = json.dumps(told).encode("utf-8")


async def _slowly(
    fault: Fault, request: web.Request, response: web.Response, body: bytes
) -> web.StreamResponse:
    """Write an answer in pieces; a cut one ends in its midst."""
    headers = {name: value for name, value in response.headers.items() if name != "Content-Length"}
    stream = web.StreamResponse(status=response.status, headers=headers)
    stream.content_length = len(body)
    await stream.prepare(request)
    if fault.act is Act.CUT:
        await stream.write(body[: len(body) // 2])
        await asyncio.sleep(0.01)  # what was written is on its way before the connection breaks
        return _broken(request, stream)
    size = max(1, -(-len(body) // _PIECES))
    for at in range(0, len(body), size):
        await asyncio.sleep(fault.seconds / _PIECES)
        await stream.write(body[at : at + size])
    await stream.write_eof()
    return stream


def _broken(request: web.Request, response: web.StreamResponse | None = None) -> web.StreamResponse:
    """Break the connection of a request; what is given is written to nobody."""
    if request.transport is not None:
        request.transport.abort()
    return response or web.Response()


def _page(status: int, headers: dict[str, str] | None = None) -> web.Response:
    return web.Response(
        status=status, text=_PAGE.format(status=status), content_type="text/html", headers=headers
    )
