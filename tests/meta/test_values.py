"""Values are frozen, and nothing that the engine does hangs on what it cannot see."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "src" / "codeflow_engine"
SOURCES = {
    str(path.relative_to(PACKAGE)): path.read_text("utf-8") for path in PACKAGE.glob("**/*.py")
}
VALUES = {"domain", "contracts"}
"""Floors whose dataclasses are values that a host gets."""

READS_ENVIRONMENT = {"settings", "hosts", "providers", "testing"}
"""Floors that run before or while an engine is constructed, are a program of their own, or
belong to somebody's tests."""

BACKENDS = re.compile(
    r"\b(LLM|VCS|Storage|Cache|WorkflowBackend|Analyzer|Strategy|Observer|Backend)\b"
)


def loose_dataclasses(source: str) -> list[str]:
    """List the dataclasses that can change, grow, or be made without names."""
    wanted = ("frozen=True", "slots=True", "kw_only=True")
    return [
        node.name
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.ClassDef)
        for told in map(ast.unparse, node.decorator_list)
        if told.startswith("dataclass") and not all(word in told for word in wanted)
    ]


def environment_reads(source: str) -> list[str]:
    """List the places where a module reads or changes the environment."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Attribute):
            found.append(ast.unparse(node))
        elif isinstance(node, ast.ImportFrom):
            found += [f"{node.module}.{alias.name}" for alias in node.names]
    return [told for told in found if re.fullmatch(r"os\.(environb?|getenvb?|putenv)", told)]


def questions_of_type(source: str) -> list[str]:
    """List the places where a module asks for the class of a backend."""
    calls = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]
    asked = [call for call in calls if ast.unparse(call.func) in {"isinstance", "issubclass"}]
    return [ast.unparse(call) for call in asked if BACKENDS.search(ast.unparse(call.args[1]))]


def test_values_are_frozen_and_take_keywords_only() -> None:
    """Every dataclass of the domain and the contracts is frozen, slotted and keyword-only."""
    sources = {name: text for name, text in SOURCES.items() if name.partition("/")[0] in VALUES}

    assert sum("@dataclass(" in text for text in sources.values()) > 10
    assert {
        name: loose for name, text in sources.items() if (loose := loose_dataclasses(text))
    } == {}


def test_the_environment_is_read_by_the_settings_alone() -> None:
    """No room behind the engine's constructor looks at variables of the process."""
    readers = {name.partition("/")[0] for name, text in SOURCES.items() if environment_reads(text)}

    assert readers == READS_ENVIRONMENT


def test_nobody_asks_for_the_class_of_a_backend() -> None:
    """Callers branch on capabilities, never on a type."""
    assert {
        name: asked for name, text in SOURCES.items() if (asked := questions_of_type(text))
    } == {}


@pytest.mark.parametrize(
    "source",
    [
        "@dataclass\nclass A: ...",
        "@dataclass(frozen=True, slots=True)\nclass A: ...",
        "@dataclass(slots=True, kw_only=True)\nclass A: ...",
    ],
)
def test_the_check_of_values_can_fail(source: str) -> None:
    """A dataclass that lacks one of the three is found."""
    assert loose_dataclasses(source) == ["A"]
    assert not loose_dataclasses("@dataclass(frozen=True, slots=True, kw_only=True)\nclass A: ...")


def test_the_checks_of_what_is_seen_can_fail() -> None:
    """A variable that is read, and a question for a class, are found."""
    assert environment_reads("import os\ndef f(): return os.environ['A']") == ["os.environ"]
    assert environment_reads("from os import getenv") == ["os.getenv"]
    assert questions_of_type("isinstance(x, Storage | int)") == ["isinstance(x, Storage | int)"]
    assert not questions_of_type("isinstance(x, StorageError)")
