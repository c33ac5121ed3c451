from __future__ import annotations

from collections.abc import Callable

import pytest

from codeflow_engine.domain.finding import Category, RawFinding, Severity


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
