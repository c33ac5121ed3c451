from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import pytest

from codeflow_engine.domain.finding import Category, Finding, RawFinding, Severity, Suggestion
from codeflow_engine.sandbox import Sandbox


@pytest.fixture
def raw() -> Callable[..., RawFinding]:
    def make(**fields: object) -> RawFinding:
        given = {
            "rule": "r",
            "severity": Severity.MEDIUM,
            "category": Category.CORRECTNESS,
            "title": "title",
            "message": "message",
            "path": "app.py",
        }
        return RawFinding(**{**given, **fields})

    return make


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    """Give a sandbox on the best rung of this machine."""
    async with Sandbox() as made:
        yield made


@pytest.fixture
def found() -> Callable[..., Finding]:
    """Make findings that carry a suggestion: a replacement, and the lines that it replaces."""

    def make(replacement: str, first: int, last: int, path: str = "app.py") -> Finding:
        return Finding(
            fingerprint="f",
            path=path,
            line=first,
            severity=Severity.LOW,
            category=Category.STYLE,
            rule="x/r",
            title="title",
            message="message",
            suggestion=Suggestion(replacement=replacement, start_line=first, end_line=last),
        )

    return make
