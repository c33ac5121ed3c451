"""Patches and made-up secrets for the tests of the scans."""

from __future__ import annotations

import random
import string
import time
from collections.abc import Callable, Mapping
from typing import Any

from codeflow_engine.domain.diff import Diff, Unit
from codeflow_engine.domain.finding import RawFinding
from codeflow_engine.providers.analyzer.scanning import Scan

ALPHANUMERIC = string.ascii_letters + string.digits


def made_up(prefix: str, length: int, alphabet: str = ALPHANUMERIC) -> str:
    """Make up a token: none stands in a file of this project."""
    return prefix + "".join(random.Random(prefix).choices(alphabet, k=length))  # noqa: S311 - no secret


GITHUB = made_up("ghp_", 36)
NPM = made_up("npm_", 36)
KEY_LINES = [made_up("MIIE", 60), made_up("q8+/", 60), made_up("Zk3a", 40) + "=="]
PRIVATE_KEY = ["-----BEGIN RSA PRIVATE KEY-----", *KEY_LINES, "-----END RSA PRIVATE KEY-----"]


def new_file(path: str, *lines: str, mode: str = "100644") -> str:
    """Write the diff of a file that is added."""
    rows = "".join(f"+{line}\n" for line in lines)
    return (
        f"diff --git a/{path} b/{path}\nnew file mode {mode}\nindex 0000000..1111111\n"
        f"--- /dev/null\n+++ b/{path}\n@@ -0,0 +1,{len(lines)} @@\n{rows}"
    )


def change(path: str, *hunks: list[str], old_path: str | None = None) -> str:
    """Write the diff of a file that changes; rows of a hunk begin with their mark."""
    old = old_path or path
    head = f"diff --git a/{old} b/{path}\n"
    if old_path:
        head += f"similarity index 90%\nrename from {old}\nrename to {path}\n"
    text = f"{head}index 1111111..2222222 100644\n--- a/{old}\n+++ b/{path}\n"
    start = 1
    for rows in hunks:
        removed = sum(row[0] in " -" for row in rows)
        added = sum(row[0] in " +" for row in rows)
        text += f"@@ -{start},{removed} +{start},{added} @@\n"
        text += "".join(f"{row}\n" for row in rows)
        start += 100
    return text


def scanned(
    scan: Scan, text: str | bytes, settings: Mapping[str, Any] | None = None
) -> list[RawFinding]:
    """Run a scan over all units of a diff; give its findings."""
    return [finding for findings, _ in by_unit(scan, text, settings) for finding in findings]


def by_unit(
    scan: Scan, text: str | bytes, settings: Mapping[str, Any] | None = None
) -> list[tuple[list[RawFinding], str | None]]:
    """Run a scan; give for each unit its findings, and why it was declined."""
    diff = Diff.parse(text)
    results = [
        (one.unit, list(one.findings), one.declined)
        for one in scan(diff, diff.units, settings or {})
    ]
    assert tuple(unit for unit, _, _ in results) == diff.units
    return [(findings, declined) for _, findings, declined in results]


def rules(findings: list[RawFinding]) -> list[str]:
    """List the rules of findings."""
    return [finding.rule for finding in findings]


def marked(text: str, finding: RawFinding) -> str:
    """Cut out what a finding's columns mark on its side of a diff of one file."""
    (file,) = Diff.parse(text).files
    assert finding.line is not None
    assert finding.column is not None
    assert finding.end_column is not None
    line = file.line_at(finding.side, finding.line)
    assert line is not None
    return line.text[finding.column - 1 : finding.end_column - 1]


def first_unit(text: str) -> Unit:
    """Give the first unit of a diff."""
    return Diff.parse(text).units[0]


def growth(work: Callable[[int], object], size: int) -> float:
    """Say by which factor the CPU time grows when the work grows fourfold; the best of three."""

    def cost(size: int) -> float:
        times = []
        for _ in range(3):
            begin = time.process_time()
            work(size)
            times.append(time.process_time() - begin)
        return min(times)

    work(size)
    return cost(4 * size) / cost(size)
