"""The workflows that ship for GitHub Actions: nothing in them trusts a pull request.

Cases by the numbers of `docs/security.md`: S14 (a workflow that gives rights to a change), S15
(what one half of a workflow hands to the other).
"""

from __future__ import annotations

import json
import os
import re
import shutil
import stat
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "examples" / "github-actions"
TEMPLATES = {path.name: path.read_text("utf-8") for path in sorted(FOLDER.glob("*.yml"))}
REVIEW, ANALYZE, PUBLISH = "codeflow-review.yml", "codeflow-analyze.yml", "codeflow-publish.yml"
ZIZMOR = Path(sys.executable).parent / "zizmor"
STRICT = ("--offline", "--strict-collection", "--persona=auditor")
"""As `nox -s lint` asks."""

VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]

needs_jq = pytest.mark.skipif(shutil.which("jq") is None, reason="jq is not installed")

SHA = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"
OTHER = "0" * 40


def audit(*paths: Path) -> set[str]:
    """Give the rules that zizmor sees broken, in its strictest mood."""
    ran = subprocess.run(
        [ZIZMOR, *STRICT, "--quiet", "--no-progress", "--format=json", "--no-exit-codes", *paths],
        capture_output=True,
        check=False,
        text=True,
        env={"PATH": os.environ["PATH"], "HOME": os.environ["HOME"]},
    )
    assert (ran.returncode, ran.stderr) == (0, "")
    return {finding["ident"] for finding in json.loads(ran.stdout) if not finding["ignored"]}


def steps(name: str) -> list[dict[str, Any]]:
    """Give the steps of the only job of a template."""
    (job,) = yaml.safe_load(TEMPLATES[name])["jobs"].values()
    found: list[dict[str, Any]] = job["steps"]
    return found


def job(name: str) -> dict[str, Any]:
    (found,) = yaml.safe_load(TEMPLATES[name])["jobs"].values()
    told: dict[str, Any] = found
    return told


def test_s14_zizmor_finds_nothing_in_the_templates() -> None:
    """All of them pass the strictest audit, and so do those that come later."""
    assert set(TEMPLATES) == {REVIEW, ANALYZE, PUBLISH}
    assert audit(*(FOLDER / name for name in TEMPLATES)) == set()
    assert f"ZIZMOR = {STRICT}".replace("'", '"') in (ROOT / "noxfile.py").read_text("utf-8")


def test_s14_one_rule_is_set_aside_once() -> None:
    """The half that may write needs the trigger that is mostly misused; nothing else is hidden."""
    ignores = {name: re.findall(r"zizmor: ignore\S*", text) for name, text in TEMPLATES.items()}

    assert ignores == {REVIEW: [], ANALYZE: [], PUBLISH: ["zizmor: ignore[dangerous-triggers]"]}


@pytest.mark.parametrize(
    ("name", "old", "new", "rule"),
    [
        (ANALYZE, "  pull_request:\n", "  pull_request_target:\n", "dangerous-triggers"),
        (ANALYZE, "persist-credentials: false", "persist-credentials: true", "artipacked"),
        (REVIEW, '"$CHANGE"', "${{ github.event.pull_request.title }}", "template-injection"),
        (REVIEW, "permissions: {}", "permissions: write-all", "excessive-permissions"),
        (REVIEW, "    environment: codeflow\n", "", "secrets-outside-env"),
        (PUBLISH, "@3e5f45b2cfb9172054b4087a40e8e0b5a5461e7c", "@v8", "unpinned-uses"),
        (PUBLISH, " # zizmor: ignore[dangerous-triggers]", "", "dangerous-triggers"),
    ],
)
def test_s14_a_template_that_is_broken_is_found(
    tmp_path: Path, name: str, old: str, new: str, rule: str
) -> None:
    """The control: each usual way to give a change rights is seen by the same audit."""
    broken = TEMPLATES[name].replace(old, new)
    assert broken != TEMPLATES[name]
    (tmp_path / name).write_text(broken)

    assert rule in audit(tmp_path / name)


def test_s14_only_the_half_without_rights_touches_the_change() -> None:
    """It reads what everybody may read and has no secret; the others check nothing out."""
    rights = {name: job(name)["permissions"] for name in TEMPLATES}

    assert rights == {
        REVIEW: {"contents": "read", "pull-requests": "write", "checks": "write"},
        ANALYZE: {"contents": "read"},
        PUBLISH: {"actions": "read", "contents": "read", "pull-requests": "write"},
    }
    assert "secrets." not in TEMPLATES[ANALYZE] + TEMPLATES[PUBLISH]
    assert "github.token" not in TEMPLATES[ANALYZE]
    checkouts = {name for name in TEMPLATES if "actions/checkout@" in TEMPLATES[name]}
    assert checkouts == {ANALYZE}
    assert "head.repo.full_name == github.repository" in job(REVIEW)["if"]


@pytest.mark.parametrize("name", TEMPLATES)
def test_s14_a_template_holds_what_all_of_them_hold(name: str) -> None:
    """Pinned actions with their version, no expression in a script, a limit of time and number."""
    plain = yaml.safe_load(TEMPLATES[name])
    uses = re.findall(r"uses: (.+)", TEMPLATES[name])

    assert plain["permissions"] == {}
    assert plain["concurrency"]["group"]
    assert job(name)["timeout-minutes"] <= 30
    assert [
        one for one in uses if not re.fullmatch(r"[\w/-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", one)
    ] == []
    assert [step["run"] for step in steps(name) if "${{" in step.get("run", "")] == []
    assert re.findall(r"codeflow-engine\[[\w,]+\]==([\w.]+)", TEMPLATES[name]) == [VERSION]


def test_s15_nothing_of_the_file_says_where_it_is_published() -> None:
    """Number and commit come from the event and the API, which are asked before the file is had."""
    names = [step["name"] for step in steps(PUBLISH)]
    publish = steps(PUBLISH)[-1]

    assert names.index("Find the pull request") < names.index("Get the review")
    assert publish["env"]["HEAD"] == "${{ github.event.workflow_run.head_sha }}"
    assert publish["env"]["CHANGE"].endswith("#${{ steps.change.outputs.number }}")
    assert publish["run"] == 'codeflow publish "$REVIEW" --change "$CHANGE" --head "$HEAD"'


def find_pull_request(folder: Path, answer: str) -> tuple[int, str]:
    """Run the step of the template as a runner does; give its status and its output."""
    gh = folder / "gh"
    gh.write_text(f'#!/bin/sh\necho "$@" > asked\n{answer}\n')
    gh.chmod(gh.stat().st_mode | stat.S_IXUSR)
    path = f"{folder}{os.pathsep}{os.environ['PATH']}"
    told = {"REPOSITORY": "acme/shop", "OWNER": "eve", "BRANCH": "a;$(touch pwned)", "HEAD": SHA}
    (step,) = (step for step in steps(PUBLISH) if step.get("id") == "change")
    assert step["shell"] == "bash"
    # What `shell: bash` stands for.
    ran = subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]],
        cwd=folder,
        env={"PATH": path, "GITHUB_OUTPUT": "out", **told},
        capture_output=True,
        check=False,
        text=True,
    )
    found = folder / "out"
    return ran.returncode, found.read_text() if found.exists() else ""


@needs_jq
@pytest.mark.parametrize(
    ("pulls", "status", "output"),
    [
        ([(7, SHA), (8, OTHER)], 0, "number=7\n"),
        ([(8, OTHER)], 0, ""),
        ([], 0, ""),
        ([(7, SHA), (9, SHA)], 1, ""),
    ],
)
def test_s15_the_pull_request_is_the_one_whose_head_was_reviewed(
    tmp_path: Path, pulls: list[tuple[int, str]], status: int, output: str
) -> None:
    """One at that commit is taken, none ends the job quietly, and among several nobody guesses."""
    answer = [{"number": number, "head": {"sha": sha}} for number, sha in pulls]
    (tmp_path / "pulls.json").write_text(json.dumps(answer))

    told = find_pull_request(tmp_path, "cat pulls.json")

    assert told == (status, output)
    assert "repos/acme/shop/pulls" in (tmp_path / "asked").read_text()
    assert "head=eve:a;$(touch pwned)" in (tmp_path / "asked").read_text()
    assert not (tmp_path / "pwned").exists()


@needs_jq
@pytest.mark.parametrize("answer", ["exit 1", "echo nonsense"])
def test_s15_a_failed_look_up_fails_the_job(tmp_path: Path, answer: str) -> None:
    """No answer is not the same as no pull request."""
    status, output = find_pull_request(tmp_path, answer)

    assert status != 0
    assert output == ""
