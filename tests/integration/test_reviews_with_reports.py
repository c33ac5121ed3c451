"""Reviews that other tools' reports belong to, wherever they go on."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import codeflow_engine as codeflow
from codeflow_engine.domain.review import Outcome, Review
from codeflow_engine.errors import ConfigurationError

PATCH = "--- a/shop.py\n+++ b/shop.py\n@@ -1,2 +1,3 @@\n one = 1\n+two = one\n three = 3\n"


@pytest.fixture
def report(tmp_path: Path) -> Path:
    """A report of one finding on the line that the patch adds."""
    region = {"startLine": 2}
    place = {"artifactLocation": {"uri": "shop.py"}, "region": region}
    result = {
        "ruleId": "R1",
        "message": {"text": "It is wrong"},
        "locations": [{"physicalLocation": place}],
    }
    run = {"tool": {"driver": {"name": "Acme"}}, "results": [result]}
    path = tmp_path / "acme.sarif"
    path.write_text(json.dumps({"version": "2.1.0", "runs": [run]}), "utf-8")
    return path


@pytest.fixture
def url(tmp_path: Path) -> str:
    """A database of its own."""
    return f"sqlite:///{tmp_path}/runs.db"


def rules(review: Review) -> list[str]:
    return [one.rule for one in review.findings]


def go_on(url: str, run_id: str, cwd: Path, monkeypatch: pytest.MonkeyPatch) -> Review:
    """Execute a run in another engine, which was told nothing, in another directory."""
    monkeypatch.chdir(cwd)
    with codeflow.Engine(storage=url) as engine:
        review: Review = engine.run(run_id).result()
    return review


def submitted(url: str, report: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Submit a review with a report that is named relative to the working directory."""
    monkeypatch.chdir(report.parent)
    with codeflow.Engine(storage=url, executes="none") as engine:
        run = engine.submit("review", {"change": PATCH, "reports": [report.name]})
        return run.id


def test_reports_belong_to_one_review(report: Path) -> None:
    """The next review of the same engine has none of them."""
    with codeflow.Engine() as engine:
        first = engine.review(PATCH, reports=[report, str(report)])
        second = engine.review(PATCH)

    assert rules(first) == ["imported/Acme/R1"]
    assert rules(second) == []


def test_a_review_goes_on_with_its_reports(
    report: Path, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever takes it up reads the same files, whatever the settings and the directory there."""
    run_id = submitted(url, report, monkeypatch)
    (elsewhere := report.parent / "elsewhere").mkdir()

    assert rules(go_on(url, run_id, elsewhere, monkeypatch)) == ["imported/Acme/R1"]


def test_a_review_that_goes_on_without_its_reports_is_not_complete(
    report: Path, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A report that is gone, as on another machine, is no clean result."""
    run_id = submitted(url, report, monkeypatch)
    report.unlink()

    review = go_on(url, run_id, report.parent, monkeypatch)

    assert review.outcome is Outcome.PARTIAL
    assert "the report 'acme.sarif': it cannot be read: No such file" in (review.reason or "")


def test_reports_that_nobody_reads_are_refused(report: Path) -> None:
    """A review without the analyzer that takes them over does not begin."""
    with codeflow.Engine() as engine, pytest.raises(ConfigurationError, match="`imported`, too"):
        engine.review(PATCH, analyzers=["secrets"], reports=[report])


def test_reports_and_analyzers_may_come_one_after_the_other(report: Path) -> None:
    """What can be gone through once only, as what `Path.glob` gives, counts as a list does."""
    with codeflow.Engine() as engine:
        names = iter(["imported", "secrets"])
        review = engine.review(PATCH, analyzers=names, reports=report.parent.glob("*.sarif"))

    assert rules(review) == ["imported/Acme/R1"]
    assert review.coverage.entries[0].by == ("secrets",)


@pytest.mark.parametrize("reports", ["acme.sarif", b"acme.sarif", Path("acme.sarif"), 3, [3]])
def test_reports_are_a_list_of_paths(reports: object) -> None:
    """One text is no list of files, each a letter long."""
    with codeflow.Engine() as engine, pytest.raises(ConfigurationError, match="path"):
        engine.submit("review", {"change": PATCH, "reports": reports})
