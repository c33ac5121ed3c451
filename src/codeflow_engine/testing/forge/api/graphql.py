"""The one route of the GraphQL API."""

from __future__ import annotations

from typing import Any

from codeflow_engine.testing.forge.exchange import Exchange
from codeflow_engine.testing.forge.framework import web
from codeflow_engine.testing.forge.graphql import execute, schema_for
from codeflow_engine.testing.forge.refusal import Refusal

__all__ = ["routes"]

routes: web.RouteTableDef = web.RouteTableDef()


@routes.post("/api/graphql")
async def _graphql(request: web.Request) -> web.Response:
    """Run a document. Errors of it come with status 200.

    Source: "Forming calls with GraphQL", /graphql/guides/forming-calls-with-graphql.
    """
    asked = Exchange(request)
    if not asked.credential.login:
        message = "This endpoint requires you to be authenticated."
        raise Refusal(401, message, documentation="/graphql")
    body = await asked.body()
    query, variables, name = (body.get(key) for key in ("query", "variables", "operationName"))
    if not isinstance(query, str):
        return web.json_response(
            {"errors": [{"message": "A query attribute must be specified and must be a string."}]}
        )
    values: dict[str, Any] = variables if isinstance(variables, dict) else {}
    return web.json_response(
        await execute(schema_for(asked), query, variables=values, name=name or None)
    )
