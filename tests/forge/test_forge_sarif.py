"""Uploads of SARIF: taken in at once, looked at later, within their limits."""

from __future__ import annotations

import base64
import gzip
import json
from typing import Any

import pytest
from forge_asking import Told, app_token, ask

from codeflow_engine.testing.forge import FakeForge, Repository

PATH = "/repos/acme/shop/code-scanning"
SHA = "a" * 40


@pytest.fixture
def repository(forge: FakeForge) -> Repository:
    """Make a repository."""
    return forge.repository("acme/shop")


@pytest.fixture
def token(forge: FakeForge) -> str:
    """Make a token that may write security events."""
    return app_token(forge, security_events="write")


def run(results: int = 1, *, tool: str = "codeflow", rules: int = 0) -> dict[str, Any]:
    """Make a run of a report."""
    driver = {"name": tool, "rules": [{"id": str(number)} for number in range(rules)]}
    return {"tool": {"driver": driver}, "results": [{}] * results}


def packed(*runs: dict[str, Any], version: str = "2.1.0") -> str:
    """Make a report, packed as it is sent."""
    text = json.dumps({"version": version, "runs": runs}).encode()
    return base64.b64encode(gzip.compress(text, mtime=0)).decode()


def upload(forge: FakeForge, token: str, sarif: str, **more: Any) -> Told:
    """Upload a report."""
    body = {"commit_sha": SHA, "ref": "refs/pull/1/head", "sarif": sarif, **more}
    return ask(forge, "POST", f"{PATH}/sarifs", token=token, body=body)


def wait(forge: FakeForge, token: str, number: str) -> list[Any]:
    """Ask for the status until there is one; give all that was told."""
    told = [ask(forge, "GET", f"{PATH}/sarifs/{number}", token=token).json for _ in range(2)]
    return [told[0]["processing_status"], told[1]["processing_status"], told[1]["errors"]]


def test_g26_an_upload_is_looked_at_later(
    forge: FakeForge, repository: Repository, token: str
) -> None:
    """It is accepted with status 202, pending at first, and an analysis after that."""
    told = upload(forge, token, packed(run(3, rules=2)))
    before = ask(forge, "GET", f"{PATH}/analyses", token=token).json
    states = wait(forge, token, told.json["id"])
    after = ask(forge, "GET", f"{PATH}/analyses?sarif_id={told.json['id']}", token=token).json

    assert told.status == 202
    assert told.json["url"].endswith(f"/code-scanning/sarifs/{told.json['id']}")
    assert (before, states) == ([], ["pending", "complete", None])
    assert [(one["results_count"], one["rules_count"]) for one in after] == [(3, 2)]
    assert after[0]["tool"]["name"] == "codeflow"


def test_g26_the_top_results_are_kept(forge: FakeForge, repository: Repository, token: str) -> None:
    """Of more results than are kept some are left out, with a warning."""
    told = upload(forge, token, packed(run(5_001)))

    states = wait(forge, token, told.json["id"])
    kept = ask(forge, "GET", f"{PATH}/analyses", token=token).json[0]

    assert states[1] == "complete"
    assert (kept["results_count"], bool(kept["warning"])) == (5_000, True)


@pytest.mark.parametrize(
    ("sarif", "said"),
    [
        (packed(*[run(tool=str(number)) for number in range(21)]), "more runs than 20"),
        (packed(run(25_001)), "more results than 25000"),
        (packed(run(rules=25_001)), "more rules than 25000"),
        (packed(run(), run()), "multiple runs with the same"),
        (packed(run(), version="2.0.0"), "no SARIF of version 2.1.0"),
        (packed({"tool": {}}), "no tool.driver.name"),
        (base64.b64encode(gzip.compress(b"{", mtime=0)).decode(), "no SARIF of version 2.1.0"),
    ],
)
def test_g26_a_report_beyond_the_limits_fails_later(
    forge: FakeForge, repository: Repository, token: str, sarif: str, said: str
) -> None:
    """It is accepted, too, and what is wrong with it is told when it was looked at."""
    told = upload(forge, token, sarif)

    states = wait(forge, token, told.json["id"])

    assert told.status == 202
    assert states[:2] == ["pending", "failed"]
    assert said in states[2][0]
    assert not repository.scans.analyses


@pytest.mark.parametrize(
    ("more", "status"),
    [
        ({"sarif": "!!"}, 400),
        ({"sarif": base64.b64encode(b"{}").decode()}, 400),
        ({"sarif": packed(run())[:-8]}, 400),
        ({"sarif": ""}, 422),
        ({"sarif": base64.b64encode(bytes(10 * 1024 * 1024 + 1)).decode()}, 413),
        ({"commit_sha": "abc"}, 422),
        ({"ref": "main"}, 400),
    ],
)
def test_g26_what_is_no_report_is_refused(
    forge: FakeForge, repository: Repository, token: str, more: dict[str, str], status: int
) -> None:
    """What is not packed, too large, or of no commit or reference is refused at once."""
    assert upload(forge, token, **{"sarif": packed(run()), **more}).status == status
    assert not repository.scans.uploads


def test_g26_a_bomb_is_not_unpacked(forge: FakeForge, repository: Repository, token: str) -> None:
    """A small upload that becomes too large is refused with status 413."""
    bomb = base64.b64encode(gzip.compress(bytes(257 * 1024 * 1024), 9)).decode()

    assert upload(forge, token, bomb).status == 413


def test_g26_uploads_an_hour_are_limited(
    forge: FakeForge, repository: Repository, token: str
) -> None:
    """One more than an hour takes is refused, until the first is an hour old."""
    repository.scans.an_hour = 2

    told = [upload(forge, token, packed(run())) for _ in range(3)]
    forge.clock.advance(3_600)

    assert [one.status for one in told] == [202, 202, 403]
    assert int(told[2].headers["retry-after"]) > 3_500
    assert upload(forge, forge.token("acme"), packed(run())).status == 202


def test_g30_code_scanning_can_be_off(forge: FakeForge, repository: Repository, token: str) -> None:
    """Where it is off, and without the permission, nothing is taken."""
    other = app_token(forge, "other", checks="write")
    lacking = upload(forge, other, packed(run()))
    repository.scans.enabled = False

    told = upload(forge, token, packed(run()))

    assert (lacking.status, told.status) == (403, 403)
    assert lacking.headers["x-accepted-github-permissions"] == "security_events=write"
    assert "must be enabled" in told.json["message"]
