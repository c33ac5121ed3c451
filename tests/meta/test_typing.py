"""The checks of types from the outside are made, and can fail."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
OUTSIDE = ROOT / "tests" / "typing"
MYPY = re.compile(r"# type: ignore\[[a-z, -]+\]")
PYRIGHT = re.compile(r"# pyright: ignore\[\w+(, \w+)*\]")


def one_sided(source: str) -> list[int]:
    """List the lines with a mistake that one checker has to find and the other has not."""
    lines = source.splitlines()
    found = [(bool(MYPY.search(line)), bool(PYRIGHT.search(line))) for line in lines]
    return [number for number, (one, other) in enumerate(found, 1) if one != other]


class Refused(Exception):  # noqa: N818 - what nox does with an error
    """The session was ended."""


class Session:
    """What a session of nox is to the function under test."""

    def __init__(self, told: str, place: Path) -> None:
        self.told = told
        self.virtualenv = SimpleNamespace(location=str(place))

    def run(self, *_: str, **__: object) -> str:
        """Answer as pyright would."""
        return self.told

    def error(self, message: str) -> None:
        """End the session."""
        raise Refused(message)


def test_both_checkers_find_the_same_mistakes() -> None:
    """Each line that mypy refuses is one that pyright refuses; the other files have none."""
    mistakes = (OUTSIDE / "misuse.py").read_text("utf-8")
    proper = [path for path in OUTSIDE.glob("*.py") if path.name != "misuse.py"]

    assert len(MYPY.findall(mistakes)) > 10
    assert one_sided(mistakes) == []
    assert [path.name for path in proper if "ignore[" in path.read_text("utf-8")] == []


def test_a_mistake_that_is_no_longer_found_is_an_error() -> None:
    """Both checkers are strict, refuse a comment that ignores nothing, and see every file."""
    pyright, mypy = PYPROJECT["tool"]["pyright"], PYPROJECT["tool"]["mypy"]

    assert mypy["strict"]
    assert not {"warn_unused_ignores", "overrides"} & mypy.keys()
    assert pyright["typeCheckingMode"] == "strict"
    assert pyright["reportUnnecessaryTypeIgnoreComment"] == "error"
    assert pyright["enableTypeIgnoreComments"] is False
    assert pyright["executionEnvironments"] == [{"root": "tests/typing", "extraPaths": []}]
    assert set(pyright["include"]) <= set(mypy["files"])


def test_the_session_says_that_pyright_does_not_run(
    noxfile: dict[str, Any], tmp_path: Path
) -> None:
    """A machine where pyright cannot start, or has another version, fails the session."""
    lock = tomllib.loads((ROOT / "poetry.lock").read_text("utf-8"))
    (version,) = (one["version"] for one in lock["package"] if one["name"] == "pyright")

    env = noxfile["_pyright"](Session(f"pyright {version}\n", tmp_path))

    assert env["PYRIGHT_PYTHON_FORCE_VERSION"] == ""
    assert Path(env["PYRIGHT_PYTHON_CACHE_DIR"]).parent == tmp_path.resolve()
    for told in ("npm error network", "pyright 1.1.0"):
        with pytest.raises(Refused, match=f"{version} does not run here.*\n{told}"):
            noxfile["_pyright"](Session(told, tmp_path))


def test_the_check_of_mistakes_can_fail() -> None:
    """A mistake that is marked for one checker alone is found."""
    both = "f(7)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]"

    assert one_sided(f"{both}\nf(8)  # type: ignore[arg-type]\nf(9)") == [2]
