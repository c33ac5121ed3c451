"""`codeflow publish`: a review that somebody else has made goes where the caller says.

Cases by the numbers of `docs/security.md`: S15 (what one half of a workflow hands to the other).
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from cli_forge import CLEAN, HEAD, PLANNED, TARGET, Stand


@pytest.fixture
def stand(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Stand:
    return Stand.make(tmp_path, monkeypatch, capsys)


@pytest.fixture
def file(stand: Stand, tmp_path: Path) -> Path:
    """Write the review of the leak, as the half of a workflow without rights does."""
    path = tmp_path / "review.json"
    stand.review("--format", "json", "--output", str(path))
    return path


def test_a_file_is_published_as_it_was_reviewed(stand: Stand, file: Path) -> None:
    """The plan and the receipts go to standard output, and a complete review ends with 0."""
    status, out, err = stand.publish(file, "--trusted")

    assert (status, err) == (0, "")
    assert [line[: len(PLANNED[-1])] for line in out[:3]] == PLANNED
    assert [line.split()[:2] for line in out[-3:]] == [
        *(["written:", "review"], ["written:", "summary"], ["written:", "check"])
    ]
    assert stand.written == ["review", "summary", "check"]


def test_s15_a_file_vouches_for_nothing(stand: Stand, file: Path) -> None:
    """Whoever opened the change may have made it, so no check comes of it."""
    plain = json.loads(file.read_text())
    file.write_text(json.dumps({**plain, "findings": []}))

    status, out, _ = stand.publish(file)

    assert status == 0
    assert out[0] == f"plan: 1 effect on {TARGET} at {HEAD[:12]}"
    assert stand.written == ["summary"]


def test_s15_a_file_writes_nothing_beyond_its_change(
    stand: Stand, file: Path, tmp_path: Path
) -> None:
    """Whatever the settings say of reviews: no label, no issue, no alert, and always a summary."""
    settings = tmp_path / "all.toml"
    settings.write_text(
        '[publish]\nsummary = false\nissues_at = "low"\nsarif = true\n'
        '[publish.labels]\n"review: done" = "failure"\n'
    )

    stand.publish(file, "--settings", str(settings))
    untrusted = stand.written
    stand.publish(file, "--settings", str(settings), "--trusted")

    assert untrusted == ["review", "summary"]
    assert sorted(stand.written[2:]) == ["check", "issue", "label", "sarif"]


def test_a_dry_run_of_a_file_writes_nothing(stand: Stand, file: Path) -> None:
    """The plan is told, and that is all."""
    status, out, _ = stand.publish(file, "--dry-run")

    assert (status, stand.written) == (0, [])
    assert out[-1] == "nothing is written, since this is a dry run"


def test_a_file_of_an_incomplete_review_is_published_and_ends_with_3(
    stand: Stand, tmp_path: Path
) -> None:
    """As the review itself has ended."""
    path = tmp_path / "review.json"
    stand.review("--analyzer", "broken", "--format", "json", "--output", str(path))

    status, _, err = stand.publish(path)

    assert (status, err) == (3, "")
    assert stand.written == ["summary"]


def test_a_change_that_has_moved_on_is_not_written_to(stand: Stand, file: Path) -> None:
    """The head of the event is checked against the host, too."""
    stand.host.push(CLEAN)

    status, _, err = stand.publish(file)

    assert status == 3
    assert "has moved on from" in err
    assert stand.written == []


def test_s15_a_review_of_another_commit_is_refused(stand: Stand, file: Path) -> None:
    """The commit is the one that the event names, not the one that the file names."""
    status, out, err = stand.publish(file, head=str(CLEAN.revisions[1]))

    assert (status, out) == (2, [])
    assert "is refused: it is not a review of" in err
    assert stand.written == []


def test_s15_the_target_is_the_one_of_the_event(stand: Stand, file: Path) -> None:
    """A file that names another pull request in its texts is written to the one that was told."""
    text = file.read_text().replace("An example", "acme/other#1")
    file.write_text(text)
    assert "acme/other#1" in text

    assert stand.publish(file)[0] == 0
    assert {post.target for post in stand.host.posts} == {TARGET}


def poisoned(plain: dict[str, Any]) -> dict[str, bytes]:
    """Give files that no engine has written."""
    finding = plain["findings"][0]
    return {
        "empty": b"",
        "schema": json.dumps({**plain, "schema": 2}).encode(),
        "target": json.dumps({**plain, "number": 1}).encode(),
        "surrogate": json.dumps({**plain, "run_id": "\ud800"}).encode(),
        "path": json.dumps({**plain, "findings": [{**finding, "path": "../a"}]}).encode(),
        "many": json.dumps({**plain, "findings": [finding] * 100_000}).encode(),
        "large": json.dumps(plain).encode() + b" " * (8 * 1024 * 1024),
        "deep": b"[" * 1_000_000,
        "escape": json.dumps({**plain, "\x1b]52;c;aGk=\x07": 1}).encode(),
    }


def test_s15_a_poisoned_file_is_refused(stand: Stand, file: Path) -> None:
    """Nothing is written, the status is that of wrong usage, and no text of it is told."""
    for name, content in poisoned(json.loads(file.read_text())).items():
        file.write_bytes(content)

        status, out, err = stand.publish(file)

        assert (name, status, out) == (name, 2, [])
        assert err.startswith("error: the review "), name
        assert " is refused: " in err, name
        assert err.count("\n") == 1, name
        assert err.strip().isprintable(), name
    assert stand.host.posts == []


def test_s15_only_a_file_is_read(stand: Stand, file: Path, tmp_path: Path) -> None:
    """An archive may hold a link to something of this machine, or what never ends."""
    link = tmp_path / "link.json"
    link.symlink_to(file)
    pipe = tmp_path / "pipe.json"
    os.mkfifo(pipe)

    for path in (link, pipe, tmp_path, Path("/dev/zero"), tmp_path / "none.json"):
        status, out, err = stand.publish(path)

        assert (status, out) == (2, []), path
        assert err.startswith("error: the review "), path
    assert stand.host.posts == []


def test_a_file_goes_to_a_pull_request_and_nowhere_else(stand: Stand, file: Path) -> None:
    """A directory is no place for it, and a change has to be told."""
    status, _, err = stand.call("publish", str(file), "--change", ".", "--head", HEAD)
    assert status == 2
    assert err == "error: '.' is no pull request, such as owner/repo#42\n"

    assert stand.call("publish", str(file), "--head", HEAD)[0] == 2
    assert stand.call("publish", str(file), "--change", TARGET)[0] == 2
    assert stand.host.posts == []
