"""What is installed: the package with its data, its metadata, and nothing beside them."""

from __future__ import annotations

import json
import re
import tomllib
from collections import defaultdict
from importlib.metadata import Distribution, distribution
from importlib.resources import files
from pathlib import Path

import pytest

PYPROJECT = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text("utf-8"))
EXTRAS = PYPROJECT["tool"]["poetry"]["extras"]

DATA = {
    "prompts/ask.md",
    "prompts/ask_join.md",
    "prompts/ask_part.md",
    "prompts/critic.md",
    "prompts/describe.md",
    "prompts/describe_join.md",
    "prompts/describe_part.md",
    "prompts/fix.md",
    "prompts/inspect.md",
    "py.typed",
    "reports/html/fragment.css",
    "reports/html/page.css",
    "reports/html/run.css",
    "reports/html/script.js",
    "reports/html/steps.css",
    "reports/html/style.css",
    "reports/review.schema.json",
    "testing/forge/pages/style.css",
}
"""Files of the package that are not Python; each is read at run time, or by a type checker."""


@pytest.fixture(scope="module")
def installed() -> Distribution:
    """Give what the installer keeps of the package."""
    return distribution("codeflow-engine")


def is_editable(installed: Distribution) -> bool:
    """Tell whether the installation only points to a checkout."""
    told = json.loads(installed.read_text("direct_url.json") or "{}")
    return bool(told.get("dir_info", {}).get("editable"))


def strangers(paths: list[str], *, editable: bool) -> set[str]:
    """List installed files that are neither of the package, nor its command or metadata."""
    ours = r"codeflow_engine/.+|codeflow_engine-[^/]+\.dist-info/.+|(\.\./)+bin/codeflow"
    if editable:
        ours += r"|codeflow_engine\.pth"
    runs = r".+\.(pth|so|pyd|dll|exe|pkl)"
    return {
        path
        for path in paths
        if not re.fullmatch(ours, path)
        or (re.fullmatch(runs, path) and not (editable and path == "codeflow_engine.pth"))
    }


def test_the_package_has_its_data() -> None:
    """Whatever is not Python is there, and nothing that nobody reads."""
    package = Path(str(files("codeflow_engine")))
    found = {
        str(path.relative_to(package))
        for path in package.glob("**/*")
        if path.is_file() and path.suffix != ".py" and "__pycache__" not in path.parts
    }

    assert found == DATA


def test_every_extra_can_be_asked_for(installed: Distribution) -> None:
    """Each extra of the project is in the metadata, with the packages that it stands for."""
    found: dict[str, set[str]] = defaultdict(set)
    for line in installed.requires or []:
        requirement, _, marker = line.partition(";")
        name = re.match(r"[\w.-]+", requirement)
        for extra in re.findall(r'extra == "([\w-]+)"', marker):
            found[extra].add(name[0].lower() if name else line)

    assert set(installed.metadata.get_all("Provides-Extra") or ()) == EXTRAS.keys()
    assert found == {extra: set(names) for extra, names in EXTRAS.items()}


def test_the_command_and_the_pytest_plugin_can_be_loaded(installed: Distribution) -> None:
    """The entry points are these two, and lead to what exists."""
    found = {(one.group, one.name): one for one in installed.entry_points}

    assert found.keys() == {("console_scripts", "codeflow"), ("pytest11", "codeflow")}
    assert callable(found["console_scripts", "codeflow"].load())
    assert callable(found["pytest11", "codeflow"].load().pytest_configure)


def test_s36_a_release_holds_nothing_that_runs_by_itself(installed: Distribution) -> None:
    """Outside of the package there is its command and its metadata: no `.pth`, no binary."""
    paths = [str(path) for path in installed.files or ()]

    assert any(path.endswith(".dist-info/METADATA") for path in paths)
    assert strangers(paths, editable=is_editable(installed)) == set()


def test_the_check_of_installed_files_can_fail() -> None:
    """A file of another package, a `.pth` and a binary are found."""
    fine = ["codeflow_engine/a.py", "codeflow_engine-1.dist-info/RECORD", "../../../bin/codeflow"]
    odd = {"tests/a.py", "codeflow_engine.pth", "codeflow_engine/a.so", "../../../bin/other"}

    assert strangers([*fine, *odd], editable=False) == odd
    assert strangers([*fine, "codeflow_engine.pth"], editable=True) == set()
