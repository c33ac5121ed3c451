"""The style and the script of the report, which lie beside this module as files."""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from importlib import resources

__all__ = ["digest", "page_style", "parts_style", "run_style", "script"]


def parts_style() -> str:
    """Read the style of all parts; its rules hold inside an element of class `codeflow`."""
    return _read("style.css")


def page_style() -> str:
    """Read the style of a whole page, which comes after that of the parts."""
    return _read("page.css")


def run_style() -> str:
    """Read the style of the page of a run, which comes after that of the parts."""
    return _read("steps.css") + _read("run.css")


def script() -> str:
    """Read the script of the page: filters, keyboard, theme."""
    return _read("script.js")


def digest(text: str) -> str:
    """Name a text in a Content Security Policy (CSP level 3, 2.3.1, hash-source)."""
    value = base64.b64encode(hashlib.sha256(text.encode("utf-8")).digest()).decode("ascii")
    return f"'sha256-{value}'"


@cache
def _read(name: str) -> str:
    return resources.files(__package__).joinpath(name).read_text("utf-8")
