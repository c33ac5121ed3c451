"""The analyzer `ruff`, with the real tool in its sandbox."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import AsyncIterator
from typing import Any

import pytest
from tool_changes import analysis_of, fates, rules

from codeflow_engine import Engine, Outcome
from codeflow_engine.domain.diff import Diff
from codeflow_engine.domain.finding import Category, RawFinding, Severity, Suggestion
from codeflow_engine.errors import ConfigurationError, MissingDependencyError
from codeflow_engine.providers.analyzer.ruff import RuffAnalyzer, RuffSettings
from codeflow_engine.sandbox import Sandbox


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with Sandbox() as made:
        yield made


async def test_a_finding_has_the_tool_s_words_and_the_place_of_the_file(sandbox: Sandbox) -> None:
    """Rule, words, exact place and the safe edit of whole lines are taken over."""
    asked = analysis_of(
        {"pkg/a.py": b'"""\xc3\xa9"""\nimport os\nimport re\nx = "\xc3\xa9"; y = re\n'}
    )

    report = await RuffAnalyzer().analyze(asked, sandbox)

    assert report.findings[0] == RawFinding(
        rule="F401",
        severity=Severity.LOW,
        category=Category.MAINTAINABILITY,
        title="Unused import",
        message="`os` imported but unused",
        path="pkg/a.py",
        line=2,
        end_line=2,
        column=8,
        end_column=10,
        suggestion=Suggestion(replacement="", start_line=2, end_line=2),
    )
    assert [(one.rule, one.line, one.column) for one in report.findings[1:]] == [("E702", 4, 8)]
    assert report.examined == asked.units


async def test_every_file_meets_its_honest_fate(sandbox: Sandbox) -> None:
    """Files that are none of ruff's business are declined; those that it cannot read fail."""
    asked = analysis_of(
        {
            "notes.txt": b"import os\n",
            "book.ipynb": b"{}\n",
            "stub.pyi": b"import os\n",
            "window.PYW": b"import os\n",
            "link.py": b"/etc/passwd",
            "sub.py": b"Subproject commit 1\n",
            "secret_link.py": b"/etc/passwd",
            "nul.py": b"x = 1\n" * 2000 + b"\0\n",
            "broken.py": b"x = (\n",
            "bytes.py": b"x = '\xe9'\n",
            "latin.py": b"# -*- coding: latin-1 -*-\nimport os\nx = '\xe9'\n",
            "odd.py": b"# coding: utf-7\nimport os\n",
            "gone.py": "absent",
            "huge.py": "larger than 10 bytes",
            "empty.py": b"",
        },
        modes={"link.py": "120000", "sub.py": "160000"},
    )
    asked.read_files.__self__.modes = {"secret_link.py": "120000"}

    report = await RuffAnalyzer().analyze(asked, sandbox)

    assert fates(asked, report) == {
        "notes.txt": "declined: not a Python file",
        "book.ipynb": "declined: not a Python file",
        "stub.pyi": "examined",
        "window.PYW": "examined",
        "link.py": "declined: a symbolic link, which is not followed",
        "sub.py": "declined: a submodule",
        "secret_link.py": "declined: a symbolic link, which is not followed",
        "nul.py": "failed: it holds a NUL byte, so it is no text",
        "broken.py": "examined",
        "bytes.py": "failed: it is not in utf-8, as it should be",
        "latin.py": "examined",
        "odd.py": "failed: it declares the encoding 'utf-7', which is not read",
        "gone.py": "failed: absent",
        "huge.py": "failed: larger than 10 bytes",
        "empty.py": "examined",
    }
    assert set(rules(report)) == {
        ("stub.pyi", "F401", 1),
        ("window.PYW", "F401", 1),
        ("latin.py", "F401", 2),
        ("broken.py", "invalid-syntax", 1),
    }


CHANGED = b"""\
diff --git a/old.py b/old.py
deleted file mode 100644
--- a/old.py
+++ /dev/null
@@ -1 +0,0 @@
-import os
diff --git a/a.py b/b.py
similarity index 100%
rename from a.py
rename to b.py
diff --git a/c.py b/c.py
index 1111111..2222222 100644
Binary files a/c.py and b/c.py differ
diff --git a/d.py b/d.py
deleted file mode 120000
--- a/d.py
+++ /dev/null
@@ -1 +0,0 @@
-/etc/passwd
diff --git a/d.py b/d.py
new file mode 100644
--- /dev/null
+++ b/d.py
@@ -0,0 +1 @@
+import os
diff --git a/e.py b/e.py
--- a/e.py
+++ b/e.py
@@ -1,2 +1,2 @@
 import os
-x = 1
+x = 2
"""


async def test_entries_that_show_no_new_lines(sandbox: Sandbox) -> None:
    """A renamed or formerly linked file is looked at, no deleted one; a seeming binary fails."""
    files = {
        "b.py": b"import os\n",
        "d.py": b"import os\n",
        "e.py": b"import os\nx = 2\n\nimport re\n",
    }
    asked = analysis_of(files, diff=CHANGED)

    report = await RuffAnalyzer().analyze(asked, sandbox)

    assert [asked.change.diff.files[unit.file].path for unit in report.examined] == [
        "b.py",
        "d.py",
        "e.py",
    ]
    assert [reason for _, reason in report.declined] == ["the change deletes it"] * 2
    assert [reason for _, reason in report.failed] == [
        "the change shows it as binary, without its lines"
    ]
    assert rules(report) == [
        ("b.py", "F401", 1),
        ("d.py", "F401", 1),
        ("e.py", "F401", 1),
        ("e.py", "E402", 4),
        ("e.py", "F401", 4),
    ]
    offered = {(one.path, one.line) for one in report.findings if one.suggestion}
    assert offered == {("d.py", 1), ("e.py", 1)}, "only where a hunk shows the lines"


async def test_a_bare_patch_is_declined(sandbox: Sandbox) -> None:
    """Without files around it there is nothing to read, and nothing fails."""
    asked = analysis_of({"a.py": b"import os\n"}, provider=None)

    report = await RuffAnalyzer().analyze(asked, sandbox)

    assert fates(asked, report) == {"a.py": "declined: a bare patch has no files around it"}


def test_a_bare_patch_is_reviewed_by_the_others() -> None:
    """The default analyzers review a bare patch completely."""
    with Engine() as engine:
        found = engine.review("--- a/a.py\n+++ b/a.py\n@@ -1 +1 @@\n-x\n+import os\n")

    assert found.outcome is Outcome.REVIEWED
    assert found.coverage.entries[0].by == ("hygiene", "secrets")


LINES = {
    "crlf": b"x = 1\r\nimport os\r\n",
    "byte order mark": b"\xef\xbb\xbfx = 1\nimport os\n",
    "form feed": b"x = 1\n\x0cimport os\n",
    "separators": "x = '\u2028\u2029\x85\x0b\x1c'\nimport os\n".encode(),
    "tabs": b"if 1:\n\timport os\n",
    "lone carriage return": b"x = 1\ry = 2\nimport os\n",
    "after many": b"x = 1\r\r\r\r\nimport os\n",
    "no end": b"x = 1\nimport os",
}


async def test_lines_are_those_that_git_counts(sandbox: Sandbox) -> None:
    r"""Only `\n` ends a line of a diff; Python counts `\r` too."""
    asked = analysis_of({f"{name.replace(' ', '_')}.py": text for name, text in LINES.items()})

    report = await RuffAnalyzer(RuffSettings(select=("F401",))).analyze(asked, sandbox)

    diff: Diff = asked.change.diff
    shown = {file.path: file.line_at for file in diff.files}
    assert {one.path for one in report.findings} == {file.path for file in diff.files}
    for one in report.findings:
        line = shown[one.path](one.side, one.line or 0)
        assert line is not None
        assert line.text[(one.column or 0) - 1 : (one.end_column or 0) - 1] == "os", one.path
        assert one.line == 2


async def test_suppressions_are_honoured_unless_the_host_says_otherwise(sandbox: Sandbox) -> None:
    """`# noqa` silences ruff by default, and a setting takes that away."""
    asked = analysis_of(
        {"a.py": b"import os  # noqa: F401\n", "b.py": b"# ruff: noqa\nimport os\n"}
    )

    kept = await RuffAnalyzer().analyze(asked, sandbox)
    heard = await RuffAnalyzer(RuffSettings(honour_suppressions=False)).analyze(asked, sandbox)

    assert kept.findings == ()
    assert rules(heard) == [("a.py", "F401", 1), ("b.py", "F401", 2)]


async def test_rules_that_need_the_real_place_are_not_asked(sandbox: Sandbox) -> None:
    """A private copy has another name and no package around it."""
    asked = analysis_of({"Odd Name/json.py": b"#!/usr/bin/python\nx = 1\n"})
    settings = RuffSettings(select=("INP", "N", "A", "EXE"))

    report = await RuffAnalyzer(settings).analyze(asked, sandbox)

    assert report.findings == ()


async def test_names_that_rules_depend_on_are_kept(sandbox: Sandbox) -> None:
    """An unused import in `__init__.py` is a re-export, which ruff does not offer to delete."""
    asked = analysis_of({"p/__init__.py": b"import os\n", "p/a.py": b"import os\n"})

    report = await RuffAnalyzer().analyze(asked, sandbox)

    assert {one.path: one.suggestion is None for one in report.findings} == {
        "p/__init__.py": True,
        "p/a.py": False,
    }


@pytest.mark.parametrize(
    "wrong",
    [
        {"select": ()},
        {"select": ("F401 --config=x",)},
        {"ignore": ("--fix",)},
        {"target_version": "py27"},
        {"line_length": 0},
    ],
    ids=str,
)
def test_settings_that_cannot_be_are_refused(wrong: dict[str, Any]) -> None:
    """A setting never becomes an option of the tool."""
    with pytest.raises(ConfigurationError):
        RuffSettings(**wrong)


@pytest.mark.parametrize("name", ["ruff", "bandit"])
def test_a_missing_package_says_what_to_install(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The factory cannot be loaded then; nobody who did not ask for it is hurt."""
    find = importlib.util.find_spec

    def without(wanted: str, package: str | None = None) -> Any:
        return None if wanted == name else find(wanted, package)

    monkeypatch.delitem(sys.modules, f"codeflow_engine.providers.analyzer.{name}", raising=False)
    monkeypatch.setattr(importlib.util, "find_spec", without)
    patch = "--- a/a.py\n+++ b/a.py\n@@ -1 +1 @@\n-x\n+y\n"
    with Engine() as engine:
        offers = {offer.name: offer for offer in engine.plugins.backends}
        problem = engine.plugins.problem(offers[name])
        default = engine.review(patch)
        named = engine.review(patch, analyzers=[name, "secrets"])

    assert isinstance(problem, MissingDependencyError)
    assert problem.requires == "codeflow-engine[analyzers]"
    assert default.outcome is Outcome.REVIEWED
    assert named.outcome is not Outcome.REVIEWED
    assert "pip install 'codeflow-engine[analyzers]'" in named.reason
