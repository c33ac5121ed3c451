"""The command line on pull requests of a forge that speaks GitHub's API, as workflows use it.

Cases by the numbers of `docs/security.md`: S14 (what a workflow may), S15 (what one half of a
workflow hands to the other).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from cli_runs import TOKEN, git

from codeflow_engine.hosts.cli import main
from codeflow_engine.testing.forge import FakeForge
from codeflow_engine.testing.forge.state import PullRequest

TEMPLATES = Path(__file__).parents[2] / "examples" / "github-actions"
"""Absent where the tests run against a wheel, away from the checkout."""

pytestmark = pytest.mark.skipif(not TEMPLATES.exists(), reason="the checkout is not here")

BEFORE = {"settings.py": b"DEBUG = False\n"}
LEAK = {"settings.py": f"DEBUG = False\nTOKEN = '{TOKEN}'\n".encode()}
MENDED = {"settings.py": b"DEBUG = False\nPORT = 80\n"}


class Stand:
    """A repository on the forge, and the program as a job of a workflow runs it."""

    def __init__(self, forge: FakeForge, monkeypatch: pytest.MonkeyPatch) -> None:
        self.forge = forge
        self.shop = forge.repository("acme/shop")
        self._monkeypatch = monkeypatch

    def open(self, *, fork: bool = False) -> PullRequest:
        """Open a pull request that adds a secret, by somebody who may not write."""
        number = self.shop.open_pull_request(BEFORE, LEAK, author="eve", fork=fork)
        return self.shop.pull(number)

    def act_as(self, template: str) -> None:
        """Set the environment of a template's last step, with a token of its rights alone."""
        plain = yaml.safe_load((TEMPLATES / template).read_text("utf-8"))
        (job,) = plain["jobs"].values()
        told = {name.replace("-", "_"): level for name, level in job["permissions"].items()}
        app = self.forge.app("github-actions", permissions=told, on="acme")
        (place,) = self.forge.tokens.apps.installations(app.id)
        variables = {**job["steps"][-1].get("env", {}), "GITHUB_API_URL": self.forge.url}
        for name, value in variables.items():
            if not re.search(r"\$\{\{", value):
                self._monkeypatch.setenv(name, value)
        if "GITHUB_TOKEN" in variables:
            token, _ = self.forge.tokens.mint(place.id, {}, None)
            self._monkeypatch.setenv("GITHUB_TOKEN", token)
        else:
            self._monkeypatch.delenv("GITHUB_TOKEN", raising=False)


@pytest.fixture
def stand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stand]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CODEFLOW_PLUGINS__GITHUB__WRITE_INTERVAL", "0")
    monkeypatch.setenv("CODEFLOW_ANALYZERS", "secrets")
    with FakeForge() as forge:
        yield Stand(forge, monkeypatch)


def names(pull: PullRequest) -> list[str]:
    """Name what stands on a pull request."""
    found = ["review"] * len(pull.reviews) + ["comment"] * len(pull.review_comments)
    return found + ["summary"] * len(pull.comments)


def test_s14_the_rights_of_the_workflow_for_branches_suffice(stand: Stand) -> None:
    """With no more than the template asks for, a change is reviewed, and so is the next push."""
    pull = stand.open()
    stand.act_as("codeflow-review.yml")
    change = f"acme/shop#{pull.number}"

    assert main(["review", change, "--publish"]) == 1
    first = names(pull)
    stand.shop.push(pull.number, MENDED)
    assert main(["review", change, "--publish"]) == 0

    assert first == ["review", "comment", "summary"]
    assert names(pull) == first
    assert "no findings" in pull.comments[0].body
    assert pull.comments[0].user.login == "github-actions[bot]"


def test_s15_a_fork_is_reviewed_without_rights_and_published_by_the_other_half(
    stand: Stand, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The first half has no token at all; the second one reads nothing but the file."""
    pull = stand.open(fork=True)
    stand.act_as("codeflow-analyze.yml")
    fork = pull.head_repository
    assert fork is not None
    git(tmp_path, "clone", "--quiet", f"{stand.forge.web_url}/{fork.full_name}.git", "change")
    told = ("--base", pull.base_sha, "--head", pull.head_sha)

    analyzed = main(["review", "change", *told, "--format", "json", "--output", "review.json"])
    stand.act_as("codeflow-publish.yml")
    change = f"acme/shop#{pull.number}"
    published = main(["publish", "review.json", "--change", change, "--head", pull.head_sha])

    assert (analyzed, published) == (1, 0)
    assert names(pull) == ["review", "comment", "summary"]
    assert f"{stand.forge.web_url}/acme/shop/pull/1#issuecomment-" in capsys.readouterr().out
    assert main(["publish", "review.json", "--change", change, "--head", pull.head_sha]) == 0
    assert names(pull) == ["review", "comment", "summary"]


def test_s15_a_finding_beside_the_diff_is_told_and_not_placed(
    stand: Stand, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A line that the pull request does not show gets no comment, and loses none of its text."""
    pull = stand.open()
    stand.act_as("codeflow-review.yml")
    assert main(["review", f"acme/shop#{pull.number}", "--format", "json"]) == 1
    text = re.sub(r'"((?:end_)?line)": 2', r'"\1": 4000', capsys.readouterr().out)
    (tmp_path / "review.json").write_text(text)
    stand.act_as("codeflow-publish.yml")
    told = ("--change", f"acme/shop#{pull.number}", "--head", pull.head_sha)

    assert main(["publish", "review.json", *told]) == 0
    assert pull.review_comments == ()
    assert "secrets/github-token" in "".join(one.body for one in [*pull.reviews, *pull.comments])


def test_s14_a_job_without_rights_writes_nothing_and_says_what_it_lacks(
    stand: Stand, capsys: pytest.CaptureFixture[str]
) -> None:
    """The token that a pull request of a fork gets reads; to publish by it is an error."""
    pull = stand.open(fork=True)
    stand.act_as("codeflow-review.yml")
    app = stand.forge.app("github-actions", permissions={"contents": "read"}, on="acme")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GITHUB_TOKEN", stand.forge.tokens.of_job(app, "acme/shop", from_fork=True))
        status = main(["review", f"acme/shop#{pull.number}", "--publish"])

    assert status == 3
    assert names(pull) == []
    told = capsys.readouterr().err.splitlines()[-1]
    assert told.startswith("error: the review is not published: ")
    assert "pull_requests=write" in told
