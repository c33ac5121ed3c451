"""The guide on observability lists what is told, and nothing else."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from codeflow_engine.errors import ProviderError
from codeflow_engine.telemetry import names

ROOT = Path(__file__).parents[2]
SOURCES = ROOT / "src" / "codeflow_engine"
GUIDE = (ROOT / "docs" / "guides" / "observability.md").read_text("utf-8")

NOT_TOLD = {names.SCHEMA_URL, names.SCOPE, names.OTHER}


def section(title: str) -> str:
    """Give what stands under a heading of the guide."""
    found = re.search(rf"^##+ {title}\n(.*?)(?=^##|\Z)", GUIDE, re.MULTILINE | re.DOTALL)
    assert found, title
    return found[1]


def first_cells(title: str) -> set[str]:
    """Give the code in the first cells of the rows of the tables under a heading."""
    rows = re.findall(r"^\| (.*?) \|", section(title), re.MULTILINE)
    return {word for row in rows for word in re.findall(r"`([^`]+)`", row)}


def tree_kinds(kind: type[ProviderError]) -> Iterator[str]:
    """Give the kinds of the classes of the tree."""
    yield kind.kind
    for one in kind.__subclasses__():
        if one.__module__.startswith("codeflow_engine.errors"):
            yield from tree_kinds(one)


def texts(node: ast.AST) -> Iterator[str]:
    """Give the texts that an expression may be."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.IfExp):
        yield from texts(node.body)
        yield from texts(node.orelse)


def named_kinds(source: str) -> Iterator[str]:
    """Give the kinds that a module of providers names: by keyword, variable, or function."""
    module = ast.parse(source)
    functions = {one.name: one for one in ast.walk(module) if isinstance(one, ast.FunctionDef)}
    for node in ast.walk(module):
        if isinstance(node, ast.keyword) and node.arg == "kind":
            yield from texts(node.value)
        elif isinstance(node, ast.Assign):
            target = node.targets[0]
            if isinstance(target, ast.Name) and target.id == "kind":
                yield from texts(node.value)
            elif isinstance(target, ast.Tuple) and ast.unparse(target.elts[0]) == "kind":
                if not isinstance(node.value, ast.Call):
                    continue  # the kind of an event, and not of an error
                for inside in ast.walk(functions[ast.unparse(node.value.func)]):
                    if isinstance(inside, ast.Return) and isinstance(inside.value, ast.Tuple):
                        yield from texts(inside.value.elts[0])


def test_o5_every_kind_of_a_providers_error_is_documented() -> None:
    """The table of error types is the kinds that the tree and the providers know."""
    files = [*(SOURCES / "providers" / "llm").rglob("*.py"), *(SOURCES / "llm").rglob("*.py")]
    known = set(tree_kinds(ProviderError))
    for file in files:
        known.update(named_kinds(file.read_text("utf-8")))

    assert {"rate_limit", "dns", "server", "read_timeout", "filtered"} <= known
    assert first_cells("Types of errors") - {names.ERROR_TYPE} == known


def test_every_name_is_documented() -> None:
    """Each name of a metric or an attribute stands in the guide, and the guide makes none up."""
    told = {
        value
        for name, value in vars(names).items()
        if name.isupper() and isinstance(value, str) and "." in value
    } - NOT_TOLD
    shown = set(re.findall(r"`((?:gen_ai|codeflow|vcs|server|error)\.[a-z_.]+)`", GUIDE))

    assert shown == told


def test_the_readers_of_kinds_find_them() -> None:
    """Each way to name a kind is seen."""
    source = (
        "def f():\n    return 'a', 'x'\n"
        "kind, what = f()\n"
        "kind = 'b' if c else 'd'\n"
        "ProviderError('e', kind='g')\n"
    )

    assert sorted(named_kinds(source)) == ["a", "b", "d", "g"]
