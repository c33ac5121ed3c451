"""Many pushes to one pull request: each finding is told once, mended ones are resolved (G28, G31).

Each push is reviewed by an engine of its own and a model that says the same in other words each
time. People answer in the threads on the way. The forge enforces the rules of GitHub.
"""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest

from codeflow_engine import AsyncEngine
from codeflow_engine.domain.coverage import Outcome
from codeflow_engine.domain.publishing import Published
from codeflow_engine.providers.vcs.github import GitHub, GitHubSettings
from codeflow_engine.testing.examples import ExampleFile
from codeflow_engine.testing.fakes import FakeLLM, Reviewer
from codeflow_engine.testing.forge import FakeForge, PullRequest, ReviewThread

NAME = "acme/shop"
BOT = "codeflow[bot]"
RIGHTS = dict.fromkeys(("checks", "contents", "issues", "pull_requests", "statuses"), "write")
NOUNS = ("order", "parcel", "refund", "voucher", "customer", "invoice", "shelf", "courier")
VERBS = ("price", "pack", "weigh", "book", "ship", "audit", "close", "split")
FILES, FUNCTIONS = 4, len(NOUNS)

type Spot = tuple[int, int]
"""A function of a file."""

RESOLVE = "mutation($id: ID!) { resolveReviewThread(input: {threadId: $id}) { thread { id } } }"
THREADS = """query { repository(owner: "acme", name: "shop") { pullRequest(number: 1) {
  reviewThreads(first: 100) { nodes { id comments(first: 1) { nodes { databaseId } } } } } } }"""


@dataclass
class Code:
    """What the branch holds: in some functions something is wrong."""

    wrong: set[Spot] = field(default_factory=set)
    lines_above: int = 0
    number: int = 0
    """Of the push: each one changes a line of every function."""

    def tree(self, *, base: bool = False) -> dict[str, ExampleFile]:
        return {path(at): ExampleFile.of(self._text(at, base=base)) for at in range(FILES)}

    def _text(self, at: int, *, base: bool) -> str:
        above = 0 if base else self.lines_above
        head = "".join(f"LIMIT_{number} = {number}\n" for number in range(above))
        return head + "".join(
            self._function((at, number), base=base) for number in range(FUNCTIONS)
        )

    def _function(self, spot: Spot, *, base: bool) -> str:
        at, number = spot
        noun, verb = NOUNS[number], VERBS[(number + at) % len(VERBS)]
        call = "eval" if spot in self.wrong and not base else "charge"
        push = 0 if base else self.number
        return (
            f"def {verb}_{noun}_{at}_{number}({noun}, store):\n"
            f"    log_{verb}({noun}, {push})\n"
            f"    {noun}_{at} = {call}({noun}.{verb}_rule, store.{noun}s)\n"
            f"    return store.{verb}({noun}_{at})\n\n\n"
        )

    def spot(self, where: str, line: int) -> Spot:
        """Find the function that a line of a file is in."""
        at = next(at for at in range(FILES) if path(at) == where)
        lines = self._text(at, base=False).splitlines()[:line]
        head = [one for one in lines if one.startswith("def ")][-1]
        return at, int(head.split("(")[0].rpartition("_")[2])


def path(at: int) -> str:
    """Name a file."""
    return f"shop/part_{at}.py"


@dataclass
class Round:
    """What a push has brought."""

    number: int
    wrong: int
    comments: int
    resolved: int
    edits: int
    reviews: int
    duplicates: int
    returned: int

    TITLES = ("push", "wrong", "new comments", "resolved", "summary edits", "reviews")
    TITLES += ("duplicates", "returned")

    def row(self) -> str:
        told = (self.number, self.wrong, self.comments, self.resolved, self.edits, self.reviews)
        told += (self.duplicates, self.returned)
        return " ".join(
            f"{one:>{len(title)}}" for one, title in zip(told, self.TITLES, strict=True)
        )


class Story:
    """A pull request, and what becomes of it."""

    def __init__(self, forge: FakeForge, place: Path, *, kept: bool) -> None:
        self.forge = forge
        self.repository = forge.repository(NAME)
        self.place = place
        self.kept = kept
        self.code = Code()
        self.told: dict[int, Spot] = {}
        """What each comment of ours is about, by its id."""
        self.dismissed: set[Spot] = set()
        self.rounds: list[Round] = []
        app = forge.app("codeflow", permissions=RIGHTS, on="acme")
        self.token = forge.tokens.of_job(app, NAME)
        forge.add_user("ann", permission="write")
        self.ann = forge.token("ann")

    @property
    def pull(self) -> PullRequest:
        return self.repository.pull(1)

    @property
    def ours(self) -> list[ReviewThread]:
        return [one for one in self.pull.threads if one.comments[0].user.login == BOT]

    @property
    def summaries(self) -> list[str]:
        return [one.body for one in self.pull.comments if one.user.login == BOT]

    def push(self) -> None:
        self.code.number += 1
        if self.code.number == 1:
            self.repository.open_pull_request(self.code.tree(base=True), self.code.tree())
        else:
            self.repository.push(1, self.code.tree())

    async def publish(self) -> Published:
        """Review and publish, in a process that knows nothing but its storage and the forge."""
        number = self.code.number
        url = f"sqlite:///{self.place / ('all.db' if self.kept else f'{number}.db')}"
        vcs = GitHub(GitHubSettings(token=self.token, base_url=self.forge.url, write_interval=0))
        llm = FakeLLM(Reviewer({"eval": r"\beval\("}, seed=number))
        async with AsyncEngine(vcs=vcs, storage=url, llm=llm, analyzers=[]) as engine:
            run = await engine.submit("publish", {"change": f"{NAME}#1"})
            published: Published = await run.result()
        await vcs.aclose()
        assert llm.requests
        return published

    async def go_on(self, new: set[Spot]) -> Round:
        """Push, publish, and compare what stands with what should."""
        first = not self.repository.pulls
        before = [] if first else self.summaries
        standing = set() if first else {one.id for one in self.ours if one.is_resolved}
        self.push()
        published = await self.publish()
        assert published.review.outcome is Outcome.REVIEWED
        fresh = [one.comments[0] for one in self.ours if one.comments[0].id not in self.told]
        for comment in fresh:
            assert comment.original_line is not None
            self.told[comment.id] = self.code.spot(comment.path, comment.original_line)
        found = [self.told[one.id] for one in fresh]
        spots = list(self.told.values())
        reviews = [one for one in self.pull.reviews if one.commit_id == self.pull.head_sha]
        made = Round(
            number=self.code.number,
            wrong=len(self.code.wrong),
            comments=len(fresh),
            resolved=len({one.id for one in self.ours if one.is_resolved} - standing),
            edits=int(bool(before) and before != self.summaries),
            reviews=len(reviews),
            duplicates=len(spots) - len(set(spots)),
            returned=len(self.dismissed & set(found)),
        )
        self.rounds.append(made)
        assert set(found) == new, made
        assert len(self.summaries) == 1
        assert self.pull.head_sha[:12] in self.summaries[0]
        assert len(reviews) <= 1
        assert not self.pull.pending
        self._check_threads()
        return made

    def _check_threads(self) -> None:
        """What is mended is resolved; what is wrong stands open, unless somebody dismissed it."""
        for thread in self.ours:
            spot = self.told[thread.comments[0].id]
            if spot not in self.code.wrong:
                assert thread.is_resolved, spot
            elif spot not in self.dismissed:
                assert not thread.is_resolved, spot

    def dismiss(self, way: str) -> None:
        """Let somebody with write access say that a finding is none."""
        thread = next(
            one
            for one in self.ours
            if not one.is_resolved
            and self.told[one.comments[0].id] in self.code.wrong - self.dismissed
        )
        comment = thread.comments[0].id
        self.dismissed.add(self.told[comment])
        root = f"{self.forge.url}/repos/{NAME}/pulls"
        if way == "reply":
            self._ask(f"{root}/1/comments/{comment}/replies", {"body": "False positive: tested."})
        elif way == "reaction":
            self._ask(f"{root}/comments/{comment}/reactions", {"content": "-1"})
        else:
            found = self._ask(self.forge.graphql_url, {"query": THREADS})
            pull = found["data"]["repository"]["pullRequest"]
            (node,) = (
                one["id"]
                for one in pull["reviewThreads"]["nodes"]
                if one["comments"]["nodes"][0]["databaseId"] == comment
            )
            self._ask(self.forge.graphql_url, {"query": RESOLVE, "variables": {"id": node}})

    def _ask(self, url: str, body: dict[str, Any]) -> Any:
        request = Request(url, json.dumps(body).encode(), method="POST")  # noqa: S310 - loopback
        request.add_header("Authorization", f"Bearer {self.ann}")
        with urlopen(request) as answer:  # noqa: S310 - the same
            told = json.load(answer)
        assert "errors" not in told, told
        return told


@pytest.fixture
def forge() -> Iterator[FakeForge]:
    """Serve a forge."""
    with FakeForge() as forge:
        yield forge


@pytest.mark.parametrize(
    ("kept", "pushes"),
    [
        (True, 6),
        pytest.param(True, 16, marks=pytest.mark.fault),
        pytest.param(False, 16, marks=pytest.mark.fault),
    ],
)
async def test_g28_g31_pushes_repeat_nothing_and_resolve_what_is_mended(
    forge: FakeForge,
    tmp_path: Path,
    *,
    kept: bool,
    pushes: int,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """One comment for each finding in all pushes, one review and one summary for each head."""
    story = Story(forge, tmp_path, kept=kept)
    chance = random.Random(pushes)  # noqa: S311 - places of a test
    spots = [(at, number) for at in range(FILES) for number in range(FUNCTIONS)]
    chance.shuffle(spots)
    ways = {2: "reply", 3: "reaction", 4: "resolve", 8: "reply", 10: "resolve"}
    for number in range(1, pushes + 1):
        new = {spots.pop() for _ in range(5 if number == 1 else chance.randint(0, 2))}
        mended = sorted(story.code.wrong - story.dismissed)
        gone = {chance.choice(mended)} if number > 1 and mended else set()
        story.code.wrong = (story.code.wrong | new) - gone
        story.code.lines_above += chance.randint(0, 3)
        made = await story.go_on(new)
        assert made.resolved >= len(gone)
        if number in ways:
            story.dismiss(ways[number])
    if pushes > 6:
        with capsys.disabled():
            sys.stdout.write("\n" + " ".join(Round.TITLES) + "\n")
            sys.stdout.writelines(f"{one.row()}\n" for one in story.rounds)
    assert sum(one.duplicates for one in story.rounds) == 0
    assert sum(one.returned for one in story.rounds) == 0
    assert sum(one.resolved for one in story.rounds) > 0
    assert story.dismissed
