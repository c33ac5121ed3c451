"""`codeflow review --publish`: the plan first, and what stands on the host after."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cli_forge import CLEAN, PLANNED, TARGET, Stand
from cli_runs import TOKEN, commit, make_repository

from codeflow_engine.hosts.cli.change import pages_of, read_change
from codeflow_engine.settings import Settings


@pytest.fixture
def stand(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Stand:
    return Stand.make(tmp_path, monkeypatch, capsys)


def test_a_review_is_published_after_its_plan_was_told(stand: Stand) -> None:
    """Standard output holds the report alone; the plan comes first, and the receipts after."""
    status, out, err = stand.review("--publish")

    assert status == 1
    assert out[0] == "Review complete: 1 finding (1 critical)"
    assert not any("plan" in line for line in out)
    assert [line[: len(PLANNED[-1])] for line in err[:3]] == PLANNED
    assert [line.rpartition(" ")[0] for line in err[-3:]] == [
        *("written: review", "written: summary", "written: check")
    ]
    assert stand.written == ["review", "summary", "check"]
    assert TOKEN not in "".join(err)


def test_published_again_it_stands_there_once(stand: Stand) -> None:
    """Another review of the same commit finds what the first one wrote, and repeats nothing."""
    stand.review("--publish")

    status, _, err = stand.review("--publish", "--db", "memory")

    assert status == 1
    assert [line.rpartition(" ")[0] for line in err[-2:]] == ["found: summary", "found: check"]
    assert stand.written == ["review", "summary", "check"]


def test_a_dry_run_of_publishing_writes_nothing(stand: Stand) -> None:
    """The change is reviewed, the plan is told, and the exit status is that of the review."""
    status, out, err = stand.review("--publish", "--dry-run")

    assert (status, stand.written) == (1, [])
    assert out[0] == "Review complete: 1 finding (1 critical)"
    assert err[0] == PLANNED[0]
    assert err[-1] == "nothing is written, since this is a dry run"


def test_a_dry_run_alone_reviews_nothing(stand: Stand) -> None:
    """It tells what models would be sent, of a pull request too."""
    status, out, err = stand.review("--dry-run", "--llm", "echo:echo")

    assert (status, err, stand.written) == (0, [], [])
    assert any("settings.py" in line and "echo:echo" in line for line in out)


def test_without_the_option_nothing_is_written(stand: Stand) -> None:
    """A review of a pull request is a review."""
    assert stand.review()[0] == 1
    assert stand.host.posts == []


def test_an_incomplete_review_is_published_and_never_green(stand: Stand) -> None:
    """People see what was reviewed; the exit status is that of the review, whatever was written."""
    status, _, err = stand.review("--publish", "--analyzer", "broken")

    assert status == 3
    assert stand.written == ["summary", "check"]
    assert any("check: codeflow, failure: REVIEW NOT COMPLETE (failed)" in line for line in err)


@pytest.mark.parametrize(
    ("vcs", "told"), [("down", "the forge lets nobody write"), ("mute", "cannot publish")]
)
def test_a_publication_that_failed_is_an_error(stand: Stand, vcs: str, told: str) -> None:
    """The report stands, the error says so, and a clean review is not green by that."""
    stand.host.push(CLEAN)

    status, out, err = stand.review("--publish", "--vcs", vcs)

    assert status == 3
    assert out[0] == "Review complete: no findings"
    assert err[-1].startswith("error: the review is not published: ")
    assert told in err[-1]
    assert stand.written == []


@pytest.mark.parametrize(
    "words",
    [
        ("review", "--publish"),
        ("review", ".", "--publish"),
        ("review", TARGET, "--vcs", "git", "--publish"),
        ("review", "--diff", "-", "--publish"),
        ("review", TARGET, "--publish", "--replay", "file"),
    ],
)
def test_what_stands_on_no_host_is_told_before_the_review(
    stand: Stand, words: tuple[str, ...]
) -> None:
    """A directory and a patch are nowhere to be written to, and a recording answers for none."""
    status, out, err = stand.call(*words)

    assert (status, out) == (2, "")
    assert err.startswith("error: --publish ")


@pytest.mark.parametrize(
    "change", [TARGET, "https://github.com/acme/shop/pull/42", "http://forge.example/a/b/pull/1/x"]
)
def test_a_pull_request_selects_the_forge(
    stand: Stand, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    """Its short name and its address mean `github`, which settings or an option may overrule."""
    asked = []
    monkeypatch.setattr(
        "codeflow_engine.hosts.cli.review.history_engine",
        lambda *_, **options: asked.append(options["vcs"]) or (_ for _ in ()).throw(KeyError),
    )
    for variable in (None, "fakevcs"):
        if variable:
            monkeypatch.setenv("CODEFLOW_VCS", variable)
        assert stand.call("review", change)[0] == 3
        assert stand.call("review", change, "--vcs", "down")[0] == 3

    assert asked == ["github", "down", None, "down"]


def test_an_address_of_github_is_the_change_of_that_name(stand: Stand) -> None:
    """Both ways to write it are one change, with the same effects."""
    stand.review("--publish")
    address = "https://github.com/acme/shop/pull/42/files?w=1#top"
    status, _, err = stand.call(
        *("review", address, "--vcs", "fakevcs", "--analyzer", "secrets", "--publish"),
        *("--db", "memory"),
    )

    assert status == 1
    assert (err.count("found: "), err.count("written: ")) == (2, 0)


def test_a_directory_that_is_called_so_is_meant(tmp_path: Path, stand: Stand) -> None:
    """What lies on this machine under the name of a pull request is reviewed as it always was."""
    parent = tmp_path / "acme"
    parent.mkdir()
    repository = make_repository(parent)
    repository.rename(parent / "shop#42")
    commit(parent / "shop#42", "second", {"b.py": "x = 1\n"})

    status, out, _ = stand.call("review", TARGET, "--head", "HEAD", "--analyzer", "secrets")

    assert status == 0
    assert "b.py" not in out
    assert out.startswith("Review complete: no findings\nchange: second\n")


@pytest.mark.parametrize(
    ("base", "variable", "pages"),
    [
        (None, None, "https://github.com"),
        (None, "https://api.github.com", "https://github.com"),
        (None, "https://git.acme.example/api/v3", "https://git.acme.example"),
        ("https://git.acme.example/api/v3/", "https://api.github.com", "https://git.acme.example"),
        ("https://elsewhere.example", None, None),
    ],
)
def test_pages_are_those_of_the_github_that_is_meant(
    base: str | None, variable: str | None, pages: str | None
) -> None:
    """The setting comes before the variable, as for the backend, and nobody guesses an address."""
    settings = Settings(plugins={"github": {"base_url": base}} if base else {})
    environment = {"GITHUB_API_URL": variable} if variable else {}

    assert pages_of(settings, environment) == pages


@pytest.mark.parametrize("verb", [("describe",), ("ask", "What does it do?")])
def test_other_commands_read_pull_requests_too(stand: Stand, verb: tuple[str, ...]) -> None:
    """A description and an answer are of the change on the host."""
    words = ("--vcs", "fakevcs", "--llm", "echo:echo", "--format", "json")

    status, out, err = stand.call(*verb, TARGET, *words)

    told = json.loads(out)
    assert (status, err) == (0, "")
    assert told["change"]["files"] == 1
    assert stand.host.posts == []


@pytest.mark.parametrize(
    ("told", "meant"),
    [
        ("https://git.acme.example/acme/shop/pull/42", TARGET),
        ("https://GIT.acme.example/acme/shop/pull/42/commits", TARGET),
        ("http://git.acme.example/acme/shop/pull/42", None),
        ("https://github.com/acme/shop/pull/42", None),
        ("https://git.acme.example.evil.example/acme/shop/pull/42", None),
    ],
)
def test_an_address_of_another_server_is_another_change(told: str, meant: str | None) -> None:
    """Only the server that is asked gives its pull requests their short names."""
    settings = Settings(plugins={"github": {"base_url": "https://git.acme.example/api/v3"}})

    assert read_change(told, settings, {}) == (meant or told)
