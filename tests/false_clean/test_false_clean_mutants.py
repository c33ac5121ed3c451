"""The matrix finds out every change of the package that swallows a fault."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from clean_model_mutants import MODEL_MUTANTS
from clean_mutants import MUTANTS, PACKAGE, Mutant

ROOT = Path(__file__).parents[2]
MATRIX = Path(__file__).with_name("clean_matrix.py")
MODELS = Path(__file__).with_name("clean_models.py")
PROCESSES = Path(__file__).with_name("test_false_clean_processes.py")
UNDISTURBED = "the undisturbed review failed"


def run_with(package: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run Python with the package that lies in a folder."""
    return subprocess.run(
        [sys.executable, *words],
        env={**os.environ, "PYTHONPATH": str(package), "PYTHONDONTWRITEBYTECODE": "1"},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


def strike(package: Path, *words: str, matrix: Path = MATRIX) -> tuple[int, list[str]]:
    """Strike some cells of a matrix."""
    ran = run_with(package, str(matrix), *words)
    if UNDISTURBED in ran.stderr:
        return ran.returncode, [UNDISTURBED]
    assert ran.stdout, ran.stderr
    told = json.loads(ran.stdout)
    assert told["cells"], f"no cell is called {words}"
    broken: list[str] = told["broken"]
    return ran.returncode, broken


@pytest.mark.parametrize(
    "mutant",
    [
        pytest.param(one, id=one.name.replace(" ", "-"), marks=() if one.quick else [SLOW])
        for SLOW in [pytest.mark.fault]
        for one in (*MUTANTS, *MODEL_MUTANTS)
    ],
)
def test_a_change_that_swallows_a_fault_fails_the_matrix(mutant: Mutant, tmp_path: Path) -> None:
    """Each of them breaks the promise in at least one cell."""
    package = mutant.apply(tmp_path)
    if mutant.tests:
        options = ["-q", "-p", "no:cacheprovider", "-p", "no:randomly", "-k", mutant.tests]
        ran = run_with(package, "-m", "pytest", *options, str(PROCESSES))
        assert " failed" in ran.stdout, ran.stdout
        return
    matrix = MODELS if mutant.models else MATRIX
    status, broken = strike(package, *mutant.cells, matrix=matrix)

    assert status == 1
    assert broken


@pytest.mark.fault
@pytest.mark.parametrize("matrix", [MATRIX, MODELS], ids=lambda path: path.stem)
def test_the_package_as_it_is_passes_the_same_cells(matrix: Path) -> None:
    """What fails with a change does not fail without it."""
    chosen = MODEL_MUTANTS if matrix == MODELS else MUTANTS
    words = [word for mutant in chosen for word in mutant.cells]

    status, broken = strike(PACKAGE.parent, *words, matrix=matrix)

    assert (status, broken) == (0, [])
