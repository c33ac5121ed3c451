"""The history of the command line: what was reviewed, and what people said about it."""

from __future__ import annotations

import json
import os
import re
import sqlite3
import stat
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cli_runs import TOKEN, codeflow, commit, make_repository

from codeflow_engine.domain.finding import FindingState
from codeflow_engine.hosts.cli import main
from codeflow_engine.hosts.cli.moments import ago, later

type Run = Callable[..., tuple[int, str, str]]

LEAK = {"b.py": f'KEY = "{TOKEN}"\n'}


@pytest.fixture
def history(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give the file that the program keeps its history in, in a home of the test."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path / "state" / "codeflow" / "history.db"


@pytest.fixture
def run(
    tmp_path: Path,
    history: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Run:
    """Give a way to run the program in this process, in a repository with a leak."""
    repository = make_repository(tmp_path)
    monkeypatch.chdir(repository)
    commit(repository, "second", LEAK)

    def call(*words: str) -> tuple[int, str, str]:
        status = main(words)
        told = capsys.readouterr()
        return status, told.out, told.err

    return call


def reviewed(run: Run, *words: str) -> dict[str, object]:
    _, out, _ = run("review", "--head", "HEAD", "--analyzer", "secrets", "--format", "json", *words)
    found: dict[str, object] = json.loads(out)
    return found


def only(review: dict[str, object]) -> dict[str, str]:
    findings = review["findings"]
    assert isinstance(findings, list)
    assert len(findings) == 1
    return dict(findings[0])


def test_a_review_is_in_the_history_with_what_came_of_it(run: Run) -> None:
    """Runs are listed newest first, and the newest one is shown as its report was."""
    review = reviewed(run)
    status, out, err = run("runs")
    assert (status, err) == (0, "")
    (head, row) = out.splitlines()
    assert head.split() == ["RUN", "WHEN", "(UTC)", "STATUS", "OUTCOME", "FINDINGS", "CHANGE"]
    assert row.startswith(str(review["run_id"])[:16])
    assert row.split()[-4:] == ["succeeded", "reviewed", "1", "second"]

    status, out, err = run("show")

    assert (status, err) == (0, "")
    assert str(review["run_id"]) in out
    assert "Review complete: 1 finding (1 critical)" in out
    assert TOKEN not in out


def test_a_run_is_shown_by_the_beginning_of_its_id(run: Run) -> None:
    """Any run can be read again, as JSON equal to what was printed then."""
    first = reviewed(run)
    reviewed(run)

    status, out, _ = run("show", str(first["run_id"])[:20], "--format", "json")

    assert status == 0
    told = json.loads(out)
    assert told["review"] == first
    assert told["run"]["status"] == "succeeded"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("show", "ffffff"), "no run whose id begins with 'ffffff'"),
        (("show", "0"), "too short"),
        (("dismiss", "abc", "--reason", "x"), "too short for a fingerprint"),
        (("dismiss", "abcdef0123", "--reason", "x"), "no finding of a known repository"),
        (("dismiss", "abcdef0123", "--reason", "x", "--scope", "world"), "not 'world'"),
        (("dismissals", "restore", "abcdef0123"), "no dismissal's fingerprint begins with"),
        (("dismissals", "import", "/dev/null"), "no JSON"),
        (("db", "sql", "oracle"), "no script for 'oracle'"),
        (("db", "check", "--db", "memory"), "is no database"),
        (("db", "prune", "--before", "yesterday"), "is no time"),
        (("runs", "--db", "mysql://u:hunter22222@h/d"), "no storage takes a URL of 'mysql'"),
    ],
    ids=lambda words: "-".join(words[:2]) if isinstance(words, tuple) else None,
)
def test_what_cannot_be_meant_is_said_and_exits_with_2(
    run: Run, words: tuple[str, ...], told: str
) -> None:
    """Every wrong word gets one clear line, and never a password."""
    status, out, err = run(*words)

    assert (status, out) == (2, "")
    assert told in err
    assert err.startswith("error: ")
    assert len(err.splitlines()) == 1
    assert "hunter22222" not in err


def test_an_empty_history_says_so(run: Run) -> None:
    """Nothing is listed where nothing was reviewed, and nothing can be shown."""
    assert run("runs")[:2] == (0, "no runs yet\n")
    assert run("dismissals", "list")[:2] == (0, "no dismissals\n")
    assert run("show")[0] == 2


@pytest.mark.parametrize(
    "words",
    [
        *(("runs",), ("runs", "--follow"), ("show",), ("resume", "0190"), ("cancel", "0190")),
        *(("approve", "0190", "--by", "Ada"), ("dismissals", "list"), ("db", "prune")),
    ],
    ids="-".join,
)
def test_a_database_that_is_missing_is_made_by_no_command_that_reads(
    run: Run, tmp_path: Path, words: tuple[str, ...]
) -> None:
    """A slip of the pen in a path is told, and leaves no empty history behind."""
    place = tmp_path / "nosuch"

    status, out, err = run(*words, "--db", f"sqlite:///{place / 'x.db'}")

    assert (status, out) == (3, "")
    assert err == (
        f"error: there is no database file {place / 'x.db'}; codeflow db upgrade makes one\n"
    )
    assert not place.exists()


def test_a_known_finding_is_open_and_a_dismissed_one_stays_away(run: Run) -> None:
    """The second review knows the first one; after a dismissal the gate no longer shuts."""
    first = only(reviewed(run))
    second = only(reviewed(run))
    assert (first["state"], second["state"]) == ("new", "open")
    assert first["fingerprint"] == second["fingerprint"]

    status, out, err = run(
        "dismiss", first["fingerprint"][:12], "--reason", "a test value", "--author", "Ada"
    )
    assert (status, err) == (0, "")
    assert first["fingerprint"] in out

    assert only(reviewed(run))["state"] == FindingState.DISMISSED
    assert run("review", "--head", "HEAD", "--analyzer", "secrets")[0] == 0
    _, listed, _ = run("dismissals", "list")
    assert all(word in listed for word in ("Ada", "a test value", "secrets/github-token", "b.py"))

    assert run("dismissals", "restore", first["fingerprint"][:12])[0] == 0
    assert only(reviewed(run))["state"] == FindingState.OPEN


def test_an_expired_dismissal_holds_no_longer(run: Run) -> None:
    """A dismissal with an end is refused once that has passed, and listed with it before."""
    fingerprint = only(reviewed(run))["fingerprint"]

    refused, _, err = run("dismiss", fingerprint, "--reason", "x", "--expires", "2020-01-01")
    assert (refused, "expired already" in err) == (2, True)
    assert run("dismiss", fingerprint, "--reason", "x", "--expires", "30d")[0] == 0

    day = (datetime.now(UTC) + timedelta(days=30)).date().isoformat()
    assert day in run("dismissals", "list")[1]


def test_dismissals_travel_to_another_history(run: Run, tmp_path: Path) -> None:
    """What one history exports another one imports, and holds for the same finding."""
    fingerprint = only(reviewed(run))["fingerprint"]
    run("dismiss", fingerprint, "--reason", "known", "--author", "Ada")
    file = tmp_path / "dismissals.json"
    assert run("dismissals", "export", str(file))[0] == 0
    other = f"sqlite:///{tmp_path / 'other.db'}"

    status, out, _ = run("dismissals", "import", str(file), "--db", other)

    assert (status, out) == (0, "imported 1 dismissal\n")
    assert only(reviewed(run, "--db", other))["state"] == FindingState.DISMISSED
    assert json.loads(run("dismissals", "export")[1])["dismissals"][0]["author"] == "Ada"


def test_prune_forgets_what_is_old(run: Run) -> None:
    """What is younger stays; a moment in the future takes all that has ended."""
    reviewed(run)
    assert run("db", "prune")[1] == "removed 0 runs, 0 findings, 0 dismissals, 0 answers, 0 bookings\n"

    status, out, _ = run("db", "prune", "--before", "2999-01-01")

    assert (status, out) == (0, "removed 1 run, 1 finding, 0 dismissals, 0 answers, 0 bookings\n")
    assert run("runs")[1] == "no runs yet\n"


def test_the_database_is_checked_without_a_change(run: Run, tmp_path: Path) -> None:
    """A check makes nothing; an upgrade does, and the script names every table."""
    file = tmp_path / "new.db"
    url = f"sqlite:///{file}"
    status, out, _ = run("db", "check", "--db", url)
    assert (status, "absent" in out, file.exists()) == (3, True, False)

    assert run("db", "upgrade", "--db", url)[0] == 0

    assert run("db", "check", "--db", url)[0] == 0
    script = run("db", "sql", "sqlite")[1]
    for table in ("runs", "events", "reviews", "findings", "dismissals", "cache"):
        assert f"CREATE TABLE codeflow_{table} " in script


def test_s38_the_history_is_the_users_own(run: Run, history: Path) -> None:
    """File and directory can be read by nobody else, whatever the umask."""
    before = os.umask(0)
    try:
        reviewed(run)
    finally:
        os.umask(before)

    assert stat.S_IMODE(history.stat().st_mode) == 0o600
    assert stat.S_IMODE(history.parent.stat().st_mode) == 0o700
    assert TOKEN.encode() not in history.read_bytes()


def test_without_a_place_for_history_a_review_goes_on_and_says_so(tmp_path: Path) -> None:
    """A home that cannot be written to costs the history, and a note tells it."""
    done = codeflow(
        "review", "--diff", "-", HOME="/dev/null", stdin=b"--- a/a\n+++ b/a\n@@ -1 +1 @@\n-x\n+y\n"
    )

    assert done.returncode == 0
    assert b"this run keeps no history" in done.stderr
    assert b"Review complete" in done.stdout


def test_settings_that_name_a_storage_win_over_the_users_file(
    run: Run, history: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who sets up a database has it used by the command line too."""
    monkeypatch.setenv("CODEFLOW_STORAGE", f"sqlite:///{tmp_path / 'set.db'}")

    reviewed(run)

    assert (tmp_path / "set.db").exists()
    assert not history.exists()


def test_spans_and_dates_are_read_as_moments() -> None:
    """Hours, days and weeks count from now; a date alone is its midnight in UTC."""
    now = datetime(2026, 5, 4, 12, tzinfo=UTC)

    assert ago("12h", now) == now - timedelta(hours=12)
    assert later("2w", now) == now + timedelta(weeks=2)
    assert ago("2026-05-01", now) == datetime(2026, 5, 1, tzinfo=UTC)
    assert later("2026-05-06T10:00+02:00", now) == datetime(2026, 5, 6, 8, tzinfo=UTC)


def test_the_users_own_file_does_not_grow_for_ever(run: Run, history: Path) -> None:
    """A review lets go of what ended three months ago; a named database is left alone."""
    old = reviewed(run)["run_id"]
    with sqlite3.connect(history) as database:
        database.execute("UPDATE codeflow_runs SET updated_at = 0, created_at = 0")
        (body,) = database.execute("SELECT body FROM codeflow_runs").fetchone()
        aged = re.sub(r"20\d\d-[^\"]+", "1970-01-01T00:00:00+00:00", body)
        database.execute("UPDATE codeflow_runs SET body = ?", [aged])
    database.close()

    reviewed(run, "--db", f"sqlite:///{history}")
    assert str(old)[:16] in run("runs")[1]
    reviewed(run)

    assert str(old)[:16] not in run("runs")[1]
