"""Several sources in one review: their scope, and what they say together."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from codeflow_engine import Engine, Outcome, Review
from codeflow_engine.hosts.cli import main
from git_repository import GitRepository

BEFORE = "import os\n\n\ndef size(path):\n    return len(path)\n"
AFTER = BEFORE + "\n\ndef run(command):\n    eval(command)\n"


@pytest.fixture
def changed(git_repository: GitRepository) -> GitRepository:
    """Give a repository with an old fault in line 1, and a new one in line 9."""
    git_repository.commit({"tool.py": BEFORE})
    git_repository.commit({"tool.py": AFTER})
    return git_repository


def review(repository: GitRepository, scope: str | None) -> Review:
    with Engine(analyzers=["ruff", "bandit"]) as engine:
        return engine.review(str(repository.path), head="HEAD", scope=scope)


def test_by_default_old_faults_are_counted_and_not_listed(changed: GitRepository) -> None:
    """What the change does not touch is not its matter; the report says how much there is."""
    found = review(changed, None)

    assert [(one.rule, one.line) for one in found.findings] == [("bandit/B307", 9)]
    assert found.dropped == {"ruff: on lines that the change does not touch": 1}
    assert found.outcome is Outcome.REVIEWED


def test_in_the_wide_scope_the_whole_files_count(changed: GitRepository) -> None:
    """A fault far from every hunk is listed with the code around it."""
    found = review(changed, "file")

    assert [(one.rule, one.line) for one in found.findings] == [
        *(("bandit/B307", 9), ("ruff/F401", 1))
    ]
    evidence = found.findings[1].evidence
    assert evidence is not None
    assert evidence.lines[0] == "import os"
    assert found.dropped == {}


def sarif(folder: Path, text: str, line: int) -> Path:
    """Write the report of another tool with one result."""
    place = {
        "artifactLocation": {"uri": "tool.py"},
        "region": {"startLine": line},
    }
    result = {
        "ruleId": "python.eval",
        "level": "warning",
        "message": {"text": text},
        "locations": [{"physicalLocation": place}],
    }
    driver = {"name": "othertool", "rules": [{"id": "python.eval"}]}
    report = {"version": "2.1.0", "runs": [{"tool": {"driver": driver}, "results": [result]}]}
    path = folder / "other.sarif"
    path.write_text(json.dumps(report))
    return path


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            "Use of possibly insecure function, consider using safer ast.literal_eval",
            [("bandit/B307", ("bandit", "imported"))],
        ),
        (
            "The argument comes from a request",
            [("bandit/B307", ("bandit",)), ("imported/othertool/python.eval", ("imported",))],
        ),
    ],
    ids=["the same", "something else"],
)
def test_another_tools_report_is_fused(
    changed: GitRepository,
    *,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    text: str,
    told: list[tuple[str, tuple[str, ...]]],
) -> None:
    """What two tools say alike is one finding that names both; what differs stays apart."""
    monkeypatch.chdir(changed.path)
    report = sarif(changed.path.parent, text, 9)

    main(["review", "--head", "HEAD", "--import", str(report), "--format", "json"])

    found = json.loads(capsys.readouterr().out)["findings"]
    security = [one for one in found if one["line"] == 9]
    assert sorted((one["rule"], tuple(one["sources"])) for one in security) == told
