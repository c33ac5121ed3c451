"""Findings known again by engines on one database, over pushes to a branch."""

from __future__ import annotations

from pathlib import Path

import pytest

from codeflow_engine import Engine, Review
from codeflow_engine.domain.finding import FindingState
from git_repository import GitRepository

FILLER = "".join(f"step_{number}(order)\n" for number in range(20))
WORK = FILLER.replace("step_9(order)\n", "step_9(order)\nbreakpoint()  # hold\n").replace(
    "step_15(order)\n", "step_15(order)\nbreakpoint()  # stop\n"
)


def states(review: Review) -> list[tuple[str, FindingState]]:
    return sorted((one.fingerprint, one.state) for one in review.findings)


@pytest.mark.parametrize("pushes", [3, pytest.param(16, marks=pytest.mark.fault)])
def test_a_dismissed_finding_comes_back_in_none_of_some_pushes(
    git_repository: GitRepository, tmp_path: Path, pushes: int
) -> None:
    """Pushes that shift, edit, rename and rebase, each reviewed by an engine of its own."""
    url = f"sqlite:///{tmp_path / 'codeflow.db'}"

    def review() -> Review:
        with Engine(storage=url, analyzers=["hygiene"]) as engine:
            return engine.review(git_repository.path, base="main", head="work")

    git_repository.commit({"a.py": FILLER})
    git_repository.git("switch", "--quiet", "--create", "work")
    git_repository.commit({"a.py": WORK})
    held, left = states(review())
    assert held[1] == left[1] == FindingState.NEW
    with Engine(storage=url) as engine:
        engine.dismiss(held[0], reason="wanted here", author="ann", scope="change")
    path = "a.py"
    for number in range(pushes):
        text = (git_repository.path / path).read_text()
        if number % 4 == 0:
            text = f"# push {number}\n" + text
        elif number % 4 == 1:
            text = text.replace("step_8", f"step_8_{number}").replace("# hold", "# hold on")
        elif number % 4 == 2:
            git_repository.git("mv", path, f"b{number}.py")
            path = f"b{number}.py"
        else:
            git_repository.git("switch", "--quiet", "main")
            git_repository.commit({"other.py": f"upstream = {number}\n"})
            git_repository.git("switch", "--quiet", "work")
            git_repository.git("rebase", "--quiet", "main")
        git_repository.commit({path: text})
        expected = [(held[0], FindingState.DISMISSED), (left[0], FindingState.OPEN)]
        assert states(review()) == sorted(expected)
    git_repository.commit({path: text.replace("breakpoint()", "pass")})
    assert states(review()) == [(left[0], FindingState.RESOLVED)]
    assert states(review()) == []
