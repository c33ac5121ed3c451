"""The whole schema, as it is for one request."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from codeflow_engine.testing.forge.clock import stamp
from codeflow_engine.testing.forge.graphql.fields import ENUMS, object_types
from codeflow_engine.testing.forge.graphql.mutations import INPUTS, mutations
from codeflow_engine.testing.forge.graphql.schema import FieldOf, Schema, TypeOf
from codeflow_engine.testing.forge.graphql.viewing import Viewing

if TYPE_CHECKING:
    from codeflow_engine.testing.forge.exchange import Exchange

__all__ = ["schema_for"]


def schema_for(asked: Exchange) -> Schema:
    """Give the schema, whose fields see what this request may see."""
    see = Viewing(asked)

    def limit(_: Any, __: Mapping[str, Any]) -> dict[str, Any]:
        """Tell the primary limit.

        Source: "Rate limits and query limits for the GraphQL API", section "Checking the
        status of your primary rate limit".
        """
        told = asked.forge.limits.state(asked.credential, "graphql")
        return {**told, "cost": 1, "nodeCount": 0, "resetAt": stamp(told["reset"])}

    numbers = ("limit", "cost", "remaining", "used", "nodeCount")
    query = {
        "viewer": FieldOf("User!", find=lambda _, __: see.person(see.viewer)),
        "repository": FieldOf(
            "Repository",
            {"owner": "String!", "name": "String!", "followRenames": "Boolean"},
            see.repository,
        ),
        "node": FieldOf("Node", {"id": "ID!"}, see.node),
        "rateLimit": FieldOf("RateLimit", {"dryRun": "Boolean"}, limit),
    }
    types = {
        "Query": TypeOf(query),
        "RateLimit": TypeOf(
            {**{name: FieldOf("Int!") for name in numbers}, "resetAt": FieldOf("DateTime!")}
        ),
        **object_types(see),
        **mutations(see),
    }
    return Schema(types=types, inputs=INPUTS, enums=ENUMS)
