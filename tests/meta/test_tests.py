"""The tests say what they hold, and share what they stand on."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
SOURCES = {
    str(path.relative_to(ROOT)): path.read_text("utf-8")
    for path in sorted((ROOT / "tests").glob("**/*.py"))
}

SHORT = 2
"""Statements of a function that may well stand twice."""


def functions(source: str) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Give the functions of a module."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def fault(docstring: str | None) -> str | None:
    """Say what is wrong with the docstring of a test; None where nothing is."""
    if not docstring:
        return "it has none"
    told = " ".join(docstring.split())
    if "\n\n" in docstring or not told.endswith((".", "?")):
        return "it is no sentence"
    return "it is more than one sentence" if re.search(r"[.!?] [A-Z]", told) else None


def silent_tests(source: str) -> list[str]:
    """List the tests of a module that do not state their rule in one sentence."""
    tests = [node for node in functions(source) if node.name.startswith("test_")]
    told = [(node.name, fault(ast.get_docstring(node))) for node in tests]
    return [f"{name}: {wrong}" for name, wrong in told if wrong]


def copies(sources: dict[str, str]) -> list[list[str]]:
    """List the helpers of the tests that do the same, word for word, in several modules."""
    places: dict[str, list[str]] = defaultdict(list)
    for name, source in sources.items():
        for node in functions(source):
            body = node.body[1:] if ast.get_docstring(node) else node.body
            whole = ast.Module(body, [])
            size = sum(isinstance(each, ast.stmt) for each in ast.walk(whole))
            if size > SHORT and not node.name.startswith("test_"):
                places[ast.dump(whole)].append(f"{name}: {node.name}")
    return [found for found in places.values() if len({one.split(":")[0] for one in found}) > 1]


def test_every_test_states_its_rule() -> None:
    """The docstring of a test is one sentence."""
    tests = [name for name in SOURCES if Path(name).stem[:5] == "test_"]
    found = {name: silent for name in tests if (silent := silent_tests(SOURCES[name]))}

    assert len(tests) > 100
    assert not found


def test_no_helper_stands_twice() -> None:
    """What several modules of tests need stands in one of them, or beside them."""
    assert copies(SOURCES) == []


def test_the_checks_of_tests_can_fail() -> None:
    """A test without its sentence, and a helper that was copied, are found."""
    body = "    with f() as x:\n        g(x)\n    return x\n"

    assert silent_tests("def test_a(): ...\ndef test_b():\n    'It is so.'") == [
        "test_a: it has none"
    ]
    assert fault("A rule, e.g. this one.") is None
    assert fault("First this. Then that.") == "it is more than one sentence"
    assert fault("No sentence") == fault("One.\n\nMore.") == "it is no sentence"
    assert copies({"a": f"def f():\n    'Do.'\n{body}", "b": f"async def g():\n{body}"}) == [
        ["a: f", "b: g"]
    ]
    assert copies({"a": "def f(): return 1", "b": "def f(): return 1"}) == []
