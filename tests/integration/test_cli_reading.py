"""`codeflow describe` and `codeflow ask`: reports and exit codes."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from codeflow_engine.hosts.cli import main
from git_repository import GitRepository

type Run = Callable[..., tuple[int, str, str]]

SAID = {
    "title": "Round totals",
    "summary": "It rounds.",
    "labels": ["bug"],
    "files": [{"path": "till.py", "summary": "Rounds."}],
}
ANSWERED = {
    "answer": "For the cents.",
    "quotes": [{"part": 2, "path": "till.py", "quote": "round(1.234, 2)", "side": "new"}],
}


@pytest.fixture
def run(
    git_repository: GitRepository,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Run:
    """Give a way to run the program in a repository with a change."""
    git_repository.commit({"till.py": "total = 1.234\n"})
    git_repository.commit({"till.py": "total = round(1.234, 2)\n"}, "Round")
    monkeypatch.chdir(git_repository.path)

    def call(*words: str) -> tuple[int, str, str]:
        return main([*words]), *capsys.readouterr()

    return call


def settings(tmp_path: Path, *says: object, **more: object) -> str:
    """Write settings in which `echo` says something, and give their path."""
    told = ", ".join(json.dumps(json.dumps(one)) for one in says)
    lines = [f"{name} = {json.dumps(value)}" for name, value in more.items()]
    path = tmp_path / "settings.toml"
    path.write_text(
        "\n".join(['llm = ["echo:m"]', *lines, "[plugins.echo]", f"says = [{told}]"]), "utf-8"
    )
    return str(path)


def test_a_description_is_reported(run: Run, tmp_path: Path) -> None:
    """Title, labels and files stand on standard output, and the status is 0."""
    status, out, _ = run("describe", "--head", "HEAD", "--settings", settings(tmp_path, SAID))

    assert status == 0
    assert out.startswith("Round totals\nlabels: bug\n\nIt rounds.\n\nfiles:\n  till.py\n")


def test_an_answer_is_reported_with_its_lines(run: Run, tmp_path: Path) -> None:
    """The question comes first, and then the change."""
    place = settings(tmp_path, ANSWERED)

    status, out, _ = run("ask", "Why?", ".", "--head", "HEAD", "--settings", place)

    assert status == 0
    assert "question: Why?\n\nFor the cents.\n\nrests on:\n  till.py, line 1\n" in out


@pytest.mark.parametrize("form", ["json", "markdown"])
def test_each_form_can_be_written_to_a_file(run: Run, tmp_path: Path, form: str) -> None:
    """The file has the report, and standard error the line that sums it up."""
    target = tmp_path / "told"
    words = ("describe", "--head", "HEAD", "--format", form, "--output", str(target))

    status, out, err = run(*words, "--settings", settings(tmp_path, SAID))

    text = target.read_text("utf-8")
    assert (status, out) == (0, "")
    assert "complete: 1 file" in err
    assert json.loads(text)["labels"] == ["bug"] if form == "json" else "## Round totals" in text


def test_what_is_wrong_in_the_asking_is_2(run: Run, tmp_path: Path) -> None:
    """No model, an empty question, an unknown form, and no question end with the same status."""
    place = settings(tmp_path, ANSWERED)

    assert run("describe", "--head", "HEAD")[0] == 2
    assert run("ask", "", "--head", "HEAD", "--settings", place)[0] == 2
    assert run("ask", "Why?", "--format", "sarif", "--settings", place)[0] == 2
    assert run("ask")[0] == 2


def test_an_answer_that_nobody_gives_is_3(run: Run, tmp_path: Path) -> None:
    """A model that keeps to no form has described nothing."""
    status, out, err = run("describe", "--head", "HEAD", "--settings", settings(tmp_path, [1]))

    assert (status, out) == (3, "")
    assert err.startswith("error: ")


def test_money_that_reaches_nothing_is_3(run: Run, tmp_path: Path) -> None:
    """Nothing was read, and the error says of which budget."""
    place = settings(tmp_path, SAID)
    Path(place).write_text(
        Path(place).read_text("utf-8")
        + '\n[models."echo:m"]\ninput_usd_per_million = "5"\noutput_usd_per_million = "5"\n',
        "utf-8",
    )

    status, _, err = run("describe", "--head", "HEAD", "--budget", "0.000001", "--settings", place)

    assert status == 3
    assert "budget" in err


def test_a_description_with_a_gap_is_3(
    run: Run, tmp_path: Path, git_repository: GitRepository
) -> None:
    """A line that no model has room for is not read, and the status says so."""
    git_repository.commit({"data.txt": "x" * 500_000 + "\n", "till.py": "total = 3\n"}, "More")

    status, out, _ = run("describe", "--head", "HEAD", "--settings", settings(tmp_path, SAID))

    assert status == 3
    assert out.startswith("DESCRIPTION NOT COMPLETE: 1 of 2 files not read")
    assert "a line has about" in out
