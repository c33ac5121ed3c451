"""Findings of rules that know no chance: ruff's for Python, patterns for everything else."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

from codeflow_engine.domain.finding import Category, RawFinding, Severity

__all__ = ["PROBES", "probe", "run_ruff"]

PROBES: Mapping[str, str] = {
    "long-line": r".{101,}",
    "todo": r"\b(?:TODO|FIXME|XXX|HACK)\b",
    "magic-number": r"(?<![\w.])[2-9]\d+(?![\w.])",
    "prints": r"\b(?:print|println!?|console\.log|fmt\.Print\w*|puts)\s*\(?",
    "bare-error": r"\berr(?:or)?\b\s*(?:!=|==|=>|:=)|\bexcept\b|\bcatch\b|\bunwrap\(",
    "null": r"\b(?:nil|null|None|undefined)\b",
    "index": r"\w\[\w+\]",
    "returns-bool": r"\breturn (?:true|false|True|False)\b",
    "negation": r"(?:!|\bnot )\w+",
    "import": r"^\s*(?:import|use|from|require)\b",
    "assertion": r"\bassert\w*\b|\bexpect\(",
}
"""Patterns that hit often and on lines like each other, which is what makes identity hard."""

_LEFT_OUT = "Q,COM"
"""Ruff's rules about quotes and commas: several on most lines, and about nothing but layout."""

_CATEGORIES = {
    "S": Category.SECURITY,
    "F": Category.CORRECTNESS,
    "B": Category.CORRECTNESS,
    "D": Category.DOCUMENTATION,
    "E": Category.STYLE,
    "W": Category.STYLE,
    "PERF": Category.PERFORMANCE,
    "PT": Category.TESTING,
}


def probe(path: str, lines: list[str]) -> list[RawFinding]:
    """Find with the patterns, each match once."""
    return [
        RawFinding(
            rule=rule,
            severity=Severity.LOW,
            category=Category.MAINTAINABILITY,
            title=f"Probe {rule}",
            message=f"It says {found[0][:40]!r}.",
            path=path,
            line=number,
            column=found.start() + 1,
            end_column=max(found.end(), found.start() + 1) + 1,
        )
        for number, line in enumerate(lines, 1)
        for rule, pattern in PROBES.items()
        for found in re.finditer(pattern, line[:2_000])
    ]


def run_ruff(files: list[tuple[str, list[str]]]) -> list[list[RawFinding]] | None:
    """Find with ruff in files given as path and lines; None where there is no ruff."""
    program = shutil.which("ruff", path=str(Path(sys.executable).parent)) or shutil.which("ruff")
    if program is None:
        return None
    with tempfile.TemporaryDirectory() as folder:
        for number, (path, lines) in enumerate(files):
            place = Path(folder, str(number), path)
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes("\n".join([*lines, ""]).encode("utf-8", "surrogateescape"))
        options = ["--isolated", "--no-cache", "--exit-zero", "--select=ALL", "--quiet"]
        command = [program, "check", *options, f"--ignore={_LEFT_OUT}", "--output-format=json", "."]
        told = subprocess.run(command, cwd=folder, check=True, stdout=subprocess.PIPE).stdout
        rows: defaultdict[int, list[RawFinding]] = defaultdict(list)
        root = Path(folder).resolve()
        for row in json.loads(told):
            number, *_ = Path(row["filename"]).resolve().relative_to(root).parts
            path, lines = files[int(number)]
            finding = _read(row, path, len(lines))
            if finding:
                rows[int(number)].append(finding)
    return [rows[number] for number in range(len(files))]


def _read(row: dict[str, object], path: str, lines: int) -> RawFinding | None:
    start, end, code = row["location"], row["end_location"], row["code"]
    assert isinstance(start, dict)
    assert isinstance(end, dict)
    if not isinstance(code, str) or not code[0].isupper() or start["row"] > lines:
        return None
    last = max(end["row"] - (end["column"] == 1 and end["row"] > start["row"]), start["row"])
    family = re.match("[A-Z]+", code)
    return RawFinding(
        rule=code,
        severity=Severity.LOW,
        category=_CATEGORIES.get(family[0] if family else "", Category.MAINTAINABILITY),
        title=str(row["message"]),
        message=str(row["message"]),
        path=path,
        line=start["row"],
        end_line=min(last, lines),
        column=start["column"],
        end_column=end["column"] if last == start["row"] and end["column"] > 1 else None,
    )
