"""The conversation of an issue or a pull request, in the order in which it was held."""

from __future__ import annotations

from codeflow_engine.reports.html.markup import Content, Markup, element, visible
from codeflow_engine.testing.forge.checks import CheckRun, CommitStatus
from codeflow_engine.testing.forge.pages.code import thread
from codeflow_engine.testing.forge.pages.links import link, place
from codeflow_engine.testing.forge.pages.parts import badge, by, reactions, section, source
from codeflow_engine.testing.forge.pages.prose import prose
from codeflow_engine.testing.forge.repository import Repository
from codeflow_engine.testing.forge.state import (
    Comment,
    Issue,
    PullRequest,
    Review,
    ReviewState,
)

__all__ = ["checks", "conclusion", "conversation", "facts", "run_place", "standing"]

_VERBS = {
    ReviewState.APPROVED: "approved",
    ReviewState.CHANGES_REQUESTED: "asked for changes",
    ReviewState.COMMENTED: "reviewed",
    ReviewState.DISMISSED: "reviewed, and was dismissed,",
    ReviewState.PENDING: "began a review, which nobody else sees,",
}
_GOOD = frozenset({"success", "neutral", "skipped"})


def standing(one: Issue) -> Markup:
    """Show the state of an issue or a pull request."""
    merged = isinstance(one, PullRequest) and one.merged_at is not None
    marks = [badge("merged" if merged else one.state, "merged" if merged else one.state)]
    if isinstance(one, PullRequest) and one.draft:
        marks.append(badge("draft"))
    if one.locked:
        marks.append(badge("locked"))
    return element("span", marks)


def facts(one: Issue) -> Markup:
    """Show state, author and labels."""
    labels = [badge(each.name, "label") for each in one.labels]
    told: Content = None
    if isinstance(one, PullRequest):
        head = one.head_repository.full_name if one.head_repository else "a fork that was deleted"
        told = element(
            "p",
            element("code", visible(f"{head}:{one.head_ref}")),
            f" at {one.head_sha[:12]} into ",
            element("code", visible(one.base_ref)),
        )
    return element("div", standing(one), labels, by(one.user, one.created_at, "opened"), told)


def conversation(one: Issue) -> Markup:
    """Show the description, and all that was said after it."""
    told: list[tuple[float, Markup]] = [(each.created_at, _comment(each)) for each in one.comments]
    if isinstance(one, PullRequest):
        told += [(each.created_at, _review(one, each)) for each in one.reviews]
    told.sort(key=lambda each: each[0])
    body = one.body or ""
    first = element("article", prose(body), source(body), class_="said description")
    return element("div", first, [each for _, each in told], class_="talk")


def _comment(one: Comment) -> Markup:
    return element(
        "article",
        by(one.user, one.created_at),
        badge("edited") if one.updated_at > one.created_at else None,
        prose(one.body),
        reactions(one.reactions),
        source(one.body),
        class_="said",
        id=f"issuecomment-{one.id}",
    )


def _review(pull: PullRequest, one: Review) -> Markup:
    begun = [each for each in pull.threads if each.comments[0].review_id == one.id]
    return element(
        "article",
        by(one.user, one.created_at, _VERBS[one.state]),
        badge(one.state.value.replace("_", " ").lower(), one.state.value.lower()),
        [prose(one.body), source(one.body)] if one.body else None,
        [thread(pull, each) for each in begun],
        class_="said review",
        id=f"pullrequestreview-{one.id}",
    )


def run_place(repository: Repository, run: CheckRun) -> str:
    """Give the page of a check run."""
    return place(repository.owner.login, repository.name, "runs", run.id)


def conclusion(one: CheckRun | CommitStatus) -> Markup:
    """Show how a check ended, or how far it is."""
    told = one.state if isinstance(one, CommitStatus) else one.conclusion or one.status
    kind = "good" if told in _GOOD else "bad" if told in _BAD else "open"
    return badge(told.replace("_", " "), kind)


_BAD = frozenset({"failure", "error", "cancelled", "timed_out", "action_required"})


def checks(repository: Repository, sha: str) -> Markup:
    """Show the checks and statuses of a commit."""
    runs = repository.checks.of_commit(sha)
    statuses = repository.checks.latest(sha)
    items = [
        element(
            "li",
            conclusion(run),
            " ",
            link(run_place(repository, run), visible(run.name)),
            " ",
            visible(run.title or ""),
            badge(f"{len(run.annotations)} annotations") if run.annotations else None,
        )
        for run in runs
    ]
    items += [
        element(
            "li", conclusion(each), " ", visible(each.context), " ", visible(each.description or "")
        )
        for each in statuses
    ]
    listed = element("ul", items) if items else element("p", "No checks.", class_="by")
    return section("Checks", listed, number=len(items))
