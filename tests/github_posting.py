"""A pull request on a forge of our own, and what posts to it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from codeflow_engine.domain.effect import Effect, EffectKind, Receipt
from codeflow_engine.errors import CodeflowError
from codeflow_engine.providers.vcs.github import GitHub, GitHubApp, GitHubSettings
from codeflow_engine.testing.forge import FakeForge, PullRequest, Repository
from codeflow_engine.testing.forge.state import ReviewComment

__all__ = ["BASE", "HEAD", "Desk", "inline", "settle"]

BASE = {"a.py": b"".join(b"line %d\n" % n for n in range(1, 61)), "b.py": b"x = 1\n"}
HEAD = {
    "a.py": BASE["a.py"].replace(b"line 5\n", b"five\n").replace(b"line 50\n", b"fifty\nmore\n"),
    "b.py": b"x = 2\n",
}
RIGHTS = ("checks", "contents", "issues", "pull_requests", "security_events", "statuses")
BOT = "codeflow-app[bot]"


@dataclass(kw_only=True)
class Desk:
    """A pull request, and those who write to it."""

    forge: FakeForge
    repository: Repository
    number: int
    credentials: Mapping[str, Any]
    opened: list[GitHub] = field(default_factory=list)

    @classmethod
    def at(cls, forge: FakeForge) -> Desk:
        """Open a pull request."""
        repository = forge.repository("acme/shop")
        forge.add_user("ann", permission="write")
        number = repository.open_pull_request(BASE, HEAD, author="ann")
        credentials = {"token": forge.token(BOT)}
        return cls(forge=forge, repository=repository, number=number, credentials=credentials)

    def as_app(self, slug: str = "codeflow-app") -> dict[str, Any]:
        """Give the credentials of an app that may do all that we ask of one."""
        permissions = {"metadata": "read", **dict.fromkeys(RIGHTS, "write")}
        made = self.forge.app(slug, permissions=permissions, on="acme", repositories=["acme/shop"])
        return {"app": GitHubApp(app_id=made.id, private_key=made.private_key)}

    def backend(self, **over: Any) -> GitHub:
        """Make a backend, as after a restart."""
        settings = {"write_interval": 0.0, "timeout": 5.0, **over.pop("settings", {})}
        credentials = over or self.credentials
        made = GitHub(GitHubSettings(**settings), base_url=self.forge.url, **credentials)
        self.opened.append(made)
        return made

    @property
    def target(self) -> str:
        """What the pull request is called."""
        return f"acme/shop#{self.number}"

    @property
    def pull(self) -> PullRequest:
        """The pull request."""
        return self.repository.pull(self.number)

    def effect(
        self, kind: EffectKind, payload: Mapping[str, Any], name: str = "one", head: str = ""
    ) -> Effect:
        """Plan an effect; its name makes its key."""
        key = sha256(f"{kind} {name}".encode()).hexdigest()
        head = head or self.pull.head_sha
        return Effect(key=key, kind=kind, target=self.target, head=head, payload=payload)

    def review(
        self, *comments: Mapping[str, Any], body: str = "Found.", name: str = "one"
    ) -> Effect:
        """Plan a review."""
        return self.effect(EffectKind.REVIEW, {"body": body, "comments": [*comments]}, name)

    def comments(self) -> tuple[ReviewComment, ...]:
        """All comments beside the code."""
        return self.pull.review_comments

    def writes(self) -> int:
        """Count what stands: reviews and comments of all kinds."""
        return len(self.pull.reviews) + len(self.pull.comments)

    async def aclose(self) -> None:
        """Close all backends."""
        for one in self.opened:
            await one.aclose()


def inline(line: int = 5, **over: Any) -> dict[str, Any]:
    """Plan a comment beside the code."""
    return {
        "fingerprint": f"f{line}",
        "path": "a.py",
        "side": "new",
        "line": line,
        "end_line": over.get("end_line", line),
        "severity": "high",
        "body": f"About line {line}.",
        "suggestion": None,
        **over,
    }


async def settle(backend: GitHub, effects: Iterable[Effect], *, tries: int = 12) -> list[Receipt]:
    """See to it that effects stand, as the outbox does: look, write, and look again."""
    receipts = []
    for effect in effects:
        for left in reversed(range(tries)):
            try:
                found = await backend.find_effects([effect])
                receipts.append(found[0] if found else await backend.deliver(effect))
                break
            except CodeflowError as error:
                if not error.retryable or not left:
                    raise
    return receipts
