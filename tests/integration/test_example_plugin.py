"""The model of a plugin, `examples/plugin`: built, installed, tested and used for real."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import venv
from collections.abc import Iterator
from pathlib import Path

import pytest

EXAMPLE = Path(__file__).parents[2] / "examples" / "plugin"
"""Absent where the tests run against a wheel, away from the checkout."""

pytestmark = pytest.mark.skipif(not EXAMPLE.exists(), reason="the checkout is not here")


def run(*words: object, cwd: Path, status: int = 0) -> str:
    """Run a program, away from any configuration; give what it wrote."""
    done = subprocess.run(
        [str(word) for word in words],
        cwd=cwd,
        env={"PATH": os.environ["PATH"], "HOME": os.environ["HOME"], "PIP_NO_INDEX": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Build the wheel and install it into a fresh environment on top of this one."""
    folder = tmp_path_factory.mktemp("example")
    ignored = shutil.ignore_patterns("__pycache__", ".*")
    source = Path(shutil.copytree(EXAMPLE, folder / "source", ignore=ignored))
    pip = (sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check")
    offline = ("--no-index", "--no-deps")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOME", str(folder))
        build = ("wheel", "--no-build-isolation", *offline, "--wheel-dir", folder)
        run(*pip, *build, source, cwd=folder)
        venv.create(folder / "env", symlinks=True)
        made = folder / "env" / "bin" / "python"
        (wheel,) = folder.glob("codeflow_acme-*-py3-none-any.whl")
        run(*pip, "--python", made, "install", *offline, wheel, cwd=folder)
        # This environment comes after the new one, with the files that point to a checkout.
        ground = [path for path in sys.path if path.endswith("site-packages")]
        (site,) = (folder / "env").glob("lib/python*/site-packages")
        lines = [f"import site; site.addsitedir({path!r})\n" for path in ground]
        (site / "ground.pth").write_text("".join(lines), "utf-8")
        yield made


def codeflow(python: Path, *words: str, cwd: Path, status: int = 0) -> str:
    """Run the program in that environment."""
    return run(python, "-m", "codeflow_engine.hosts.cli", *words, cwd=cwd, status=status)


def test_it_is_listed(python: Path, tmp_path: Path) -> None:
    """Its two backends can be used, and come from the distribution."""
    rows = [line.split() for line in codeflow(python, "plugins", cwd=tmp_path).splitlines()]

    origin = ["codeflow-acme", "1.0.0", "(acme)", "available"]
    assert ["vcs", "acme-trees", *origin] in rows
    assert ["analyzer", "acme-sql", *origin] in rows


@pytest.mark.fault
def test_its_own_tests_pass(python: Path, tmp_path: Path) -> None:
    """As its author runs them, against what is installed: the suites are among them."""
    for name in ("tests", "pyproject.toml"):
        source = EXAMPLE / name
        copy = shutil.copytree if source.is_dir() else shutil.copy
        copy(source, tmp_path / name)

    options = ("-q", "-p", "no:cacheprovider", "-p", "no:randomly", "-p", "no:xdist")
    out = run(python, "-m", "pytest", *options, cwd=tmp_path)

    assert " passed" in out
    assert "failed" not in out


def test_it_reviews_a_change(python: Path, tmp_path: Path) -> None:
    """Its VCS host reads the two trees, and its analyzer finds the statement."""
    for tree, text in (("base", "x = 1\n"), ("head", "x = 1\ndb.execute(f'DROP {x}')\n")):
        (tmp_path / "change" / tree).mkdir(parents=True)
        (tmp_path / "change" / tree / "shop.py").write_text(text)
    (tmp_path / "settings.toml").write_text('vcs = "acme-trees"\n')
    words = ("review", "change", "--settings", "settings.toml", "--format", "json")
    words += ("--analyzer", "acme-sql", "--fail-on", "high")

    review = json.loads(codeflow(python, *words, cwd=tmp_path, status=1))

    assert review["outcome"] == "reviewed"
    places = [(one["rule"], one["path"], one["line"]) for one in review["findings"]]
    assert places == [("acme-sql/built-sql", "shop.py", 2)]


@pytest.mark.fault
def test_it_passes_its_check(python: Path, tmp_path: Path) -> None:
    """By the name that a user has no rule is broken, without any fixture of its author."""
    for tree in ("base", "head"):
        (tmp_path / "change" / tree).mkdir(parents=True)
        (tmp_path / "change" / tree / "shop.py").write_text(f"x = '{tree}'\n")
    words = ("plugins", "check", "codeflow-acme", "--change", "change", "--format", "json")

    told = json.loads(codeflow(python, *words, cwd=tmp_path, status=3))

    checks = {one["subject"]: one for one in told["checks"]}
    assert checks.keys() == {"vcs:acme-trees", "analyzer:acme-sql"}
    for check in checks.values():
        assert check["counts"]["failed"] == 0
        assert check["error"] is None
        assert check["counts"]["passed"] > check["counts"]["unchecked"]


def test_its_own_test_class_is_checked_whole(python: Path, tmp_path: Path) -> None:
    """With the fixtures of its author there is nothing left that could not be tested."""
    shutil.copytree(EXAMPLE / "tests", tmp_path / "tests")

    out = codeflow(python, "plugins", "check", "tests.test_trees:TestTrees", cwd=tmp_path)

    assert out.splitlines()[-1].startswith("kept: ")
