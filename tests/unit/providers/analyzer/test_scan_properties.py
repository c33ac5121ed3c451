"""What holds for the shipped scans whatever a change holds."""

from __future__ import annotations

import subprocess
import sys

import pytest
from analyzer_patches import GITHUB, PRIVATE_KEY, by_unit, change
from hypothesis import given, settings
from hypothesis import strategies as st

from codeflow_engine.domain.diff import Diff, LineKind, Side
from codeflow_engine.providers.analyzer.checks import hygiene, secrets
from codeflow_engine.providers.analyzer.scanning import Scan

SCANS = pytest.mark.parametrize("scan", [hygiene.scan, secrets.scan])
PIECES = st.sampled_from(
    [
        *("x = 1", " ", "\t", "\r", "\x0c", "\u2028", "\x00", "\x1b[0m", "\udcff", "\u00e9"),
        *("\u202e", "\u2069", "\u200b", "\u200d", "\ufe0f", "\U000e0041", "\U0001f3f4", "\ufeff"),
        *("p\u0430y", "\u0410", "<<<<<<< ", "=======", ">>>>>>>", "breakpoint()", "debugger;"),
        *(GITHUB, "password = 'hunter2Zx9!'", *PRIVATE_KEY, '"a": "^1.0"', '"dependencies": {'),
    ]
)
TEXTS = st.lists(PIECES, max_size=4).map("".join)
ROWS = st.lists(st.tuples(st.sampled_from(" -+"), TEXTS).map("".join), min_size=1, max_size=8)
PATHS = st.sampled_from(
    ["a.py", "a.js", "a.md", "x", "package.json", "go.mod", "tests/a.rb", "p\u0430y.ts", "\u200b"]
)
PATCHES = st.lists(
    st.builds(
        lambda path, hunks, old: change(path, *hunks, old_path=old),
        PATHS,
        st.lists(ROWS, min_size=1, max_size=3),
        st.sampled_from([None, "old.py"]),
    ),
    max_size=3,
).map("".join)


@SCANS
@settings(max_examples=25)
@given(text=PATCHES)
def test_every_finding_stands_on_a_line_that_the_change_touches(scan: Scan, text: str) -> None:
    """Every unit gets one result, and every place exists on its side of its unit."""
    diff = Diff.parse(text)

    results = by_unit(scan, text)

    for unit, (findings, declined) in zip(diff.units, results, strict=True):
        assert declined is None
        file = diff.files[unit.file]
        for finding in findings:
            new = finding.side is Side.NEW
            assert finding.path == (file.path if new else file.old_path)
            if finding.line is None:
                continue
            assert unit.hunk is not None
            line = file.hunks[unit.hunk].line_at(finding.side, finding.line)
            assert line is not None
            assert line.kind is (LineKind.ADD if new else LineKind.DELETE)
            if finding.column is not None and finding.end_column is not None:
                assert 1 <= finding.column < finding.end_column <= len(line.text) + 1
            assert finding.line <= (finding.end_line or finding.line)


@SCANS
@settings(max_examples=25)
@given(text=PATCHES)
def test_the_same_change_gives_the_same_findings(scan: Scan, text: str) -> None:
    """A scan is a function of the diff and nothing else."""
    assert by_unit(scan, text) == by_unit(scan, text)


@settings(max_examples=25)
@given(text=PATCHES)
def test_s33_no_finding_repeats_a_secret(text: str) -> None:
    """Whatever stands beside it."""
    told = repr([findings for findings, _ in by_unit(secrets.scan, text)])

    assert GITHUB not in told
    assert not any(line in told for line in PRIVATE_KEY[1:-1])


def test_the_process_of_a_scan_imports_little() -> None:
    """What costs time at each start stays out of it, and so does what few changes need."""
    here = "codeflow_engine.providers.analyzer"
    code = (
        f"import sys, {here}.scanning.child, {here}.checks.hygiene, {here}.checks.secrets\n"
        "sys.stdout.write(' '.join(sys.modules))"
    )

    ran = subprocess.run(
        [sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True
    )

    heavy = {
        "asyncio",
        "pydantic",
        "subprocess",
        "socket",
        "logging",
        "pathlib",
        "typing_extensions",
    }
    own = {"codeflow_engine.contracts", "codeflow_engine.sandbox", "codeflow_engine.domain.finding"}
    assert not (heavy | own) & set(ran.stdout.split())
