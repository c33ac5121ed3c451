"""`codeflow review` of git repositories: which change is meant, and hostile names."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from cli_runs import codeflow, commit, git, install_plugin, make_repository
from jsonschema import Draft202012Validator

from codeflow_engine.hosts.cli import main
from codeflow_engine.reports.json import schema


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a repository whose branch `topic` and working tree differ from `main`."""
    repository = make_repository(tmp_path)
    git(repository, "checkout", "-qb", "topic")
    commit(repository, "second", {"b.py": "import sys\n"})
    git(repository, "checkout", "-q", "main")
    commit(repository, "elsewhere", {"m.py": "x = 1\n"})
    git(repository, "checkout", "-q", "topic")
    commit(repository, "third", {"c.py": "import re\n"})
    (repository / "staged.py").write_text("y = 1\n")
    git(repository, "add", "staged.py")
    (repository / "a.py").write_text("import os, re\n")
    (repository / "untracked.py").write_text("z = 1\n")
    monkeypatch.chdir(repository)
    return repository


def paths(capsys: pytest.CaptureFixture[str], *words: str) -> list[str]:
    """Review and list the paths of the change."""
    status = main(["review", "--format", "json", "--analyzer", "secrets", *words])
    made: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert status == 0
    Draft202012Validator(schema()).validate(made)
    return sorted({entry["path"] for entry in made["coverage"]["entries"]})


@pytest.mark.fault
@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ([], ["a.py", "staged.py", "untracked.py"]),
        (["."], ["a.py", "staged.py", "untracked.py"]),
        (["--base", "main"], ["b.py", "c.py"]),
        (["--head", "topic~1"], ["b.py"]),
        (["--base", "main", "--head", "topic~1"], ["b.py"]),
        (["--head", ":index"], ["staged.py"]),
        (["--staged"], ["staged.py"]),
        (["--head", ":worktree"], ["a.py", "staged.py", "untracked.py"]),
        (["--base", "main", "--head", ":index"], ["b.py", "c.py", "staged.py"]),
    ],
)
def test_base_and_head_choose_the_change(
    repository: Path, capsys: pytest.CaptureFixture[str], words: list[str], expected: list[str]
) -> None:
    """Each combination reviews the change that the help text says."""
    assert repository.is_dir()
    assert paths(capsys, *words) == expected


@pytest.mark.parametrize(
    "words", [["--base", "nowhere"], ["--head", "nowhere"], ["--base=--output=x"]]
)
def test_an_unknown_revision_exits_with_2(
    repository: Path, capsys: pytest.CaptureFixture[str], words: list[str]
) -> None:
    """A revision that is not there is an error of usage, told in one line."""
    status = main(["review", *words])
    told = capsys.readouterr()

    assert (status, told.out) == (2, "")
    assert told.err.startswith("error: ")
    assert told.err.count("\n") == 1
    assert not (repository / "x").exists()


@pytest.mark.parametrize("form", [pytest.param("text", marks=pytest.mark.fault), "json"])
def test_s8_hostile_file_names_come_out_escaped(tmp_path: Path, form: str) -> None:
    """Line feeds, escape sequences, bidi and bytes that are no UTF-8 stay inert."""
    repository = make_repository(tmp_path)
    names = (b"new\nline", b"\x1b]52;c;aGk=\x07", "\u202egnp".encode(), b"\xff")
    for name in names:
        Path(os.fsdecode(os.fsencode(repository) + b"/" + name)).write_text("x = 1\n")
    site = install_plugin(tmp_path)
    words = ("review", "--format", form, "--analyzer", "idle")
    done = codeflow(*words, cwd=repository, site=site)
    out = done.stdout.decode("utf-8")

    assert (done.returncode, done.stderr) == (3, b"")
    assert out.replace("\n", "").isprintable()
    shown = (r"new\nline", r"\x1b]52;c;aGk=\x07", r"\u202egnp", r"\xff")
    if form == "json":
        shown = (r"new\nline", r"\u001b]52;c;aGk=\u0007", r"\u202egnp", r"\\xff")
    assert [name for name in shown if name not in out] == []
