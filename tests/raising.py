"""Backends of tests that fail as they are told."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

__all__ = ["raising"]


def raising(error: BaseException) -> Callable[..., Any]:
    """Make a function that raises, whatever it is given."""

    def fail(*_: object) -> Any:
        raise error

    return fail
