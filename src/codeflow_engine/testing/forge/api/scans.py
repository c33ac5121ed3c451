"""Routes of code scanning: uploads of SARIF, and what came of them."""

from __future__ import annotations

from typing import Any

from codeflow_engine.testing.forge.documents import checks as documents
from codeflow_engine.testing.forge.exchange import Exchange
from codeflow_engine.testing.forge.framework import web
from codeflow_engine.testing.forge.refusal import Refusal, not_found

__all__ = ["routes"]

routes: web.RouteTableDef = web.RouteTableDef()
_NEEDED = "security_events"


@routes.post("/repos/{owner}/{repo}/code-scanning/sarifs")
async def _uploaded(request: web.Request) -> web.Response:
    """Take in a report, which is looked at later (G26).

    Source: "Upload an analysis as SARIF data", /rest/code-scanning/code-scanning.
    """
    asked = Exchange(request)
    repository = asked.repository(_NEEDED, "write", role="write")
    body = await asked.body()
    with asked.forge.lock:
        made = repository.scans.upload(body, now=asked.forge.clock.now())
    at = f"{asked.forge.url}/repos/{repository.full_name}/code-scanning/sarifs/{made.id}"
    return web.json_response({"id": made.id, "url": at}, status=202)


@routes.get("/repos/{owner}/{repo}/code-scanning/sarifs/{sarif_id}")
async def _status(request: web.Request) -> web.Response:
    """Tell how far an upload is.

    Source: "Get information about a SARIF upload", /rest/code-scanning/code-scanning.
    """
    asked = Exchange(request)
    repository = asked.repository(_NEEDED, role="write")
    identifier = asked.path("sarif_id")
    with asked.forge.lock:
        state, errors = repository.scans.status(identifier, next_id=asked.forge.next_id)
    at = f"{asked.forge.url}/repos/{repository.full_name}/code-scanning/analyses"
    done = state == "complete"
    told: dict[str, Any] = {
        "processing_status": state,
        "analyses_url": f"{at}?sarif_id={identifier}" if done else None,
        "errors": errors or None,
    }
    return web.json_response(told)


@routes.get("/repos/{owner}/{repo}/code-scanning/analyses")
async def _analyses(request: web.Request) -> web.Response:
    """List analyses, newest first.

    Source: "List code scanning analyses for a repository",
    /rest/code-scanning/code-scanning.
    """
    asked = Exchange(request)
    repository = asked.repository(_NEEDED, role="write")
    found = repository.scans.listed(
        ref=asked.query("ref") or None, sarif_id=asked.query("sarif_id") or None
    )
    return asked.page(found, lambda one: documents.analysis(repository, one))


@routes.delete("/repos/{owner}/{repo}/code-scanning/analyses/{analysis_id}")
async def _deleted(request: web.Request) -> web.Response:
    """Take an analysis away; the last one of its kind only where that is confirmed.

    Source: "Delete a code scanning analysis from a repository",
    /rest/code-scanning/code-scanning.
    """
    asked = Exchange(request)
    repository = asked.repository(_NEEDED, "write", role="write")
    number = asked.number("analysis_id")
    with asked.forge.lock:
        found = next((one for one in repository.scans.analyses if one.id == number), None)
        if found is None:
            raise not_found()
        same = [
            one
            for one in repository.scans.analyses
            if (one.ref, one.tool, one.category) == (found.ref, found.tool, found.category)
        ]
        if same == [found] and asked.query("confirm_delete") != "true":
            raise Refusal(400, "Analysis is last of its type and deletion may result in the loss")
        repository.scans.analyses.remove(found)
    return web.json_response({"next_analysis_url": None, "confirm_delete_url": None})
