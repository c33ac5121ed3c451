"""Sees what a call imports, also where it is loaded already."""

from __future__ import annotations

import builtins
import importlib
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

__all__ = ["imported_by"]

_LIGHT: Final = frozenset(
    {
        *("codeflow_engine", "annotated_types", "opentelemetry", "pydantic", "pydantic_core"),
        *("structlog", "tenacity", "typing_extensions", "typing_inspection"),
    }
)
"""What is there wherever the engine is."""


def imported_by(call: Callable[[], object], owner: type) -> list[str]:
    """List the packages that a call imports, beside Python's and those of a class itself.

    A package that somebody else has loaded is found too: it would be slow for others.
    """
    names: list[str] = []
    with _listening(names):
        call()
    own = {kind.__module__.partition(".")[0] for kind in owner.__mro__}
    known = sys.stdlib_module_names | _LIGHT | own
    return sorted({name.partition(".")[0] for name in names} - known)


@contextmanager
def _listening(names: list[str]) -> Iterator[None]:
    by_statement, by_function = builtins.__import__, importlib.import_module

    def statement(name: str, *given: Any, **named: Any) -> Any:
        level = named.get("level", given[3] if len(given) > 3 else 0)
        if level == 0:
            names.append(name)
        return by_statement(name, *given, **named)

    def function(name: str, package: str | None = None) -> Any:
        names.append(name)
        return by_function(name, package)

    builtins.__import__, importlib.import_module = statement, function
    try:
        yield
    finally:
        builtins.__import__, importlib.import_module = by_statement, by_function
