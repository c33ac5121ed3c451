"""Files and regions as SARIF names them."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import quote, quote_from_bytes

from codeflow_engine.reports.places import Place

__all__ = ["TOP", "artifact", "location", "region", "uri_of"]

TOP = "%SRCROOT%"
"""Name of the top of the repository; its address is the reader's affair."""

_ESCAPED_BYTE = re.compile(r"\\x([89a-f][0-9a-f])")


def uri_of(path: str) -> str:
    r"""Write a path as a relative reference (RFC 3986, 4.2).

    Its bytes are percent-encoded; so is a `\xff` of the JSON form, which stands for a byte
    that is no UTF-8. It never begins with a slash, which would leave the repository.
    """
    parts = _ESCAPED_BYTE.split(path)
    for at, part in enumerate(parts):
        parts[at] = (
            quote_from_bytes(bytes.fromhex(part)) if at % 2 else quote(part, errors="surrogatepass")
        )
    uri = "".join(parts)
    return f"%2F{uri[1:]}" if uri.startswith("/") else uri


def artifact(path: str) -> dict[str, Any]:
    """Name a file below the top of the repository."""
    return {"uri": uri_of(path), "uriBaseId": TOP}


def location(path: str) -> dict[str, Any]:
    """Give the place that is a whole file."""
    return {"physicalLocation": {"artifactLocation": artifact(path)}}


def region(place: Place) -> dict[str, Any]:
    """Write lines and columns; a column that is absent means the end of the line."""
    made = {"startLine": place.line}
    if place.column is not None:
        made["startColumn"] = place.column
    made["endLine"] = place.last
    if place.end_column is not None:
        made["endColumn"] = place.end_column
    return made
