"""Check runs and statuses of the forge, with their bounds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from forge_asking import Told, app_token, ask

from codeflow_engine.testing.forge import FakeForge, Repository

PATH = "/repos/acme/shop/check-runs"


class Board:
    """A commit of a pull request, and an app that writes checks of it."""

    def __init__(self, forge: FakeForge, *, fork: bool = False) -> None:
        self.forge = forge
        self.repository: Repository = forge.repository("acme/shop")
        number = self.repository.open_pull_request(
            {"a.py": "x = 1\n"}, {"a.py": "x = 2\n"}, author="ann", fork=fork
        )
        self.sha = self.repository.pull(number).head_sha
        self.token = app_token(forge, checks="write", statuses="write")

    def create(self, **body: Any) -> Told:
        """Make a check run of the commit."""
        told = {"name": "review", "head_sha": self.sha, **body}
        return ask(self.forge, "POST", PATH, token=self.token, body=told)

    def output(self, **more: Any) -> Told:
        """Make a check run with an output."""
        return self.create(output={"title": "t", "summary": "s", **more})

    def read(self, path: str) -> Any:
        """Read a document."""
        return ask(self.forge, "GET", path, token=self.token).json

    def listed(self, query: str = "") -> Any:
        """List the check runs of the commit."""
        return self.read(f"/repos/acme/shop/commits/{self.sha}/check-runs{query}")


@pytest.fixture
def board(forge: FakeForge) -> Board:
    """Make a commit to check."""
    return Board(forge)


def note(**more: Any) -> Mapping[str, Any]:
    """Make an annotation."""
    told = {"path": "a.py", "start_line": 1, "end_line": 1, "message": "m"}
    return {**told, "annotation_level": "warning", **more}


def test_g21_annotations_are_appended_fifty_at_a_time(board: Board) -> None:
    """A request has fifty at most; those of an update come to those that stand."""
    made = board.output(annotations=[note(message=str(number)) for number in range(50)]).json
    path = f"{PATH}/{made['id']}"
    output = {"title": "t", "summary": "s", "annotations": [note(message="50")]}

    more = ask(board.forge, "PATCH", path, token=board.token, body={"output": output})
    too_many = board.output(annotations=[note()] * 51)
    told = board.read(f"{path}/annotations?per_page=100")

    assert more.json["output"]["annotations_count"] == 51
    assert [one["message"] for one in told] == [str(number) for number in range(51)]
    assert too_many.status == 422
    assert "No more than 50 items are allowed; 51 were supplied." in too_many.json["message"]


@pytest.mark.parametrize(
    ("output", "said"),
    [
        ({"summary": "x" * 65_536}, "Only 65535 characters are allowed; 65536 were supplied."),
        ({"text": "x" * 65_536}, "Only 65535 characters are allowed; 65536 were supplied."),
        ({"summary": None}, '"summary" wasn\'t supplied.'),
        ({"title": None}, '"title" wasn\'t supplied.'),
        ({"annotations": [note(message="x" * 65_537)]}, "larger than 64 KB"),
        ({"annotations": [note(raw_details="\u00e9" * 32_769)]}, "larger than 64 KB"),
        ({"annotations": [note(title="x" * 256)]}, "Only 255 characters"),
        ({"annotations": [note(annotation_level="error")]}, "is not a member of"),
        ({"annotations": [note(end_line=2, start_column=1, end_column=2)]}, "Columns are omitted"),
        ({"annotations": [note(start_line=2)]}, "out of order"),
        ({"annotations": [note(start_line=0)]}, "out of order"),
    ],
)
def test_g21_an_output_beyond_its_bounds_is_refused(
    board: Board, output: Mapping[str, Any], said: str
) -> None:
    """What is too long, missing or no value of its field is refused, and nothing stands."""
    told = board.output(**output)

    assert told.status == 422
    assert said in told.json["message"]
    assert not board.repository.checks.runs


def test_g21_an_output_within_its_bounds_is_kept(board: Board) -> None:
    """The longest texts, and columns of one line, are taken."""
    whole = {"summary": "x" * 65_535, "text": "y" * 65_535}
    notes = [note(title="x" * 255, start_column=1, end_column=2, message="z" * 65_536)]

    told = board.output(**whole, annotations=notes)

    assert told.status == 201
    assert len(told.json["output"]["summary"]) == 65_535


@pytest.mark.parametrize(
    "body",
    [
        {"status": "completed"},
        {"conclusion": "passed"},
        {"status": "done"},
        {"name": ""},
        {"completed_at": "yesterday"},
        {"head_sha": "0" * 40},
        {"actions": [{"label": "a", "description": "b", "identifier": "c"}] * 4},
        {"actions": [{"label": "a" * 21, "description": "b", "identifier": "c"}]},
        {"actions": [{"label": "a", "description": "b" * 41, "identifier": "c"}]},
    ],
)
def test_g21_a_run_beyond_its_bounds_is_refused(board: Board, body: Mapping[str, Any]) -> None:
    """A conclusion, a status, a time, a commit and actions are what they can be, or refused."""
    assert board.create(**body).status == 422
    assert not board.repository.checks.runs


def test_g21_a_conclusion_completes_a_run(board: Board) -> None:
    """With a conclusion it is completed, and carries our key back."""
    made = board.create(conclusion="neutral", external_id="k" * 64).json
    running = board.create(status="in_progress").json

    assert (made["status"], made["conclusion"]) == ("completed", "neutral")
    assert made["external_id"] == "k" * 64
    assert made["completed_at"] is not None
    assert (running["conclusion"], running["completed_at"]) == (None, None)


def test_g21_only_its_app_writes_a_run(board: Board) -> None:
    """A person's token makes none, and another app does not change it."""
    number = board.create().json["id"]
    forge, other = board.forge, app_token(board.forge, "other", checks="write")
    body = {"name": "review", "head_sha": board.sha}

    person = ask(forge, "POST", PATH, token=forge.token("acme"), body=body)
    foreign = ask(forge, "PATCH", f"{PATH}/{number}", token=other, body={"conclusion": "success"})

    assert (person.status, foreign.status) == (403, 403)
    assert person.json["message"] == "You must authenticate via a GitHub App."
    assert board.read(f"{PATH}/{number}")["conclusion"] is None


def test_g21_the_latest_of_a_name_is_listed(board: Board) -> None:
    """A list has the latest run of each name, unless all are asked for."""
    ids = [board.create(name=name).json["id"] for name in ("one", "two", "one")]

    assert [one["id"] for one in board.listed()["check_runs"]] == [ids[2], ids[1]]
    assert board.listed("?filter=all")["total_count"] == 3
    assert [one["id"] for one in board.listed("?check_name=two")["check_runs"]] == [ids[1]]
    assert board.listed("?app_id=1")["total_count"] == 0
    assert board.listed("?status=completed")["total_count"] == 0


def test_g21_more_than_a_thousand_of_a_name_drop_the_oldest(board: Board) -> None:
    """The thousand and first run of a name takes the place of the first."""
    first = board.create().json["id"]
    other = board.create(name="other").json["id"]
    checks = board.repository.checks
    who = board.forge.tokens.authenticate(f"token {board.token}")
    body = {"name": "review", "head_sha": board.sha}
    with board.forge.lock:
        for number in range(1_000):
            checks.create(who, body, number=10_000_000 + number, now=0.0)

    assert checks.find(first) is None
    assert checks.find(other) is not None
    assert len(checks.runs) == 1_001


@pytest.mark.parametrize(("fork", "listed"), [(False, 1), (True, 0)])
def test_g21_pull_requests_of_forks_are_not_detected(
    forge: FakeForge, *, fork: bool, listed: int
) -> None:
    """A run tells the pull request of its commit, but none that comes from a fork."""
    told = Board(forge, fork=fork).create().json

    assert len(told["pull_requests"]) == listed


def test_statuses_make_the_state_of_a_commit(board: Board) -> None:
    """The latest status of each context counts, and the worst of them is the state."""
    path = f"/repos/acme/shop/statuses/{board.sha}"

    def state() -> Any:
        return board.read(f"/repos/acme/shop/commits/{board.sha}/status")["state"]

    seen = [state()]
    for one, context in (
        *(("pending", "a"), ("success", "a"), ("success", "b")),
        *(("failure", "b"), ("success", "b")),
    ):
        body = {"state": one, "context": context}
        assert ask(board.forge, "POST", path, token=board.token, body=body).status == 201
        seen.append(state())
    wrong = ask(board.forge, "POST", path, token=board.token, body={"state": "green"})

    assert seen == ["pending", "pending", "success", "success", "failure", "success"]
    assert len(board.read(f"/repos/acme/shop/commits/{board.sha}/statuses")) == 5
    assert wrong.status == 422
