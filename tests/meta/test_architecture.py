"""The floors of the architecture hold, and the contracts that say so can fail."""

from __future__ import annotations

import ast
import configparser
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "src" / "codeflow_engine"


def lint_imports(source: Path) -> subprocess.CompletedProcess[str]:
    """Run import-linter on the package under `source`, with the project's contracts."""
    return subprocess.run(
        [
            *(str(Path(sys.executable).with_name("lint-imports")), "--no-cache"),
            *("--config", str(ROOT / ".importlinter")),
        ],
        cwd=source,
        env={**os.environ, "PYTHONPATH": str(source)},
        capture_output=True,
        text=True,
        check=False,
    )


def contract(section: str) -> dict[str, str]:
    """Read one contract of the project."""
    parser = configparser.ConfigParser()
    parser.read(ROOT / ".importlinter", encoding="utf-8")
    return dict(parser[f"importlinter:contract:{section}"])


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """Copy the package, so that a test can break it."""
    shutil.copytree(
        PACKAGE, tmp_path / "codeflow_engine", ignore=shutil.ignore_patterns("__pycache__")
    )
    return tmp_path


def test_the_package_keeps_its_floors() -> None:
    """No module imports from its own floor's neighbour or from a floor above it."""
    ran = lint_imports(ROOT / "src")

    assert ran.returncode == 0, ran.stdout


@pytest.mark.parametrize(
    ("file", "imported", "broken"),
    [
        ("errors.py", "codeflow_engine.domain.finding", "floors"),
        ("providers/vcs/git/__init__.py", "codeflow_engine.review", "wings"),
        ("storage/memory/store.py", "codeflow_engine.runs", "wings"),
        ("engine/verbs.py", "codeflow_engine.providers.vcs.git", "registry"),
        ("plugins/builtin.py", "codeflow_engine.storage.memory", "registry"),
    ],
)
def test_one_forbidden_import_breaks_its_contract(
    copied: Path, file: str, imported: str, broken: str
) -> None:
    """An import that a contract forbids is found, also inside a function."""
    path = copied / "codeflow_engine" / file
    path.write_text(path.read_text("utf-8") + f"\n\ndef late():\n    import {imported}\n")

    ran = lint_imports(copied)

    assert ran.returncode == 1, ran.stdout
    assert f"{contract(broken)['name']} BROKEN" in " ".join(ran.stdout.split())


def test_a_module_on_no_floor_breaks_the_contract(copied: Path) -> None:
    """A new module of the package has to be put on a floor."""
    (copied / "codeflow_engine" / "novelty.py").write_text('"""A module."""\n')

    ran = lint_imports(copied)

    assert ran.returncode == 1, ran.stdout
    assert "novelty" in ran.stdout


def test_the_contracts_have_no_exception_and_no_gap() -> None:
    """Nothing is ignored, every floor exists, and the wings' contract names all above them."""
    floors = [
        name.strip(" ()")
        for line in contract("floors")["layers"].split("\n")
        if line.strip()
        for name in line.split("|")
    ]
    wings = {"providers", "storage"}
    below_engine = set(floors[floors.index("engine") :]) | {"sync"}
    existing = {path.stem for path in PACKAGE.iterdir() if path.name[0] not in "._"} - {"py"}

    text = (ROOT / ".importlinter").read_text("utf-8")
    assert "ignore" not in text
    assert "(" not in "".join(line for line in text.splitlines() if not line.startswith("#"))
    assert {name for name in existing if not name.startswith("__")} == set(floors)
    assert {
        name.rpartition(".")[2] for name in contract("registry")["source_modules"].split()
    } == below_engine - wings


def foreign_at_import(source: str) -> set[str]:
    """List the third-party packages that a module imports when it is imported itself."""
    found: set[str] = set()
    waiting: list[ast.AST] = [ast.parse(source)]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        if isinstance(node, ast.Import):
            found.update(alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            found.add((node.module or "").partition(".")[0])
        waiting.extend(ast.iter_child_nodes(node))
    return found - set(sys.stdlib_module_names) - {"codeflow_engine"}


PLAIN = ("errors.py", "redaction", "sandbox", "domain", "contracts", "reports")
"""Floors that a host gets with its first import, and that attackers' data passes through."""


def test_the_lower_floors_import_nothing_foreign() -> None:
    """Values, contracts, redaction, sandbox and reports stand on the standard library."""
    paths = [path for name in PLAIN for path in [PACKAGE / name, *PACKAGE.glob(f"{name}/**/*.py")]]

    found = {
        str(path.relative_to(PACKAGE)): foreign
        for path in paths
        if path.suffix == ".py" and (foreign := foreign_at_import(path.read_text("utf-8")))
    }

    assert len(paths) > len(PLAIN)
    assert not found


def test_the_engine_imports_no_heavy_package() -> None:
    """The engine loads Pydantic, SQLAlchemy and structlog only when they are needed."""
    paths = sorted((PACKAGE / "engine").glob("*.py"))
    foreign = {one for path in paths for one in foreign_at_import(path.read_text("utf-8"))}

    assert not foreign & {"pydantic", "pydantic_settings", "sqlalchemy", "structlog"}


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("import pydantic.fields", {"pydantic"}),
        ("class A:\n    from pydantic import B", {"pydantic"}),
        ("try:\n    import yaml\nexcept ImportError:\n    pass", {"yaml"}),
        ("def f():\n    import pydantic", set()),
        ("from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import pydantic", set()),
        ("from . import diff\nimport json, codeflow_engine.errors", set()),
    ],
)
def test_the_check_of_foreign_imports_sees_module_level_only(
    source: str, expected: set[str]
) -> None:
    """An import counts where it runs with the module, and not inside a function."""
    assert foreign_at_import(source) == expected
