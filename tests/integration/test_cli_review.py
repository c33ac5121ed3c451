"""`codeflow review` tells by its exit status what became of a review."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cli_runs import CLEAN_PATCH, LEAK_PATCH, TOKEN, install_plugin, use_plugin
from jsonschema import Draft202012Validator

from codeflow_engine.domain.review import Review
from codeflow_engine.hosts.cli import main
from codeflow_engine.reports.json import schema

type Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Give a way to run the program in this process, with the plugin of the tests."""
    use_plugin(monkeypatch, install_plugin(tmp_path))
    monkeypatch.chdir(tmp_path)

    def call(*words: str, stdin: str | bytes = b"") -> tuple[int, str, str]:
        content = stdin.encode() if isinstance(stdin, str) else stdin
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(content)))
        status = main(["review", *words])
        told = capsys.readouterr()
        return status, told.out, told.err

    return call


def test_a_clean_change_exits_with_0(run: Run) -> None:
    """A complete review without findings is green; stdout holds the report alone."""
    status, out, err = run("--diff", "-", "--analyzer", "secrets", stdin=CLEAN_PATCH)

    assert (status, err) == (0, "")
    assert out.startswith("Review complete: no findings\nchange: standard input\n")
    assert out.splitlines()[-1].startswith("reviewed: 1 of 1 unit (1 hunk in 1 file)")


def test_a_finding_at_the_gate_exits_with_1(run: Run) -> None:
    """A secret is above the default gate, and its value is in no report."""
    status, out, err = run("--diff", "-", "--analyzer", "secrets", stdin=LEAK_PATCH)

    assert (status, err) == (1, "")
    assert "CRITICAL secrets/github-token" in out
    assert "  a.py:2:8\n" in out
    assert TOKEN not in out


@pytest.mark.parametrize(
    ("gate", "status"),
    [("critical", 0), ("high", 0), ("medium", 0), ("low", 1), ("info", 1), ("never", 0)],
)
def test_the_gate_counts_findings_as_bad_or_worse(run: Run, gate: str, status: int) -> None:
    """A low finding fails the gates low and info, and no other."""
    words = ("--diff", "-", "--analyzer", "low", "--fail-on", gate)

    assert run(*words, stdin=CLEAN_PATCH)[0] == status


def test_the_default_gate_is_high(run: Run) -> None:
    """A low finding is told, and does not fail."""
    status, out, _ = run("--diff", "-", "--analyzer", "low", stdin=CLEAN_PATCH)

    assert status == 0
    assert out.startswith("Review complete: 1 finding (1 low)\n")


@pytest.mark.parametrize(
    ("names", "outcome"),
    [
        (["broken"], "failed"),
        (["idle"], "skipped"),
        (["quiet", "broken"], "partial"),
        (["absent"], "failed"),
        (["secrets", "broken"], "partial"),
    ],
)
def test_a_review_that_is_not_complete_exits_with_3(
    run: Run, names: list[str], outcome: str
) -> None:
    """Partial, skipped and failed are never green, with findings at the gate or without."""
    words = [word for name in names for word in ("--analyzer", name)]
    status, out, err = run("--diff", "-", *words, stdin=LEAK_PATCH)

    assert (status, err) == (3, "")
    lines = out.splitlines()
    assert lines[0].startswith(f"REVIEW NOT COMPLETE ({outcome}): 1 of 1 unit not covered; ")
    assert lines[-1].startswith(f"NOT COMPLETE ({outcome}), reviewed: ")


def test_an_incomplete_review_exits_with_3_whatever_the_gate(run: Run) -> None:
    """`--fail-on never` speaks of findings, not of what nobody has looked at."""
    words = ("--analyzer", "broken", "--fail-on", "never")

    assert run("--diff", "-", *words, stdin=CLEAN_PATCH)[0] == 3


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--no-such"], "No such option: --no-such"),
        (["--fail-on", "awful"], "Invalid value for '--fail-on'"),
        (["--format", "pdf"], "Invalid value for '--format'"),
        (["--analyzer", "nobody"], "no analyzer is named 'nobody'; known: absent, "),
        (["--settings", "none.toml"], "there is no settings file 'none.toml'"),
        (["--settings", "wrong.toml"], "settings from .*colour: Extra inputs are not permitted"),
        (["--output", "none/report.txt"], "'none/report.txt': there is no directory 'none'"),
        (["--output", "."], "'.': it is a directory"),
        (["--base", "main"], "--diff stands alone"),
        (["--head", "main"], "--diff stands alone"),
        (["--staged"], "--diff stands alone"),
        (["."], "--diff stands alone"),
    ],
)
def test_wrong_usage_exits_with_2(run: Run, tmp_path: Path, words: list[str], told: str) -> None:
    """One line says what is wrong, and nothing is reported."""
    (tmp_path / "wrong.toml").write_text("colour = 1\n")
    status, out, err = run("--diff", "-", *words, stdin=CLEAN_PATCH)

    assert (status, out) == (2, "")
    assert err.count("\n") == 1
    assert re.match(f"error: .*{told}", err)


@pytest.mark.parametrize(
    ("words", "stdin", "told"),
    [
        (["--diff", "none.diff"], "", "the patch 'none.diff' cannot be read: No such file"),
        (["--diff", "-"], "no patch at all\n", "standard input is no patch: line 1: "),
        (["code.py"], "", "code.py is no patch: line 1: "),
        (["--diff", "-"], CLEAN_PATCH.replace("+1,2", "+1,9"), "standard input is no"),
        (["code.py", "--base", "main"], "", "base and head go with a repository"),
        (["--staged", "--head", "main"], "", "--staged and --head exclude each other"),
        (["none"], "", ""),
        (["empty"], "", ""),
    ],
)
def test_a_change_that_cannot_be_had_exits_with_2(
    run: Run, tmp_path: Path, words: list[str], stdin: str, told: str
) -> None:
    """What is no change is an error, and never an empty review that reads as clean."""
    (tmp_path / "code.py").write_text("print('not a patch')\n")
    (tmp_path / "empty").mkdir()
    status, out, err = run(*words, stdin=stdin)

    assert (status, out) == (2, "")
    assert err.startswith(f"error: {told}")
    assert err.count("\n") == 1


def test_s20_a_patch_beyond_the_limit_is_refused(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file or a stream without end is not read without end."""
    monkeypatch.setattr("codeflow_engine.workflows.review_input.MAX_PATCH_BYTES", 20)
    (tmp_path / "long.diff").write_text(CLEAN_PATCH)

    for words in (["--diff", "-"], ["long.diff"]):
        status, out, err = run(*words, stdin=CLEAN_PATCH)
        assert (status, out) == (2, "")
        assert err.endswith(" is over 20 bytes\n")


def test_json_has_the_form_of_the_schema(run: Run) -> None:
    """The JSON report is valid, and loads as the review that it was."""
    words = ("--analyzer", "secrets", "--analyzer", "low", "--format", "json")
    status, out, err = run("--diff", "-", *words, stdin=LEAK_PATCH)

    made: dict[str, Any] = json.loads(out)
    Draft202012Validator(schema()).validate(made)
    assert (status, err, out[-2:]) == (1, "", "}\n")
    assert [finding["rule"] for finding in made["findings"]] == ["secrets/github-token", "low/low"]
    assert Review.from_json(made).to_json() == made


def test_s8_hostile_text_of_a_finding_is_escaped(run: Run) -> None:
    """What an analyzer takes from a change cannot command the terminal."""
    _, out, _ = run("--diff", "-", "--analyzer", "low", stdin=CLEAN_PATCH)

    assert r"LOW low/low: Low \x1b[31m" in out
    assert r"Message \x1b]52;c;aGk=\x07 \u202e" in out
    assert out.replace("\n", "").isprintable()


@pytest.mark.parametrize("name", ["a.diff", "--diff"])
def test_a_patch_can_be_a_file(run: Run, tmp_path: Path, name: str) -> None:
    """A patch is taken by `--diff`, and as the path to review; its name is the title."""
    (tmp_path / "a.diff").write_text(CLEAN_PATCH)
    words = ["--diff", "a.diff"] if name == "--diff" else ["a.diff"]
    status, out, _ = run(*words, "--analyzer", "quiet")

    assert status == 0
    assert "change: a.diff\n" in out


def test_an_empty_patch_says_that_it_is_empty(run: Run) -> None:
    """Nothing to review is complete, and told apart from a clean review."""
    status, out, _ = run("--diff", "-", stdin="")

    assert status == 0
    assert out.startswith("Review complete: the change is empty, there was nothing to review\n")


def test_settings_are_read_from_the_named_file(run: Run, tmp_path: Path) -> None:
    """A settings file chooses the analyzers where no argument does."""
    (tmp_path / "quiet.toml").write_text('analyzers = ["quiet"]\n')
    status, out, _ = run(
        "--diff", "-", "--settings", "quiet.toml", "--format", "json", stdin=LEAK_PATCH
    )

    assert status == 0
    assert json.loads(out)["coverage"]["entries"][0]["by"] == ["quiet"]


def test_a_defect_exits_with_3_and_never_with_1(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Python's own status for an uncaught error is 1, which would read as findings."""

    def fail(name: str) -> None:
        raise ZeroDivisionError(f"{name}\x1b[31m")

    monkeypatch.setattr("codeflow_engine.hosts.cli.review._read_patch", fail)
    status, out, err = run("--diff", "-")

    assert (status, out) == (3, "")
    assert "ZeroDivisionError: -\\x1b[31m\n" in err
    assert err.splitlines()[-1].startswith("error: this is a defect of codeflow-engine")
