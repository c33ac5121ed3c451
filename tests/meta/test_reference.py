"""The reference shows what is public, and what it shows says what it has to."""

from __future__ import annotations

import ast
import builtins
import importlib
import inspect
import re
import textwrap
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import codeflow_engine
from codeflow_engine import contracts, errors
from codeflow_engine.storage import sql

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "src" / "codeflow_engine"
PAGES = "\n".join(path.read_text("utf-8") for path in sorted((ROOT / "docs").glob("**/*.md")))
ENTRY = re.compile(r"^::: (\S+)((?:\n(?: {4}.*)?)*)", re.MULTILINE)
RAISES = re.compile(r"^Raises:\n((?:    .*\n?|\n)+)", re.MULTILINE)

ELSEWHERE = {
    "contracts": "each of its modules is an entry",
    "errors": "the page on errors",
    "hookimpl": "the page on plugins",
}
"""Public names without an entry of their own, each with where it is spoken of."""

NOT_FOR_CALLERS = {
    "Credential": "who asks the fake forge, which finds it out by itself",
    "GitStore": "how the fake forge keeps a repository; tests look at `Repository`",
    "Index": "offsets of a diff, which `Diff.parse` alone makes",
}
"""Types in signatures that the reference leaves out, each with the reason."""

INNER = {
    *("BadAnchorError", "BadReportError", "GraphQLSyntaxError", "InvalidValueError"),
    *("MisfitError", "NoAnchorError", "Refusal", "Stop", "UnreadableError"),
}
"""Errors that docstrings of internal modules name; `test_errors` says why they never leave."""


def resolve(target: str) -> Any:
    """Import what an entry of the reference names."""
    parts = target.split(".")
    for count in range(len(parts), 0, -1):
        try:
            found: Any = importlib.import_module(".".join(parts[:count]))
        except ModuleNotFoundError:
            continue
        for name in parts[count:]:
            found = getattr(found, name)
        return found
    raise ModuleNotFoundError(target)


def entries(pages: str) -> dict[str, Any]:
    """List the objects that the reference shows, by their names."""
    shown: dict[str, Any] = {}
    for target, options in ENTRY.findall(pages):
        found = resolve(target)
        if isinstance(found, ModuleType):
            names = re.findall(r"^        - (\w+)", options, re.MULTILINE) or found.__all__
            shown.update({name: getattr(found, name) for name in names})
        else:
            shown[found.__name__] = found
    return shown


def members(name: str, thing: Any) -> Iterator[tuple[str, Any]]:
    """Give a thing and, of a class, its public methods and properties."""
    yield name, thing
    if inspect.isclass(thing):
        for key, value in vars(thing).items():
            if not key.startswith("_"):
                yield f"{name}.{key}", getattr(value, "fget", getattr(value, "__func__", value))


def defined(source: str) -> set[str]:
    """List the classes and the aliases of types that a module defines."""
    body = ast.parse(source).body
    classes = {node.name for node in body if isinstance(node, ast.ClassDef)}
    return classes | {node.name.id for node in body if isinstance(node, ast.TypeAlias)}


def unshown_types(shown: dict[str, Any], ours: set[str]) -> dict[str, str]:
    """Say which of our types a signature names that the reference does not show."""
    found = {}
    for name, thing in shown.items():
        for place, member in members(name, thing):
            told = " ".join(map(str, getattr(member, "__annotations__", {}).values()))
            found.update({word: place for word in re.findall(r"\w+", told) if word in ours})
    return {word: place for word, place in found.items() if word not in shown}


def stated(docstring: str | None) -> set[str]:
    """List the errors that a docstring says are raised."""
    match = RAISES.search(inspect.cleandoc(docstring or ""))
    return set(re.findall(r"^    (\w+):", match[1], re.MULTILINE)) if match else set()


def unstated_errors(
    tree: ast.Module | ast.ClassDef, outer: frozenset[str] | set[str] = frozenset()
) -> list[str]:
    """List the errors of the tree that a public function raises and does not speak of."""
    found = []
    for node in tree.body:
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            found += unstated_errors(node, outer | stated(ast.get_docstring(node)))
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name[0] != "_":
            told = outer | stated(ast.get_docstring(node))
            for name in sorted(raised(node) & set(errors.__all__)):
                lines = {kind.__name__ for kind in getattr(errors, name).__mro__}
                found += [] if lines & told else [f"{node.name}: {name}"]
    return found


def raised(node: ast.AST) -> set[str]:
    """List the errors that are constructed where they are raised."""
    calls = [each.exc for each in ast.walk(node) if isinstance(each, ast.Raise)]
    return {ast.unparse(call.func) for call in calls if isinstance(call, ast.Call)}


def undocumented_members(kind: type) -> set[str]:
    """List the members of an enum without a docstring under them."""
    body = ast.parse(textwrap.dedent(inspect.getsource(kind))).body[0].body
    return {
        node.targets[0].id
        for node, after in zip(body, [*body[1:], None], strict=True)
        if isinstance(node, ast.Assign)
        and not (isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant))
    }


SHOWN = entries(PAGES)
OURS = {name for path in PACKAGE.glob("**/*.py") for name in defined(path.read_text("utf-8"))}


@pytest.mark.parametrize("module", [codeflow_engine, contracts, sql, codeflow_engine.sandbox])
def test_every_public_name_has_an_entry(module: ModuleType) -> None:
    """What a public module exports is shown in the reference, as the same object."""
    names = set(module.__all__) - ELSEWHERE.keys()

    assert {name for name in names if SHOWN.get(name) is not getattr(module, name)} == set()


def test_every_type_in_a_signature_has_an_entry() -> None:
    """A reader of the reference finds there whatever a method takes and gives."""
    assert unshown_types(SHOWN, OURS).keys() == NOT_FOR_CALLERS.keys()


def test_docstrings_name_errors_that_exist() -> None:
    """Every error under `Raises:` stands in the tree, or is one of Python's own."""
    known = {*errors.__all__, *vars(builtins), *INNER}
    found = {
        f"{path.relative_to(PACKAGE)}: {name}"
        for path in PACKAGE.glob("**/*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        for name in stated(ast.get_docstring(node)) - known
    }

    assert found == set()


def test_public_functions_state_the_errors_that_they_raise() -> None:
    """What a function of the reference raises itself stands in its docstring or its class's."""
    homes = {inspect.getmodule(thing) for thing in SHOWN.values()} - {None}
    found = {
        home.__name__: unstated
        for home in homes
        if home.__name__.startswith("codeflow_engine.")
        and (unstated := unstated_errors(ast.parse(inspect.getsource(home))))
    }

    assert len(homes) > 20
    assert found == {}


@pytest.mark.parametrize("kind", [k for name, k in vars(contracts).items() if "Capability" in name])
def test_every_capability_says_what_it_means(kind: type) -> None:
    """Each member of an enum of capabilities has a docstring of its own."""
    assert undocumented_members(kind) == set()


def test_the_checks_of_the_reference_can_fail() -> None:
    """A missing entry, type, error or docstring is found."""

    class Shown:
        def use(self, first: Hidden, second: int) -> None: ...  # type: ignore[name-defined]  # noqa: F821

    class Level:
        LOW = 1
        """Little."""

        HIGH = 2

    with pytest.raises(AttributeError):
        entries("::: codeflow_engine.engine.Motor\n")
    assert entries(
        "::: codeflow_engine.domain.diff\n    options:\n      members:\n        - Diff\n"
    )
    assert unshown_types({"Shown": Shown}, {"Hidden", "Other"}) == {"Hidden": "Shown.use"}
    assert defined("class A: ...\ntype B = int") == {"A", "B"}
    assert stated(
        "Do.\n\n    Raises:\n        AError: Why\n            not.\n        B: As well."
    ) == {*("AError", "B")}
    told = "def f():\n    '''Do.{}'''\n    raise DiffError('x')"
    listed = "\n\n    Raises:\n        CodeflowError: Why.\n    "
    assert unstated_errors(ast.parse(told.format(""))) == ["f: DiffError"]
    assert not unstated_errors(ast.parse(told.format(listed)))
    assert undocumented_members(Level) == {"HIGH"}
