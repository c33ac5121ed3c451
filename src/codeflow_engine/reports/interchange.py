"""JSON that other programs read, of whatever language they are."""

from __future__ import annotations

import json
import re
from typing import Any

from codeflow_engine.reports.visible import escape_json

__all__ = ["dump"]

_SURROGATE = re.compile("[\ud800-\udfff]")


def dump(document: dict[str, Any], encoding: str = "utf-8") -> str:
    r"""Write a document, indented, with a line feed at its end.

    Hidden characters, and those that the encoding does not have, are `\uXXXX` escapes. A
    lone surrogate is the text of its escape: strict readers refuse the whole document for
    one (RFC 8259, 8.2).
    """
    text = json.dumps(document, ensure_ascii=False, indent=2, allow_nan=False)
    text = _SURROGATE.sub(lambda found: rf"\\u{ord(found[0]):04x}", text)
    return escape_json(text, encoding) + "\n"
