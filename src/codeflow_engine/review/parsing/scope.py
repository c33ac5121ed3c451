"""A function or a class, by the numbers of its lines."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["MOST_SCOPES", "Scope"]

MOST_SCOPES = 8
"""Scopes that are told of one place: the outermost, and those next to it inside are left out
where there are more."""


class Scope(NamedTuple):
    """Lines are counted from 1; the last ones are inclusive."""

    first: int
    head: int
    """Last line of the head: decorators, name, and what stands before the body."""

    last: int
    is_function: bool
