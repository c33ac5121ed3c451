"""The public names are exact, load on first use, and are the same for both engines."""

from __future__ import annotations

import inspect
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

import pytest

import codeflow_engine
from codeflow_engine import errors
from codeflow_engine.engine import EngineOptions

PUBLIC = [
    *("AsyncEngine", "AsyncRun", "Category", "Change", "Coverage", "Diff", "Dismissal"),
    *("DismissalScope", "Engine", "Evidence", "Finding", "FindingState", "Outcome", "Review"),
    *("Run", "Scope", "Severity", "Suggestion", "Usage"),
    *("contracts", "errors", "hookimpl"),
]
"""The public face. A name that goes away, or comes, is a decision that is made here."""

ASYNC_ONLY = {"__aenter__", "__aexit__", "__aiter__", "__anext__", "aclose"}
SYNC_ONLY = {"__enter__", "__exit__", "__iter__", "__next__", "__del__", "close"}


def signature(member: Any) -> list[tuple[str, Any, Any]]:
    """Give the names, kinds and defaults of the parameters that a caller passes."""
    parameters = inspect.signature(member).parameters.values()
    return [(p.name, p.kind, p.default) for p in parameters if p.name != "self"]


def verbs(kind: type) -> dict[str, Any]:
    """List the public methods and properties of a class, and its protocol methods."""
    protocol = ASYNC_ONLY | SYNC_ONLY
    return {
        name: member
        for name, member in inspect.getmembers(kind)
        if name in protocol or not name.startswith("_")
    }


def differences(asynchronous: type, synchronous: type) -> list[str]:
    """Say where two classes do not offer the same verbs with the same parameters."""
    ours, theirs = verbs(asynchronous), verbs(synchronous)
    names = (ours.keys() - ASYNC_ONLY) ^ (theirs.keys() - SYNC_ONLY)
    found = [f"{name} is in one of them only" for name in sorted(names)]
    for name in sorted(ours.keys() & theirs.keys()):
        one, other = ours[name], theirs[name]
        if callable(one) != callable(other):
            found.append(f"{name} is a method in one of them only")
        elif callable(one) and signature(one) != signature(other):
            found.append(f"{name} takes {signature(other)}, not {signature(one)}")
    return found


def unsorted_or_missing(names: list[str], namespace: Mapping[str, Any]) -> list[str]:
    """Say which exports are out of order, or do not exist."""
    found = [f"{name} does not exist" for name in names if name not in namespace]
    if names != sorted(names):
        found.append("not sorted")
    return found


def run(code: str) -> str:
    """Run code in a bare interpreter, and return what it prints."""
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, check=True, text=True
    ).stdout.strip()


def test_the_public_names_are_frozen() -> None:
    """`__all__` is exactly the public face, sorted."""
    assert codeflow_engine.__all__ == PUBLIC


def test_every_public_name_exists() -> None:
    """Each export can be had, and `dir` shows it."""
    namespace = {name: getattr(codeflow_engine, name) for name in codeflow_engine.__all__}

    assert not unsorted_or_missing(codeflow_engine.__all__, namespace)
    assert set(codeflow_engine.__all__) <= set(dir(codeflow_engine))


def test_an_unknown_name_is_an_attribute_error() -> None:
    """A name that is not public is refused in Python's own words."""
    with pytest.raises(AttributeError, match="module 'codeflow_engine' has no attribute 'Motor'"):
        _ = codeflow_engine.Motor


def test_public_names_load_on_first_use() -> None:
    """Importing the package loads no other module of it; asking for a name does."""
    code = (
        "import sys, codeflow_engine\n"
        "print([name for name in sys.modules if name.startswith('codeflow_engine.')])\n"
        "codeflow_engine.Severity\n"
        "print('codeflow_engine.domain.finding' in sys.modules, "
        "'codeflow_engine.engine' in sys.modules)"
    )

    assert run(code) == "[]\nTrue False"


@pytest.mark.parametrize(
    "module", ["codeflow_engine.contracts", "codeflow_engine.domain.diff", "codeflow_engine.errors"]
)
def test_public_modules_export_what_exists(module: str) -> None:
    """A public module's `__all__` names only what it has."""
    code = f"import {module} as m; print([n for n in m.__all__ if not hasattr(m, n)], m.__all__)"
    missing, _, names = run(code).partition(" ")

    assert missing == "[]"
    assert len(names) > 2


@pytest.mark.parametrize(
    ("asynchronous", "synchronous"), [("AsyncEngine", "Engine"), ("AsyncRun", "Run")]
)
def test_sync_and_async_have_the_same_verbs(asynchronous: str, synchronous: str) -> None:
    """Whatever one engine can do, the other can, with the same parameters."""
    one, other = getattr(codeflow_engine, asynchronous), getattr(codeflow_engine, synchronous)

    assert not differences(one, other)


def test_both_engines_take_the_same_options() -> None:
    """An option of one engine is one of the other; anything else is refused by both."""
    options = dict.fromkeys(EngineOptions.__annotations__) | {"plugins": (), "secrets": ()}

    with codeflow_engine.Engine(**options) as engine:
        assert engine.plugins.backends
    for kind in (codeflow_engine.Engine, codeflow_engine.AsyncEngine):
        with pytest.raises(errors.ConfigurationError, match="motor"):
            kind(motor=1)


def test_the_checks_of_exports_can_fail() -> None:
    """A missing verb, another default, and an export that is not there are found."""

    class AsyncThing:
        async def act(self, *, often: int = 1) -> None: ...
        async def aclose(self) -> None: ...
        async def more(self) -> None: ...

    class Thing:
        def act(self, *, often: int = 2) -> None: ...
        def close(self) -> None: ...

    found = differences(AsyncThing, Thing)

    assert [line.split()[0] for line in found] == ["more", "act"]
    assert unsorted_or_missing(["b", "a"], {"a": 1}) == ["b does not exist", "not sorted"]
