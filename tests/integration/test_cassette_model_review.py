"""A review with models, from one cassette: offline, byte for byte, and without a model."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from codeflow_engine import AsyncEngine, Review
from codeflow_engine.testing.fakes import FakeLLM, Reviewer
from git_repository import GitRepository

TOKEN = "ghp_" + "Zx8vQ2kLmN4pRs7tUw1yAb3cDe5fGh6JkMn9"


async def test_a_review_by_models_is_played_back_without_them(tmp_path: Path) -> None:
    """All that models said, what it did cost, and that they were asked, from the file alone."""
    place = tmp_path / "shop"
    place.mkdir()
    repository = GitRepository(place)
    repository.git("init", "--quiet", "--initial-branch=main")
    repository.commit({"README": "shop\n"})
    repository.commit(
        {"till.py": f'KEY = "{TOKEN}"\n\n\ndef run(given):\n    return eval(given)\n'}
    )
    llm = FakeLLM(Reviewer({"eval": r"\beval\("}, edits={"eval": "int("}))
    cassette = tmp_path / "run.cassette"

    async with AsyncEngine(llm=llm, record=cassette) as engine:
        recorded = await engine.review(place, head="HEAD")
    shutil.rmtree(place)
    silent = FakeLLM()
    async with AsyncEngine(llm=silent, replay=cassette) as engine:
        replayed = await engine.review(place, head="HEAD")

    assert told(replayed) == told(recorded)
    assert recorded.outcome.value == "reviewed"
    (finding,) = [one for one in recorded.findings if "model" in one.sources]
    assert finding.suggestion is not None
    assert finding.suggestion.verified
    assert len(llm.requests) == recorded.usage.calls > 0
    assert silent.requests == []
    assert TOKEN not in cassette.read_text("utf-8")


def told(review: Review) -> str:
    return json.dumps(review.to_json(), sort_keys=True)
