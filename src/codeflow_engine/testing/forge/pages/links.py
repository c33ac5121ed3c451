"""Links of the pages: to other pages of the site, and out of it."""

from __future__ import annotations

import re
from urllib.parse import quote

from codeflow_engine.reports.html.markup import Content, Markup, element, fragment

__all__ = ["link", "outward", "place"]

_INSIDE = re.compile(r"/(?!/)[A-Za-z0-9._~%/-]*(#[A-Za-z0-9_-]*)?")
_OUTSIDE = re.compile(
    r"https?://[A-Za-z0-9.-]{1,253}(:\d{1,5})?(/[A-Za-z0-9._~%/#?=&+:@,;-]{0,2000})?"
)


def place(*parts: str | int) -> str:
    """Make a path of the site; each part is one of it, whatever it holds."""
    told = (quote(str(part).encode("utf-8", "surrogateescape"), safe="") for part in parts)
    return "/" + "/".join(told)


def link(path: str, *content: Content, current: bool = False) -> Markup:
    """Link to a page of the site.

    Raises:
        ValueError: The path leads out of it.
    """
    if not _INSIDE.fullmatch(path):
        raise ValueError(f"no path of the site: {path!r}")
    return _anchor(path, "page" if current else "", content)


def outward(address: str, *content: Content) -> Markup:
    """Link out of the site, where the address can only be one of the web; else show it."""
    if not _OUTSIDE.fullmatch(address):
        return fragment(content, " (", element("code", address), ")")
    return _anchor(address, "", content, rel="noopener noreferrer nofollow")


def _anchor(address: str, current: str, content: Content, rel: str = "") -> Markup:
    # What was let through above holds nothing that a double-quoted attribute ends with.
    address = address.replace("&", "&amp;")
    told = f' rel="{rel}"' if rel else ""
    told += f' aria-current="{current}"' if current else ""
    return Markup(f'<a href="{address}"{told}>{fragment(content)}</a>')
