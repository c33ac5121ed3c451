"""Text as it can be sent."""

from __future__ import annotations

import re
from typing import Final

__all__ = ["sendable"]

_LONE: Final = re.compile("[\ud800-\udfff]")


def sendable(text: str) -> str:
    """Give a text that UTF-8 can hold.

    A file that is no UTF-8 is read with lone surrogates in the place of its bytes; an SDK
    raises `UnicodeEncodeError` on them.
    """
    return text if text.isascii() else _LONE.sub("\N{REPLACEMENT CHARACTER}", text)
