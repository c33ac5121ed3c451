"""What pytest learns from the kit; loaded wherever the engine is installed beside pytest.

It runs in test suites that have nothing to do with the engine, so it imports nothing heavy
and changes nothing that it does not own.
"""

from __future__ import annotations

import pytest

__all__ = ["pytest_configure"]

pytest.register_assert_rewrite("codeflow_engine.testing.contracts")


def pytest_configure(config: pytest.Config) -> None:
    """Register the marks that choose the tests of a suite."""
    config.addinivalue_line(
        "markers",
        "codeflow_requires(*capabilities): run only where the backend declares all of them",
    )
    config.addinivalue_line(
        "markers",
        "codeflow_lacks(*capabilities): run only where the backend declares none of them",
    )
