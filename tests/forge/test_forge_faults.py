"""What can go wrong between a client and the forge, and what stands in the forge after it."""

from __future__ import annotations

import http.client
import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from forge_asking import Told, ask

from codeflow_engine.errors import ConfigurationError
from codeflow_engine.testing.forge import FakeForge, Repository
from codeflow_engine.testing.forge.faults import Act, Fault, Faults

COMMENTS = "/repos/acme/shop/issues/1/comments"


@pytest.fixture
def repository(forge: FakeForge) -> Repository:
    """Make a repository with a pull request."""
    made = forge.repository("acme/shop")
    made.open_pull_request({"a": "1\n"}, {"a": "2\n"})
    return made


def write(forge: FakeForge, text: str = "x") -> Told:
    """Write a comment."""
    return ask(forge, "POST", COMMENTS, token=forge.token("ann"), body={"body": text})


@pytest.mark.parametrize("status", [500, 502, 503])
@pytest.mark.parametrize(("after", "stands"), [(False, 0), (True, 1)])
def test_g27_a_failed_write_may_stand(
    forge: FakeForge, repository: Repository, status: int, *, after: bool, stands: int
) -> None:
    """The same status comes for a write that was lost before it was done, and after it."""
    forge.faults.add(Fault(act=Act.STATUS, method="POST", on=1, status=status, after=after))

    told = write(forge)

    assert told.status == status
    assert told.headers["content-type"].startswith("text/html")
    assert len(repository.pull(1).comments) == stands
    assert write(forge).status == 201


@pytest.mark.parametrize(("after", "stands"), [(False, 0), (True, 1)])
def test_g27_a_connection_breaks_before_or_after_the_write(
    forge: FakeForge, repository: Repository, *, after: bool, stands: int
) -> None:
    """A broken connection does not tell whether the write was done."""
    forge.faults.add(Fault(act=Act.RESET, method="POST", on=1, after=after))

    with pytest.raises((ConnectionError, http.client.HTTPException)):
        write(forge)

    assert len(repository.pull(1).comments) == stands
    assert write(forge).status == 201


@pytest.mark.parametrize(("after", "stands"), [(False, 0), (True, 1)])
def test_g27_a_request_hangs(
    forge: FakeForge, repository: Repository, *, after: bool, stands: int
) -> None:
    """A client that has a deadline sees none of it; one that waits gets status 504."""
    forge.faults.add(Fault(act=Act.HANG, method="POST", seconds=60, after=after, on=1))
    forge.faults.add(Fault(act=Act.HANG, method="POST", seconds=0.3, after=after, on=2))

    with pytest.raises(TimeoutError):
        ask(forge, "POST", COMMENTS, token=forge.token("ann"), body={"body": "x"}, timeout=0.1)
    told = write(forge)

    assert told.status == 504
    assert len(repository.pull(1).comments) == 2 * stands


def test_a_cut_answer_is_short_of_its_length(forge: FakeForge, repository: Repository) -> None:
    """The connection ends in the midst of the body."""
    write(forge, "y" * 1_000)
    forge.faults.add(Fault(act=Act.CUT, path="*/comments"))

    with pytest.raises((ConnectionError, http.client.IncompleteRead)):
        ask(forge, "GET", COMMENTS)


def test_a_truncated_answer_is_no_json(forge: FakeForge, repository: Repository) -> None:
    """Half a document comes with the head of a whole one."""
    write(forge)
    forge.faults.add(Fault(act=Act.TRUNCATE))

    told = ask(forge, "GET", COMMENTS)

    assert (told.status, told.headers["content-length"]) == (200, str(len(told.body)))
    with pytest.raises(json.JSONDecodeError):
        _ = told.json


def test_an_answer_drips(forge: FakeForge, repository: Repository) -> None:
    """A slow body is whole in the end, and slow as the fault says."""
    write(forge)
    whole = ask(forge, "GET", COMMENTS).json
    forge.faults.add(Fault(act=Act.DRIP, seconds=0.3))

    begun = time.monotonic()
    told = ask(forge, "GET", COMMENTS)

    assert told.json == whole
    assert time.monotonic() - begun > 0.25


def test_wrong_answers_have_other_types(forge: FakeForge, repository: Repository) -> None:
    """A page, another content type, a status of the client's and a redirect can be had."""
    away = forge.url + "/repositories/1"
    forge.faults.add(
        Fault(act=Act.HTML, path="/repos/acme/shop"),
        Fault(act=Act.TYPE, path="*/pulls/1"),
        Fault(act=Act.STATUS, path="*/pulls/1/files", status=404),
        Fault(act=Act.STATUS, path="*/issues/1", status=503, retry_after=7),
        Fault(act=Act.REDIRECT, path="*/comments", status=307, location=away),
    )
    paths = ("", "/pulls/1", "/pulls/1/files", "/issues/1", "/issues/1/comments")

    page, typed, absent, away_for_now, moved = (
        ask(forge, "GET", f"/repos/acme/shop{path}") for path in paths
    )

    assert (page.status, page.body[:15]) == (200, b"<!DOCTYPE html>")
    assert typed.headers["content-type"] == "application/octet-stream"
    assert (absent.status, absent.json["message"]) == (404, "Not Found")
    assert (away_for_now.status, away_for_now.headers["retry-after"]) == (503, "7")
    assert (moved.status, moved.headers["location"]) == (307, away)


def test_a_list_comes_out_of_order_or_twice(forge: FakeForge, repository: Repository) -> None:
    """The items of a page can be turned round, and its last one repeated."""
    ids = [write(forge).json["id"] for _ in range(3)]
    forge.faults.add(Fault(act=Act.REVERSE, on=1), Fault(act=Act.REPEAT, on=2))

    told = [[one["id"] for one in ask(forge, "GET", COMMENTS).json] for _ in range(3)]

    assert told == [ids[::-1], [*ids, ids[2]], ids]


def test_g28_pages_drift_while_a_client_reads_them(
    forge: FakeForge, repository: Repository
) -> None:
    """What goes away between two pages makes a client miss what stood next."""
    ids = [write(forge).json["id"] for _ in range(4)]

    def take_away() -> None:
        with forge.lock:
            del repository.pull(1).comments[0]

    forge.faults.add(Fault(act=Act.CALL, method="GET", path="*/comments", on=2, call=take_away))

    pages = [ask(forge, "GET", f"{COMMENTS}?per_page=2&page={page}").json for page in (1, 2)]

    assert [one["id"] for page in pages for one in page] == [ids[0], ids[1], ids[3]]


def test_latency_needs_no_thread(forge: FakeForge, repository: Repository) -> None:
    """Sixty requests wait side by side, for as long as one and without threads."""
    forge.faults.latency = 0.5
    token, path = forge.token("ann"), "/repos/acme/shop"
    before = threading.active_count()

    begun = time.monotonic()
    with ThreadPoolExecutor(60) as pool:
        waiting = [pool.submit(ask, forge, "GET", path, token=token) for _ in range(60)]
        time.sleep(0.3)
        during = threading.active_count()
        told = [one.result().status for one in waiting]
    took = time.monotonic() - begun

    assert told == [200] * 60
    assert 0.5 <= took < 10
    # Those of the clients alone.
    assert during - before <= 60


def test_a_rule_picks_requests_by_number_and_the_first_one_strikes() -> None:
    """Method, path and number pick, each rule counts for itself, and what struck is told."""
    faults = Faults()
    faults.add(
        Fault(act=Act.STATUS, method="POST", path="*/reviews", on={2, 3}),
        Fault(act=Act.RESET, path="*/reviews", on=1),
    )

    struck = [
        faults.choose(method, "/repos/a/b/pulls/1/reviews") for method in ["GET"] + ["POST"] * 4
    ]

    assert [one and one.act for one in struck] == [Act.RESET, None, Act.STATUS, Act.STATUS, None]
    assert faults.choose("POST", "/repos/a/b/pulls/1/comments") is None
    assert [(one.method, one.number) for one in faults.struck] == [
        *(("GET", 1), ("POST", 2), ("POST", 3))
    ]


def test_a_chance_is_the_same_for_a_seed() -> None:
    """A seed strikes the same requests again, about as many as the chance says."""

    def drawn(seed: str) -> list[bool]:
        faults = Faults(seed=seed)
        faults.add(Fault(act=Act.RESET, chance=0.3))
        return [faults.choose("GET", "/x") is not None for _ in range(1_000)]

    one = drawn("a")

    assert one == drawn("a") != drawn("b")
    assert 230 < sum(one) < 370


@pytest.mark.parametrize(
    "wrong",
    [
        {"act": Act.CALL},
        {"act": Act.REDIRECT, "status": 301},
        {"act": Act.REDIRECT, "status": 200, "location": "/x"},
        {"act": Act.RESET, "chance": 1.5},
    ],
)
def test_a_fault_that_says_nothing_is_refused(wrong: dict[str, object]) -> None:
    """A call without what to call, a redirect to nowhere and no chance are mistakes of a test."""
    with pytest.raises(ConfigurationError):
        Fault(**wrong)  # type: ignore[arg-type]
