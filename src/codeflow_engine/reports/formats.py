"""The formats of a report by name: one table, for hosts and for `Review.render`."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from types import MappingProxyType
from typing import Any, Final

from codeflow_engine.errors import ConfigurationError
from codeflow_engine.reports.style import Style

__all__ = ["FORMATS", "render"]

FORMATS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "text": "style",
        "json": "encoding",
        "sarif": "encoding",
        "rdjson": "encoding",
        "markdown": "encoding",
        "html": "encoding",
    }
)
"""What the `render` of the module of that name takes beside the review."""


def render(review: Mapping[str, Any], name: str, *, style: Style | None = None) -> str:
    """Render a review, in its JSON form, in the format of that name.

    Args:
        review: What `Review.to_json` gives.
        name: One of `FORMATS`; its module is loaded now.
        style: How text looks; of the other formats its encoding counts alone.

    Raises:
        ConfigurationError: There is no such format; the message names those that there are.
        SerializationError: The review has another form, or contradicts its own ledger.
    """
    if name not in FORMATS:
        raise ConfigurationError(f"no format is named {name!r}; known: {', '.join(FORMATS)}")
    style = style or Style()
    taken = {"style": style, "encoding": style.encoding}
    option = FORMATS[name]
    module = import_module(f"codeflow_engine.reports.{name}")
    report: str = module.render(review, **{option: taken[option]})
    return report
