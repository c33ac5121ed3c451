"""The head of a document: its title, its style, and the policy that holds it."""

from __future__ import annotations

from codeflow_engine.reports.html import assets
from codeflow_engine.reports.html.markup import Markup, element, embed

__all__ = ["head"]


def head(title: str, style: str, *, script: str | None = None) -> Markup:
    """Make the head of a document that asks for nothing.

    A Content Security Policy names style and script by their hashes, and allows nothing else.

    Args:
        title: Of the document.
        style: All of it.
        script: What the document embeds; None where it has none.
    """
    scripts = "" if script is None else f"script-src {assets.digest(script)}; "
    policy = (
        f"default-src 'none'; {scripts}style-src {assets.digest(style)}; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )
    return element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=policy),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("meta", name="referrer", content="no-referrer"),
        element("meta", name="generator", content="codeflow-engine"),
        element("link", rel="icon", href="data:,"),
        element("title", title),
        embed("style", style),
    )
