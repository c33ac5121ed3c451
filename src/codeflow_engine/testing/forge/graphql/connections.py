"""Connections: lists that are given page by page, with cursors."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from codeflow_engine.testing.forge.graphql.schema import FieldOf, Stop, TypeOf

__all__ = ["PAGE", "connected", "connection", "page_of"]

PAGE: Mapping[str, str] = {"first": "Int", "last": "Int", "after": "String", "before": "String"}
"""The arguments of each connection."""


def connection(kind: str) -> Mapping[str, TypeOf]:
    """Give the types of a connection to values of a type.

    Source: "Using pagination in the GraphQL API", /graphql/guides/
    using-pagination-in-the-graphql-api.
    """
    return {
        f"{kind}Connection": TypeOf(
            {
                "totalCount": FieldOf("Int!"),
                "nodes": FieldOf(f"[{kind}]"),
                "edges": FieldOf(f"[{kind}Edge]"),
                "pageInfo": FieldOf("PageInfo!"),
            }
        ),
        f"{kind}Edge": TypeOf({"cursor": FieldOf("String!"), "node": FieldOf(kind)}),
    }


def connected(
    kind: str, listed: Callable[[Any, Mapping[str, Any]], Sequence[Any]], **arguments: str
) -> FieldOf:
    """Make the field that gives a connection."""

    def find(source: Any, given: Mapping[str, Any]) -> dict[str, Any]:
        return page_of(listed(source, given), given)

    return FieldOf(f"{kind}Connection!", {**PAGE, **arguments}, find, paged=True)


def page_of(items: Sequence[Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """Give one page of a list.

    Raises:
        Stop: A cursor is none.
    """
    start, stop = 0, len(items)
    if given.get("after") is not None:
        start = min(_place(given["after"], "after"), stop)
    if given.get("before") is not None:
        stop = max(start, min(stop, _place(given["before"], "before") - 1))
    if given.get("first") is not None:
        stop = min(stop, start + given["first"])
    if given.get("last") is not None:
        start = max(start, stop - given["last"])
    edges = [{"cursor": _cursor(index + 1), "node": items[index]} for index in range(start, stop)]
    return {
        "totalCount": len(items),
        "nodes": [edge["node"] for edge in edges],
        "edges": edges,
        "pageInfo": {
            "hasNextPage": stop < len(items),
            "hasPreviousPage": start > 0,
            "startCursor": edges[0]["cursor"] if edges else None,
            "endCursor": edges[-1]["cursor"] if edges else None,
        },
    }


def _cursor(place: int) -> str:
    return base64.b64encode(f"cursor:v2:{place}".encode("ascii")).decode("ascii")


def _place(cursor: str, argument: str) -> int:
    try:
        told = base64.b64decode(cursor, validate=True).decode("ascii")
    except (binascii.Error, ValueError):
        told = ""
    number = told.removeprefix("cursor:v2:")
    if not told.startswith("cursor:v2:") or not number.isdigit():
        message = f"`{cursor}` does not appear to be a valid cursor (argument `{argument}`)."
        raise Stop("INVALID_CURSOR_ARGUMENTS", message)
    return int(number)
