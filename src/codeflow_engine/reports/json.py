"""The JSON report: the review's public form, written the same way each time."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from codeflow_engine.reports.form import conform, load_schema
from codeflow_engine.reports.visible import escape_json

__all__ = ["render", "schema"]


def render(review: Mapping[str, Any], *, encoding: str = "utf-8") -> str:
    r"""Render a review, in its JSON form, as a JSON document that ends with a line feed.

    Keys stand in the order of the schema. Characters beyond ASCII are written as they are;
    hidden ones (control, bidi, invisible), and those that the encoding does not have, as
    `\uXXXX`, which reads back as the same text.

    Raises:
        SerializationError: The review has another form, or contradicts its own ledger.
    """
    text = json.dumps(conform(review), ensure_ascii=False, indent=2, allow_nan=False)
    return escape_json(text, encoding) + "\n"


def schema() -> dict[str, Any]:
    """Give the JSON Schema (draft 2020-12) of the review's JSON form."""
    return load_schema()
