"""The project's files agree with each other: extras, lock, commands, versions, pages."""

from __future__ import annotations

import os
import re
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
LOCK = tomllib.loads((ROOT / "poetry.lock").read_text("utf-8"))
COMMAND = "python3 -m venv .venv && .venv/bin/pip -q install nox && .venv/bin/nox -s "


def normal(requirement: str) -> str:
    """Give the normal form of a requirement's name."""
    return re.sub(r"[-_.]+", "-", re.split(r"[\s\[<>=!~;]", requirement)[0]).lower()


def gaps_of_extras(extras: dict[str, list[str]], union: str, parts: set[str]) -> set[str]:
    """Say what an extra lacks, or has too much, to be the union of others."""
    return set(extras[union]) ^ {name for part in parts for name in extras[part]}


def test_all_and_llm_are_unions_of_the_other_extras() -> None:
    """`all` holds what any extra holds, and `llm` what the four providers hold."""
    extras = PYPROJECT["tool"]["poetry"]["extras"]

    assert not gaps_of_extras(extras, "all", set(extras) - {"all"})
    assert not gaps_of_extras(extras, "llm", {"openai", "anthropic", "mistral", "groq"})
    assert gaps_of_extras({"all": ["a"], "b": ["a", "c"]}, "all", {"b"}) == {"c"}


def test_every_optional_dependency_belongs_to_an_extra() -> None:
    """Nothing is optional without a way to install it, and no extra names the unknown."""
    dependencies = PYPROJECT["tool"]["poetry"]["dependencies"]
    optional = {
        name
        for name, value in dependencies.items()
        if isinstance(value, dict) and value.get("optional")
    }

    assert set(PYPROJECT["tool"]["poetry"]["extras"]["all"]) == optional


def test_the_lock_pins_every_requirement() -> None:
    """Each dependency and each member of a group has its version in the lock."""
    pinned = {package["name"] for package in LOCK["package"]}
    groups = [name for group in PYPROJECT["dependency-groups"].values() for name in group]
    wanted = {normal(name) for name in [*groups, *PYPROJECT["tool"]["poetry"]["dependencies"]]}

    assert wanted - pinned == {"python"}


def test_constraints_choose_among_versions_by_their_markers(
    noxfile: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One version is pinned outright; several carry markers, as if every extra were asked."""
    entries = [
        ("one", "1", 'sys_platform == "win32"'),
        ("two", "1", 'python_version < "3.13" and extra == "x"'),
        ("two", "2", 'python_version >= "3.13"'),
    ]
    text = "".join(
        f"[[package]]\nname = '{name}'\nversion = '{version}'\ngroups = ['main']\n"
        f"markers = '{marker}'\n"
        for name, version, marker in entries
    )
    (tmp_path / "poetry.lock").write_text(text, "utf-8")
    monkeypatch.setitem(noxfile["_constraints"].__globals__, "ROOT", tmp_path)

    assert noxfile["_constraints"]().splitlines() == [
        "one==1",
        'two==1 ; python_version < "3.13" and python_version > "0"',
        'two==2 ; python_version >= "3.13"',
    ]
    marker = noxfile["_marker"]
    assert marker({"groups": ["main", "test"], "markers": {"main": "a"}}) == ""
    assert marker({"groups": ["a", "b"], "markers": {"a": "x", "b": "y"}}) == "(x) or (y)"


def test_the_noxfile_finds_an_interpreter_by_running_it(
    noxfile: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A program that fails when it runs is passed over; one that answers is taken."""
    shims, real = tmp_path / "shims", tmp_path / "real"
    for folder, body in ((shims, "echo no such version >&2; exit 127"), (real, 'exec {} "$@"')):
        folder.mkdir()
        program = folder / "python3"
        program.write_text(f"#!/bin/sh\n{body.format(sys.executable)}\n")
        program.chmod(0o755)
    monkeypatch.setenv("PATH", os.pathsep.join([str(shims), str(real), "/usr/bin", "/bin"]))
    version = "{}.{}".format(*sys.version_info[:2])

    assert noxfile["_probe"](str(shims / "python3")) is None
    assert noxfile["_probe"](str(real / "python3"))[1] == sys.executable
    assert version in noxfile["_interpreters"]()
    monkeypatch.setenv("CODEFLOW_PYTHON", str(shims / "python3"))
    assert noxfile["_interpreters"]() == {}


def test_supported_pythons_agree(noxfile: dict[str, Any]) -> None:
    """The noxfile runs no version that the lock does not serve."""
    first, last = noxfile["SUPPORTED"][0], noxfile["SUPPORTED"][-1]

    assert LOCK["metadata"]["python-versions"] == ">={}.{},<{}.{}".format(
        *first, last[0], last[1] + 1
    )
    assert PYPROJECT["project"]["requires-python"] == ">={}.{}".format(*first)


def test_ci_runs_the_command_of_the_readme() -> None:
    """The README's two commands are these, and CI's first step is the second of them."""
    readme = (ROOT / "README.md").read_text("utf-8")
    ci = (ROOT / ".ci" / "run").read_text("utf-8")

    assert f"\n{COMMAND}review\n" in readme
    assert f"\n{COMMAND}tests\n" in readme
    assert f"    {COMMAND}tests\n" in ci
    assert ci.index('step "tests"') == ci.index('step "')


def test_every_module_has_its_stability() -> None:
    """The page on stability has a row for each module of the package."""
    page = (ROOT / "docs" / "stability.md").read_text("utf-8")
    modules = {
        path.stem
        for path in (ROOT / "src" / "codeflow_engine").iterdir()
        if path.suffix in {"", ".py"} and not path.name.startswith(("_", "."))
    }

    assert set(re.findall(r"^\| `codeflow_engine\.(\w+)`", page, re.MULTILINE)) == modules
