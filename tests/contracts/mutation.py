"""Runs a test of a suite on a backend that is broken, where the test has to fail.

A mutant is a backend that keeps its contract but for one thing. `struck` makes a class of
the tests that have to find that out, each of them expected to fail; one that passes fails
our run. `unbroken` lists the tests of a suite that no mutant makes fail, of which there
must be none, and `asked` those that a backend runs with its capabilities.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from codeflow_engine.contracts import Backend
from codeflow_engine.testing.contracts import BackendContract

__all__ = ["asked", "struck", "tests_of", "unbroken"]

type Create = Callable[[], Backend]

_FAILS = pytest.mark.xfail(raises=(AssertionError, pytest.fail.Exception), strict=True)
"""A test fails by its own words: an error elsewhere would say nothing of what it looks for."""


def tests_of(suite: type) -> set[str]:
    """List the names of the tests of a suite."""
    return {name for name in dir(suite) if name.startswith("test_") and getattr(suite, name)}


def struck(
    suite: type[BackendContract[Any]], make: Create | Callable[[Path], Backend], *tests: str
) -> type:
    """Make a test class of the tests that have to fail for a mutant.

    Args:
        suite: The suite that the tests are from.
        make: The mutant's class, or what makes it; a function of its own is handed a
            directory, which is the same within a test.
        tests: Names of tests of the suite.
    """
    unknown = set(tests) - tests_of(suite)
    assert not unknown, f"{suite.__name__} has no tests {unknown}"

    @pytest.fixture
    def create(self: object, tmp_path: Path) -> Create:
        return make if isinstance(make, type) else lambda: make(tmp_path)  # type: ignore[call-arg]

    left_out: dict[str, Any] = dict.fromkeys(tests_of(suite) - set(tests))
    body = {**left_out, "create": create, "struck": tests, "pytestmark": [_FAILS]}
    return type(f"Test{make.__name__.strip('_')}", (suite,), body)


def unbroken(suite: type, namespace: Mapping[str, Any]) -> set[str]:
    """List the tests of a suite that no mutant of a module is there for.

    What all kinds share is shown once, in `test_backend.py`.
    """
    wanted = tests_of(suite)
    if suite is not BackendContract:
        wanted -= tests_of(BackendContract)
    for one in namespace.values():
        if isinstance(one, type) and issubclass(one, suite):
            wanted.difference_update(getattr(one, "struck", ()))
    return wanted


def asked(suite: type, backend: type[Backend]) -> set[str]:
    """List the tests of a suite that concern a backend, by the capabilities that it declares."""
    return {name for name in tests_of(suite) if _concerns(getattr(suite, name), backend)}


def _concerns(test: Callable[..., object], backend: type[Backend]) -> bool:
    marks: list[pytest.Mark] = getattr(test, "pytestmark", [])
    required = {one for mark in marks if mark.name == "codeflow_requires" for one in mark.args}
    lacked = {one for mark in marks if mark.name == "codeflow_lacks" for one in mark.args}
    return required <= backend.capabilities and not lacked & backend.capabilities
