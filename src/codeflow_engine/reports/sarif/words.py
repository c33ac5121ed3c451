"""Text that a viewer of SARIF shows."""

from __future__ import annotations

__all__ = ["inert"]


def inert(text: str) -> str:
    r"""Break what a viewer would show as a link (3.11.6): `[text](target)`.

    Braces stay: without arguments there is nothing that could take their place, and readers
    show the text as it is.
    """
    return text.replace("](", "]\\(")
