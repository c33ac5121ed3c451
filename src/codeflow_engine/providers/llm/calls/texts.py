"""Text as it can be sent."""

from __future__ import annotations

__all__ = ["sendable"]


def sendable(text: str) -> str:
    """Give a text that UTF-8 can hold.

    A file that is no UTF-8 is read with lone surrogates in the place of its bytes; an SDK
    raises `UnicodeEncodeError` on them.
    """
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogatepass").decode("utf-8", "replace")
    return text
