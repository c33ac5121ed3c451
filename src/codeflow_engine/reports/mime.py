"""What a notebook shows of a value, in the forms that its front end asks for."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

__all__ = ["bundle"]

_ON_REQUEST = "application/json"
"""JupyterLab prefers a tree of JSON to HTML where it has both, so nobody gets it unasked."""


def bundle(
    makers: Mapping[str, Callable[[], Any]],
    include: Collection[str] | None,
    exclude: Collection[str] | None,
) -> dict[str, Any]:
    """Make the forms that are asked for, and no other one.

    Args:
        makers: What makes each form, by its mime type. JSON is made only if it is included.
        include: Mime types that are asked for; None or none mean all.
        exclude: Mime types that are not wanted.
    """
    wanted = [
        name
        for name in makers
        if (name in include if include else name != _ON_REQUEST) and name not in (exclude or ())
    ]
    return {name: makers[name]() for name in wanted}
