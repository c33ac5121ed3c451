"""Values show themselves in IPython as it asks, and never wait for anything."""

from __future__ import annotations

import subprocess
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cli_runs import LEAK_PATCH

from codeflow_engine import AsyncEngine, Engine, Review
from codeflow_engine.domain.run import RunStatus
from codeflow_engine.storage.memory import MemoryStorage
from git_repository import GitRepository


@pytest.fixture(scope="module")
def shell() -> Iterator[Any]:
    """Start IPython's shell, as a notebook's kernel has it but without a kernel."""
    with warnings.catch_warnings():
        # What IPython does to itself at its start is not ours.
        warnings.simplefilter("ignore")
        from IPython.core.interactiveshell import InteractiveShell

        shell = InteractiveShell.instance()
        shell.history_manager.enabled = False
        shell.display_formatter.active_types = shell.display_formatter.format_types
        yield shell
        InteractiveShell.clear_instance()


@pytest.fixture(scope="module")
def review() -> Review:
    """Review a patch with a secret."""
    with Engine() as engine:
        return engine.review(LEAK_PATCH, analyzers=["secrets"])


def shown(shell: Any, value: object, **asked: Any) -> dict[str, Any]:
    """Ask IPython's display formatter for the forms of a value."""
    data, metadata = shell.display_formatter.format(value, **asked)
    assert metadata == {}
    made: dict[str, Any] = data
    return made


def test_values_show_themselves_as_text_and_html(shell: Any, review: Review) -> None:
    """Review, finding and ledger are a text and a fragment; JSON would hide both in JupyterLab."""
    for value in (review, review.findings[0], review.coverage):
        data = shown(shell, value)

        assert set(data) == {"text/plain", "text/html"}
        assert data["text/html"] == value._repr_html_()
        assert data["text/html"].startswith('<div class="codeflow cf-fragment"')
    assert shown(shell, review)["text/plain"] == str(review)
    assert shown(shell, review.findings[0])["text/plain"].startswith("CRITICAL secrets/")
    assert shown(shell, review.coverage)["text/plain"].startswith("coverage complete: 1 unit")


def test_forms_are_included_and_excluded(shell: Any, review: Review) -> None:
    """What `display` asks for is what it gets, JSON included."""
    asked = shown(shell, review, include=["application/json"])

    assert asked == {"application/json": review.to_json()}
    assert set(shown(shell, review, exclude=["text/html"])) == {"text/plain"}
    assert shown(shell, review.coverage, include=["application/json"]) == {
        "application/json": review.to_json()["coverage"]
    }
    assert shown(shell, review.findings[0], include=["application/json"]) == {
        "application/json": review.to_json()["findings"][0]
    }


def test_many_findings_do_not_flood_a_notebook(shell: Any, review: Review) -> None:
    """Text and HTML of a large review are bounded, and say how much there is."""
    plain = review.to_json()
    plain["findings"] = [
        {**plain["findings"][0], "fingerprint": f"{number:032x}"} for number in range(5_000)
    ]
    data = shown(shell, Review.from_json(plain))

    assert data["text/plain"].startswith("Review complete: 5000 findings")
    assert "print(review) shows all of the report" in data["text/plain"]
    assert len(data["text/plain"]) < 1_000
    assert len(data["text/html"]) < 400_000


def test_a_run_shows_its_steps_and_its_end(shell: Any) -> None:
    """A run that has ended here shows every step that is in memory, and its verdict."""
    with Engine() as engine:
        run = engine.submit("review", {"change": LEAK_PATCH, "analyzers": ["secrets"]})
        run.result()
        data = shown(shell, run)

    assert data["text/plain"] == f"<Run {run.id} review: succeeded>"
    assert "Review complete: 1 finding" in data["text/html"]
    assert ">analyze secrets</th>" in data["text/html"]
    # The engine is closed by now: nothing of this asks it for anything.
    assert shown(shell, run) == data


async def test_a_run_under_way_shows_what_it_has_done_so_far(shell: Any) -> None:
    """Showing a run neither waits for its end nor for its storage, also inside its loop."""
    async with AsyncEngine() as engine:
        run = await engine.submit("review", {"change": LEAK_PATCH, "analyzers": ["secrets"]})
        async for event in run.events():
            if event.sequence == 3:
                break
        data = shown(shell, run)
        await run.result()

    assert data["text/plain"] == f"<AsyncRun {run.id} review: running>"
    assert "cf-is-running" in data["text/html"]
    assert "Review under way" in data["text/html"]
    assert "cf-is-clean" not in data["text/html"].rpartition("</style>")[2]


async def test_a_run_of_elsewhere_says_that_its_events_are_not_at_hand(shell: Any) -> None:
    """A run that was read from the storage shows how it ended, and where its events are."""
    storage = MemoryStorage()
    async with AsyncEngine(storage=storage) as elsewhere:
        run = await elsewhere.submit("review", {"change": LEAK_PATCH, "analyzers": ["secrets"]})
        await run.result()
    async with AsyncEngine(storage=storage) as engine:
        found = await engine.run(run.id)
        data = shown(shell, found)
        table = await found.to_dataframe()

    assert found.status is RunStatus.SUCCEEDED
    assert "Review complete: 1 finding" in data["text/html"]
    assert "run.to_dataframe() reads those that are stored" in data["text/html"]
    assert table["event"].iloc[[0, -1]].tolist() == ["RunStarted", "RunFinished"]
    assert table["sequence"].tolist() == list(range(1, len(table) + 1))


def test_the_table_of_a_run_is_that_of_its_events() -> None:
    """Steps have their seconds and analyzers their findings, in both engines alike."""
    with Engine() as engine:
        run = engine.submit("review", {"change": LEAK_PATCH, "analyzers": ["secrets"]})
        run.result()
        table = run.to_dataframe()
        events = list(run.events())

    assert table["sequence"].tolist() == [event.sequence for event in events]
    assert table["at"].tolist() == [event.at for event in events]
    ended = table[table["event"] == "AnalyzerFinished"]
    assert ended[["analyzer", "findings"]].to_numpy().tolist() == [["secrets", 1]]
    assert (table.loc[table["event"] == "StepFinished", "seconds"] >= 0).all()


def test_the_tables_of_a_review_agree_with_it(git_repository: GitRepository) -> None:
    """One row per finding and per unit, with the values of the review."""
    git_repository.commit({"a.py": "A = 1\n", "b.txt": "b\n"})
    git_repository.write({"a.py": "A = 1\nbreakpoint()\n", "b.txt": "b  \nTODO\n"})
    with Engine() as engine:
        review = engine.review(git_repository.path)

    findings, units = review.to_dataframe(), review.coverage.to_dataframe()

    assert findings["fingerprint"].tolist() == [one.fingerprint for one in review.findings]
    assert findings["line"].tolist() == [one.line for one in review.findings]
    assert units["path"].tolist() == [one.path for one in review.coverage.entries]
    assert findings["severity"].max() == review.worst()


def test_without_ipython_nothing_of_it_is_loaded(tmp_path: Path) -> None:
    """Showing a value needs neither IPython nor pandas nor ipywidgets."""
    code = (
        "import sys\n"
        "for name in ('IPython', 'ipywidgets', 'pandas'): sys.modules[name] = None\n"
        "from codeflow_engine import Coverage\n"
        "print(Coverage()._repr_mimebundle_()['text/html'].partition('>')[0])"
    )
    told = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, check=True, text=True
    ).stdout

    assert told == '<div class="codeflow cf-fragment" lang="en"\n'
