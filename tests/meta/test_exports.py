"""The public names are exact, load on first use, and are the same for both engines."""

from __future__ import annotations

import ast
import inspect
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

import codeflow_engine
from codeflow_engine import errors
from codeflow_engine.engine import EngineOptions

PACKAGE = Path(codeflow_engine.__path__[0])
PUBLIC = [
    *("Answer", "Anthropic", "AsyncEngine", "AsyncRun", "Budget", "Cassette", "Category"),
    *("Change", "ChatAnswer", "ChatRequest", "Coverage", "Description", "Diff", "Dismissal"),
    *("DismissalScope", "Echo", "Engine"),
    *(
        "Evidence",
        "Finding",
        "FindingState",
        "GitHub",
        "GitHubApp",
        "Groq",
        "Message",
        "Mistral",
        "OpenAI",
        "Outcome",
    ),
    *(
        "Patch",
        "Plan",
        "PublishPolicy",
        "Receipt",
        "Retry",
        "Review",
        "Role",
        "Run",
        "RunContext",
        "Scope",
        "Severity",
    ),
    *("Suggestion", "Usage", "contracts", "errors", "hookimpl"),
]
"""The public face. A name that goes away, or comes, is a decision that is made here."""

ASYNC_ONLY = {"__aenter__", "__aexit__", "__aiter__", "__anext__", "aclose"}
SYNC_ONLY = {"__enter__", "__exit__", "__iter__", "__next__", "__del__", "close"}


QUICK = {"workflow": "it registers a function, and reads and writes nothing"}
"""Verbs that are plain functions in both engines, each with the reason."""


def signature(member: Any) -> list[tuple[str, Any, Any, Any]]:
    """Give name, kind, default and type of each parameter that a caller passes."""
    parameters = inspect.signature(member).parameters.values()
    return [(p.name, p.kind, p.default, p.annotation) for p in parameters if p.name != "self"]


def result(member: Any) -> str:
    """Give the type that a method returns or a property has, as synchronous code sees it."""
    told = str(inspect.signature(getattr(member, "fget", member)).return_annotation)
    return re.sub(r"\bAsync(Run|Engine|Iterator)\b", r"\1", told)


def refers(docstring: str | None, owner: str, name: str) -> bool:
    """Tell whether a docstring sends its reader to the verb of the other class."""
    return f"`{owner}.{name}`" in (docstring or "")


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
        elif result(one) != result(other):
            found.append(f"{name} gives {result(other)}, not {result(one)}")
        elif one.__doc__ != other.__doc__ and not refers(
            other.__doc__, asynchronous.__name__, name
        ):
            found.append(f"{name} is not described as that of {asynchronous.__name__}")
    return found


def blocking(kind: type) -> list[str]:
    """List the public methods of a class that are neither coroutines nor async iterators."""
    return [
        name
        for name, member in vars(kind).items()
        if not name.startswith("_")
        and inspect.isfunction(member)
        and not (inspect.iscoroutinefunction(member) or inspect.isasyncgenfunction(member))
    ]


def unlisted(source: str) -> set[str]:
    """List what a module with `__all__` defines and does not export, or the other way."""
    exported: set[str] | None = None
    defined: set[str] = set()
    imported: set[str] = set()
    for node in ast.parse(source).body:
        if isinstance(node, ast.ImportFrom):
            imported.update(alias.asname or alias.name for alias in node.names)
        elif isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            defined.add(node.name)
        elif isinstance(node, ast.TypeAlias):
            defined.add(node.name.id)
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names = {each.id for each in targets if isinstance(each, ast.Name)}
            if names == {"__all__"}:
                exported = set(ast.literal_eval(node.value))
            defined |= names
    public = {name for name in defined if not name.startswith("_")}
    return set() if exported is None else (public - exported) | (exported - public - imported)


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


class AsyncRun:
    """One of a pair that differs in each way that parity forbids."""

    async def act(self, *, often: int = 1) -> None: ...
    async def aclose(self) -> None: ...
    async def look(self, *, far: int) -> int: ...
    async def more(self) -> None: ...
    async def rerun(self) -> AsyncRun: ...
    async def rest(self) -> None:
        """Rest."""

    def stop(self) -> None: ...


class Run:
    """The other one."""

    def act(self, *, often: int = 2) -> None: ...
    def close(self) -> None: ...
    def look(self, *, far: str) -> int: ...
    def rerun(self) -> Run: ...
    def rest(self) -> None:
        """Do what `AsyncRun.act` does."""

    def stop(self) -> bool: ...


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


def test_every_module_exports_exactly_what_is_public_in_it() -> None:
    """Where there is `__all__`, it names what the module defines, and nothing that it lacks."""
    paths = {
        str(path.relative_to(PACKAGE)): path.read_text("utf-8")
        for path in PACKAGE.glob("**/*.py")
        if path != PACKAGE / "__init__.py"
    }

    assert sum("__all__ = " in source for source in paths.values()) > 100
    assert {name: names for name, source in paths.items() if (names := unlisted(source))} == {}


@pytest.mark.parametrize(
    ("asynchronous", "synchronous"), [("AsyncEngine", "Engine"), ("AsyncRun", "Run")]
)
def test_sync_and_async_have_the_same_verbs(asynchronous: str, synchronous: str) -> None:
    """Whatever one engine can do, the other can, with the same parameters."""
    one, other = getattr(codeflow_engine, asynchronous), getattr(codeflow_engine, synchronous)

    assert not differences(one, other)
    assert set(blocking(one)) <= QUICK.keys()


def test_both_engines_take_the_same_options() -> None:
    """An option of one engine is one of the other; anything else is refused by both."""
    options = dict.fromkeys(EngineOptions.__annotations__) | {"plugins": (), "secrets": ()}

    with codeflow_engine.Engine(**options) as engine:
        assert engine.plugins.backends
    for kind in (codeflow_engine.Engine, codeflow_engine.AsyncEngine):
        with pytest.raises(errors.ConfigurationError, match="motor"):
            kind(motor=1)


def test_the_checks_of_parity_can_fail() -> None:
    """A missing verb, another default, type or description, and a blocking verb are found."""
    found = differences(AsyncRun, Run)

    assert [line.split()[0] for line in found] == ["more", "act", "look", "rest", "stop"]
    assert blocking(AsyncRun) == ["stop"]


def test_the_checks_of_exports_can_fail() -> None:
    """An export that is not there, one too few, and one out of order are found."""
    assert unlisted("from a import b\n__all__ = ['b', 'd', 'e']\ndef d(): ...\nX = 1\n_y = 2") == {
        *("X", "e")
    }
    assert unsorted_or_missing(["b", "a"], {"a": 1}) == ["b does not exist", "not sorted"]
