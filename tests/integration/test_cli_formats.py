"""`--format` chooses the form of a report, and nothing else about a review."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cli_runs import CLEAN_PATCH, LEAK_PATCH, TOKEN, codeflow, install_plugin, use_plugin

from codeflow_engine.hosts.cli import main

type Run = Callable[..., tuple[int, str, str]]

FORMS = ("text", "json", "sarif", "rdjson", "markdown")


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Give a way to run the program in this process, with the plugin of the tests."""
    use_plugin(monkeypatch, install_plugin(tmp_path))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))

    def call(*words: str, stdin: str = "") -> tuple[int, str, str]:
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(stdin.encode())))
        status = main(words)
        told = capsys.readouterr()
        return status, told.out, told.err

    return call


def results(out: str) -> list[dict[str, Any]]:
    return list(json.loads(out)["runs"][0]["results"])


@pytest.mark.fault
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    ("names", "patch", "status"),
    [
        (["secrets"], CLEAN_PATCH, 0),
        (["secrets"], LEAK_PATCH, 1),
        (["quiet", "broken"], CLEAN_PATCH, 3),
    ],
)
def test_the_exit_status_does_not_depend_on_the_format(
    run: Run, form: str, names: list[str], patch: str, status: int
) -> None:
    """It tells how the review ended; the report goes to standard output alone."""
    words = [word for name in names for word in ("--analyzer", name)]
    found, out, err = run("review", "--diff", "-", *words, "--format", form, stdin=patch)

    assert (found, err) == (status, "")
    assert out.endswith("\n")
    assert TOKEN not in out


def test_a_report_of_each_format_tells_the_finding(run: Run) -> None:
    """The secret is named by its rule in all of them."""
    words = ("review", "--diff", "-", "--analyzer", "secrets", "--format")
    for form in FORMS:
        assert "secrets/github-token" in run(*words, form, stdin=LEAK_PATCH)[1]


def test_a_partial_review_is_clean_in_no_format(run: Run) -> None:
    """What nobody has examined is an error, a warning, or the first line."""
    words = ("review", "--diff", "-", "--analyzer", "quiet", "--analyzer", "broken", "--format")
    _, log, _ = run(*words, "sarif", stdin=CLEAN_PATCH)
    _, rdf, _ = run(*words, "rdjson", stdin=CLEAN_PATCH)
    _, page, _ = run(*words, "markdown", stdin=CLEAN_PATCH)

    assert [one["ruleId"] for one in results(log)] == ["codeflow-engine/not-covered"]
    assert [one["severity"] for one in json.loads(rdf)["diagnostics"]] == ["ERROR"]
    assert page.startswith("## REVIEW NOT COMPLETE (partial)")


def test_a_report_of_any_format_goes_to_a_file(run: Run, tmp_path: Path) -> None:
    """The verdict stands on standard error, in the same words for each."""
    words = ("review", "--diff", "-", "--analyzer", "secrets")
    for form in FORMS:
        output = ("--format", form, "--output", f"report.{form}")
        status, out, err = run(*words, *output, stdin=LEAK_PATCH)
        assert (status, out) == (1, "")
        assert err.startswith(f"wrote report.{form}\nReview complete: 1 finding (1 critical)\n")
    assert results((tmp_path / "report.sarif").read_text("utf-8"))
    assert (tmp_path / "report.markdown").read_text("utf-8").startswith("## Review complete")


def test_a_report_can_be_imported_into_the_next_review(run: Run) -> None:
    """What one job has found, another one fuses."""
    words = ("review", "--diff", "-", "--analyzer")
    run(*words, "secrets", "--format", "sarif", "--output", "first.sarif", stdin=LEAK_PATCH)
    status, out, _ = run(
        *(*words, "quiet", "--analyzer", "imported"),
        *("--import", "first.sarif", "--format", "sarif"),
        stdin=LEAK_PATCH,
    )

    assert status == 1
    (result,) = results(out)
    assert result["ruleId"] == "imported/codeflow-engine/secrets/github-token"


def test_an_unknown_format_is_wrong_usage(run: Run) -> None:
    """The message names the known ones."""
    for command in (("review", "--diff", "-"), ("show",)):
        status, out, err = run(*command, "--format", "pdf", stdin=CLEAN_PATCH)
        assert (status, out) == (2, "")
        assert "'pdf' is not one of text, json, sarif, rdjson, markdown, html" in err


def test_a_run_is_shown_in_any_format(run: Run) -> None:
    """The report is the one that the review gave."""
    words = ("review", "--diff", "-", "--analyzer", "secrets", "--format")
    for form in ("sarif", "rdjson", "markdown"):
        _, told, _ = run(*words, form, stdin=LEAK_PATCH)
        status, shown, err = run("show", "--format", form)
        assert (status, err) == (0, "")
        assert shown == told


def test_a_run_without_a_review_has_no_report(run: Run) -> None:
    """It ended before there was one."""
    run("review", "--head", "HEAD")
    status, out, err = run("show", "--format", "markdown")

    assert (status, out) == (2, "")
    assert "has no review that could be shown as markdown" in err


@pytest.mark.parametrize(
    "form",
    ["markdown", *(pytest.param(one, marks=pytest.mark.fault) for one in ("sarif", "rdjson"))],
)
def test_an_ascii_terminal_gets_a_whole_report(tmp_path: Path, form: str) -> None:
    """What it cannot show is escaped by the format's own rules."""
    patch = LEAK_PATCH.replace("a.py", "\u0434\u043e\u043c.py").encode()
    words = ("review", "--diff", "-", "--analyzer", "secrets", "--format", form)
    done = codeflow(*words, stdin=patch, cwd=tmp_path, PYTHONIOENCODING="ascii")

    assert (done.returncode, done.stderr) == (1, b"")
    told = done.stdout.decode("ascii")
    if form == "markdown":
        assert r"`\u0434\u043e\u043c.py`" in told
    else:
        assert json.loads(told)
