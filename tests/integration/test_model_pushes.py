"""What later pushes cost: models are asked about what changed, and about nothing twice.

Each push is reviewed by an engine of its own on one database, so that all that is known of
the pushes before is what was stored. The model counts what it is asked.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from codeflow_engine import AsyncEngine, Review
from codeflow_engine.domain.coverage import UnitState
from codeflow_engine.domain.finding import FindingState
from codeflow_engine.domain.review import Outcome
from codeflow_engine.testing.fakes import FakeLLM, Reviewer
from git_repository import GitRepository

FUNCTIONS = 40
CALLS = (5, 15, 25, 35)
"""Functions of a file in which the change does something; what it does in the first is wrong."""


@dataclass(frozen=True)
class Paid:
    """One review, and what it has cost."""

    review: Review
    calls: int
    tokens: int

    @property
    def states(self) -> list[tuple[str, FindingState]]:
        return sorted((one.path, one.state) for one in self.review.findings)

    @property
    def fingerprints(self) -> set[str]:
        return {one.fingerprint for one in self.review.findings}


@dataclass
class Branch:
    """A branch `work` of a repository, whose pushes are reviewed against `main`."""

    repository: GitRepository
    place: Path

    @property
    def url(self) -> str:
        return f"sqlite:///{self.place / 'codeflow.db'}"

    def open(self, files: int) -> list[str]:
        """Make a base of so many files, and a branch that changes all of them."""
        names = [f"pkg_{at // 10}/part_{at}.py" for at in range(files)]
        self.repository.commit({name: source(name) for name in names})
        self.repository.git("switch", "--quiet", "--create", "work")
        self.repository.commit({name: changed(source(name)) for name in names})
        return names

    def edit(self, name: str, old: str, new: str) -> None:
        """Push a commit that writes something else in a file, once."""
        text = (self.repository.path / name).read_text("utf-8")
        assert old in text
        self.repository.commit({name: text.replace(old, new, 1)})

    def move_base(self, files: dict[str, str]) -> None:
        """Let the base go on, and rebase the branch onto it."""
        self.repository.git("switch", "--quiet", "main")
        self.repository.commit(files)
        self.repository.git("switch", "--quiet", "work")
        self.repository.git("rebase", "--quiet", "main")

    async def review(self, seed: int = 0) -> Paid:
        llm = FakeLLM(Reviewer({"eval-of-order": r"\beval\("}, seed=seed))
        async with AsyncEngine(llm=llm, storage=self.url, analyzers=[]) as engine:
            found = await engine.review(self.repository.path, base="main", head="work")
        assert found.outcome is Outcome.REVIEWED
        assert {entry.state for entry in found.coverage.entries} == {UnitState.REVIEWED}
        assert found.usage.calls == len(llm.requests)
        tokens = found.usage.input_tokens + found.usage.output_tokens
        return Paid(review=found, calls=len(llm.requests), tokens=tokens)


def source(name: str) -> str:
    """Write functions whose heads no hunk shows: changes are further down."""
    stem = Path(name).stem
    return "".join(
        f"def {stem}_{at}(order, stock):\n"
        f"    log(order, {at})\n"
        f"    check(stock)\n"
        f"    hold(order)\n"
        f"    total = order.price_{at} * stock.count_{at}\n"
        f"    return {stem}.step(order, total, {at})\n\n\n"
        for at in range(FUNCTIONS)
    )


def changed(text: str) -> str:
    """Change a file at several places."""
    for at in CALLS:
        name = "eval" if at == CALLS[0] else "charge"
        text = text.replace(f"order.price_{at} *", f"{name}(order.price_{at}) +")
        text = text.replace(f"order, total, {at})", f"order, total - {at}, stock.left_{at})")
    return text


@pytest.fixture
def branch(git_repository: GitRepository, tmp_path: Path) -> Branch:
    return Branch(git_repository, tmp_path)


@pytest.mark.parametrize(
    ("files", "part"), [(50, 0.10), pytest.param(1000, 0.01, marks=pytest.mark.fault)]
)
async def test_a_push_of_one_line_costs_a_small_part(
    branch: Branch, files: int, part: float
) -> None:
    """At most 10 % of the tokens of the first review for 50 files, and 1 % for 1,000."""
    names = branch.open(files)
    first = await branch.review()
    branch.edit(names[files // 2], "charge(order.price_25)", "charge(order.rebate_25)")

    push = await branch.review()

    assert first.calls > 1 / part
    assert 1 <= push.calls <= 2
    assert 0 < push.tokens <= part * first.tokens
    assert push.fingerprints == first.fingerprints
    assert push.states == [(name, FindingState.OPEN) for name in sorted(names)]


async def test_what_is_reviewed_again_costs_nothing(branch: Branch) -> None:
    """The same change in a new process: all answers are there."""
    branch.open(12)
    first = await branch.review()

    again = await branch.review(seed=1)

    assert first.calls > 1
    assert (again.calls, again.tokens) == (0, 0)
    assert again.fingerprints == first.fingerprints


async def test_a_rebase_with_the_same_content_costs_nothing(branch: Branch) -> None:
    """The base goes on: lines of the same files move, and other files come, change and go."""
    names = branch.open(12)
    first = await branch.review()
    header = "import this\n\nLIMIT = 3\n\n\n"
    tail = "\n\ndef closing(order):\n    return order\n"
    moved = {name: f"{header}{source(name)}{tail}" for name in names}

    branch.move_base({**moved, "pkg_0/part_0a.py": "upstream = 1\n", "README.md": "A shop.\n"})
    rebased = await branch.review()

    lines = {one.path: one.line for one in first.review.findings}
    assert {one.path: (one.line or 0) - 5 for one in rebased.review.findings} == lines
    assert (rebased.calls, rebased.tokens) == (0, 0)
    assert rebased.fingerprints == first.fingerprints
    assert rebased.states == [(name, FindingState.OPEN) for name in sorted(names)]


async def test_a_rebase_asks_about_functions_that_the_base_changed(branch: Branch) -> None:
    """What surrounds a hunk is shown with it: where that is another, the answer may be, too."""
    names = branch.open(12)
    first = await branch.review()
    touched = source(names[3]).replace(
        "def part_3_5(order, stock):", "def part_3_5(order, stock, *, rate=1):"
    )

    branch.move_base({names[3]: touched})
    rebased = await branch.review()

    assert first.calls > 2
    assert rebased.calls == 1
    assert rebased.fingerprints == first.fingerprints


async def test_a_force_push_with_the_same_content_costs_nothing(branch: Branch) -> None:
    """Commits are made anew, in other words and in another number."""
    names = branch.open(12)
    first = await branch.review()
    branch.repository.git("reset", "--quiet", "--soft", "main")
    texts = {name: (branch.repository.path / name).read_text("utf-8") for name in names}
    branch.repository.git("reset", "--quiet", "--hard", "main")
    for name in reversed(names):
        branch.repository.commit({name: texts[name]}, message=f"Rework {name}")

    pushed = await branch.review()

    assert (pushed.calls, pushed.tokens) == (0, 0)
    assert pushed.fingerprints == first.fingerprints


async def test_a_renamed_file_is_paid_for_with_its_chunk_alone(branch: Branch) -> None:
    """A model is shown the name, so it is asked again; the finding stays the same one."""
    names = branch.open(40)
    first = await branch.review()
    branch.repository.git("mv", names[7], "pkg_0/renamed.py")
    branch.repository.commit({})

    push = await branch.review()

    assert 1 <= push.calls <= 4
    assert push.tokens <= 0.25 * first.tokens
    assert push.fingerprints == first.fingerprints
    assert ("pkg_0/renamed.py", FindingState.OPEN) in push.states


async def test_a_reverted_push_costs_nothing(branch: Branch) -> None:
    """What the push brought is resolved, and answers from before it are still known."""
    names = branch.open(12)
    first = await branch.review()
    branch.edit(names[4], "charge(order.price_15)", "eval(order.price_15)")
    worse = await branch.review()
    branch.repository.git("revert", "--no-edit", "HEAD")

    reverted = await branch.review()

    (new,) = worse.fingerprints - first.fingerprints
    assert worse.calls == 1
    assert reverted.calls == 0
    states = {one.fingerprint: one.state for one in reverted.review.findings}
    assert states.pop(new) is FindingState.RESOLVED
    assert states == dict.fromkeys(first.fingerprints, FindingState.OPEN)


async def test_resolved_findings_are_marked_and_dismissed_ones_stay_away(branch: Branch) -> None:
    """Mending one, dismissing another, and pushing next to both."""
    names = branch.open(12)
    first = await branch.review()
    by_path = {one.path: one.fingerprint for one in first.review.findings}
    mended, wanted = names[2], names[9]
    async with AsyncEngine(storage=branch.url) as engine:
        await engine.dismiss(by_path[wanted], reason="wanted", author="ann", scope="change")
    branch.edit(mended, "eval(order.price_5)", "order.price_5")
    branch.edit(wanted, "eval(order.price_5) +", "eval(order.price_5) * 2 +")

    push = await branch.review(seed=1)
    last = await branch.review(seed=2)

    expected = dict.fromkeys(names, FindingState.OPEN)
    expected[mended], expected[wanted] = FindingState.RESOLVED, FindingState.DISMISSED
    assert push.states == sorted(expected.items())
    assert push.fingerprints == first.fingerprints
    del expected[mended]
    assert last.states == sorted(expected.items())
    assert last.calls == 0
