"""The reviewdog diagnostic format as a JSON Schema of ours, stricter than its reader.

The reader takes unknown keys, numbers for names, and a column without its counterpart. A
document of ours has none of them. Facts: the comments of reviewdog's Protocol Buffers.
"""

from __future__ import annotations

from typing import Any

__all__ = ["SCHEMA"]


def _object(required: dict[str, Any], **optional: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "additionalProperties": False,
        "required": list(required),
        "properties": required | optional,
    }


_TEXT = {"type": "string", "pattern": r"\S"}
_NUMBER = {"type": "integer", "minimum": 1}
_SEVERITY = {"enum": ["ERROR", "WARNING", "INFO"]}
_WHOLE = _object({"line": _NUMBER})
_EXACT = _object({"line": _NUMBER, "column": _NUMBER})
_RANGE = {
    "oneOf": [
        _object({"start": _WHOLE, "end": _WHOLE}),
        _object({"start": _EXACT, "end": _EXACT}),
    ]
}
_LOCATION = _object({"path": {"type": "string"}}, range=_RANGE)
_SUGGESTION = _object({"range": _RANGE, "text": {"type": "string"}})
_DIAGNOSTIC = _object(
    {
        "message": _TEXT,
        "location": _LOCATION,
        "severity": _SEVERITY,
        "code": _object({"value": {"type": "string"}}),
        "originalOutput": {"type": "string", "pattern": r"^[^\n]+$"},
    },
    suggestions={"type": "array", "items": _SUGGESTION, "minItems": 1},
)

SCHEMA = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    **_object(
        {
            "source": _object({"name": _TEXT}),
            "diagnostics": {"type": "array", "items": _DIAGNOSTIC},
        }
    ),
}
"""Schema of a `DiagnosticResult` as `rdjson.render` writes it."""
