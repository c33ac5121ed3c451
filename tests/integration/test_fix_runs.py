"""A fix is a run like any other, also on the command line, and refuses what cannot work."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from fix_desk import NAME, SUM, mend_sum, mender

import codeflow_engine as codeflow
from codeflow_engine import AsyncEngine, Patch
from codeflow_engine.errors import ConfigurationError, RunNotFoundError
from codeflow_engine.hosts.cli import main
from codeflow_engine.prompts import Prompts
from codeflow_engine.providers.llm.calls.schemas import is_strict
from codeflow_engine.review.mend import FORM

if TYPE_CHECKING:
    from git_repository import GitRepository

UNUSED = "import os\n\n\ndef f():\n    return 1\n"
STOPS = "def g():\n    breakpoint()\n"


@pytest.fixture
def reviewed(
    shop: GitRepository,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> GitRepository:
    """Make a repository whose working tree was reviewed on the command line."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.chdir(shop.path)
    shop.write({"new.py": UNUSED, "stops.py": STOPS})
    main(["review", "--analyzer", "ruff", "--analyzer", "hygiene"])
    capsys.readouterr()
    return shop


async def test_a_review_of_a_repository_is_fixed_without_naming_it_again(
    shop: GitRepository,
) -> None:
    """The storage knows what its run was asked about; a patch it does not hold."""
    shop.commit({"new.py": "import os\n\n\ndef f():\n    return 1\n"})
    patch_text = "--- a/a.py\n+++ b/a.py\n@@ -1 +1,2 @@\n import sys\n+import os\n"
    async with AsyncEngine(analyzers=["ruff"]) as engine:
        review = await engine.review(shop.path, head="HEAD")
        patch = await engine.fix(review)
        bare = await engine.review(patch_text)
        with pytest.raises(ConfigurationError, match="is of a patch"):
            await engine.fix(bare)
        left = await engine.fix(bare, patch_text)
        with pytest.raises(ConfigurationError, match="give the change"):
            await engine.fix(review.findings[0])
    async with AsyncEngine() as other:
        with pytest.raises(RunNotFoundError):
            await other.fix(review)

    assert [one.rule for one in review.findings] == ["ruff/F401"]
    assert patch.fixed == (review.findings[0].fingerprint,)
    assert patch.diff.count("\n-import os\n") == 1
    assert (left.diff, len(left.left)) == ("", len(bare.findings))


async def test_a_fix_is_a_run_that_another_process_reads(
    shop: GitRepository, tmp_path: Path
) -> None:
    """The patch comes back from the storage as it was, with its files."""
    url = f"sqlite:///{tmp_path / 'runs.db'}"
    asked = {"findings": [SUM.to_json(), NAME.to_json()], "change": shop.path, "head": "HEAD"}
    async with AsyncEngine(storage=url, llm=mender(mend_sum)) as engine:
        run = await engine.submit("fix", asked)
        patch: Patch = await run.result()
    async with AsyncEngine(storage=url) as engine:
        record = (await engine.run(run.id)).record
        again: Any = await (await engine.run(run.id)).result()

    assert again == patch
    assert record.input["findings"] == ["sum", "name"]
    assert record.summary is not None
    assert record.summary["title"] == "2 findings mended, 0 left"


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"change": "."}, "needs change and findings"),
        ({"change": ".", "findings": [], "analyzers": []}, "unknown: analyzers"),
        ({"change": ".", "findings": "all"}, "not a str"),
        ({"change": ".", "findings": [{"path": "a"}]}, "no finding"),
    ],
)
async def test_input_that_cannot_work_is_refused(given: dict[str, Any], told: str) -> None:
    """It is refused before a run is stored."""
    async with AsyncEngine() as engine:
        with pytest.raises(ConfigurationError, match=told):
            await engine.submit("fix", given)
        assert await engine.runs() == ()


def test_the_form_and_the_prompt_are_what_models_take() -> None:
    """The schema is within what strict modes take, and the prompt has no part to fill."""
    prompt = Prompts().get("fix")

    assert is_strict(FORM)
    assert prompt.id == "fix/1"
    assert "findings:" in prompt.fill()
    assert codeflow.Patch is Patch


def test_the_command_line_prints_a_patch_of_the_newest_review(
    reviewed: GitRepository, capsys: pytest.CaptureFixture[str]
) -> None:
    """It reviews nothing, writes nothing, and tells what is left by its status."""
    status = main(["fix"])
    told = capsys.readouterr()
    (reviewed.path / "fix.patch").write_text(told.out)
    reviewed.git("apply", "--check", "fix.patch")

    assert status == 3
    assert told.out.count("-import os\n") == 1
    assert "1 finding mended, 1 left" in told.err
    assert "no model is asked" in told.err
    assert (reviewed.path / "new.py").read_text() == UNUSED


def test_the_command_line_writes_when_told(
    reviewed: GitRepository, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """From a directory below, with one finding chosen, into the working tree and a file."""
    with codeflow.Engine(storage=f"sqlite:///{tmp_path}/state/codeflow/history.db") as engine:
        review = engine.runs()[0].result()
    name = next(one.fingerprint for one in review.findings if one.rule == "ruff/F401")

    status = main(["fix", "--finding", name[:10], "--apply", "--output", str(tmp_path / "x")])

    told = capsys.readouterr()
    assert (status, told.out) == (0, "")
    assert f"wrote 1 file below {reviewed.path}" in told.err
    assert (tmp_path / "x").read_text().startswith("diff --git a/new.py b/new.py")
    assert (reviewed.path / "new.py").read_text() == UNUSED.removeprefix("import os\n")


def test_the_command_line_never_writes_over_what_has_changed(
    reviewed: GitRepository, capsys: pytest.CaptureFixture[str]
) -> None:
    """A file that moved on since the review is left, and stays."""
    changed = UNUSED.replace("import os", "import os.path")
    reviewed.write({"new.py": changed})

    status = main(["fix", "--apply"])

    assert status == 3
    assert "its lines have changed since it was found" in capsys.readouterr().err
    assert (reviewed.path / "new.py").read_text() == changed


def test_a_finding_that_moved_is_mended_where_it_is_now(
    reviewed: GitRepository, capsys: pytest.CaptureFixture[str]
) -> None:
    """Lines that came in above it are no reason to review anew; a second place is."""
    reviewed.write({"new.py": f"# more\n{UNUSED}"})

    assert main(["fix", "--apply"]) == 3
    once = (reviewed.path / "new.py").read_text()
    reviewed.write({"new.py": f"# more\n{UNUSED}\n\n{UNUSED}"})
    assert main(["fix"]) == 3

    assert once == f"# more\n{UNUSED}".replace("import os\n", "")
    told = capsys.readouterr()
    assert told.out.count("-import os\n") == 1
    assert "its lines have changed since it was found" in told.err


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--finding", "zzzz"], "0 findings of the review"),
        (["--finding", ""], "2 findings of the review"),
        (["--run", "zzzz"], "no run whose id begins"),
        (["/"], "holds no review of '/'"),
        (["--budget", "much"], "decimal number"),
    ],
)
def test_the_command_line_refuses_what_it_cannot_find(
    reviewed: GitRepository, capsys: pytest.CaptureFixture[str], words: list[str], told: str
) -> None:
    """Wrong words end with 2, before anything is asked."""
    status = main(["fix", *words])

    assert status == 2
    assert told in capsys.readouterr().err


def test_a_run_that_is_no_review_is_refused(
    reviewed: GitRepository, capsys: pytest.CaptureFixture[str]
) -> None:
    """The run of a fix has no findings of its own; the newest review is still found."""
    assert main(["fix"]) == 3
    capsys.readouterr()
    main(["runs", "--format", "json"])
    newest = capsys.readouterr().out.partition('"run_id": "')[2][:16]

    assert main(["fix", "--run", newest]) == 2
    assert "is no review" in capsys.readouterr().err
    assert main(["fix"]) == 3
