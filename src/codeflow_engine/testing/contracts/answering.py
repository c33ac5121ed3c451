"""Waits for answers that have to come; an error in place of one fails the test by its words."""

from __future__ import annotations

from collections.abc import Awaitable

import pytest

from codeflow_engine.plugins.containment import is_foreign, tell
from codeflow_engine.testing.contracts.watching import within

__all__ = ["answered", "raised"]

_PATIENCE = 60.0
"""Seconds for one answer: a linter may be slow, and a forge far away."""


async def answered[T](call: Awaitable[T], what: str) -> T:
    """Wait for an answer, where an error is none.

    Args:
        call: What is waited for.
        what: What has failed where an error comes, in words.
    """
    try:
        return await within(call, _PATIENCE)
    except BaseException as error:
        if not is_foreign(error) or isinstance(error, pytest.fail.Exception):
            raise
        pytest.fail(f"{what} failed with {tell(error)}")


async def raised(call: Awaitable[object]) -> BaseException | None:
    """Wait for an error; None where an answer comes."""
    try:
        await within(call, _PATIENCE)
    except BaseException as error:
        if not is_foreign(error) or isinstance(error, pytest.fail.Exception):
            raise
        return error
    return None
