"""What one account sees of the forge, and may do there, by GraphQL."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from codeflow_engine.testing.forge.auth import Credential, Kind
from codeflow_engine.testing.forge.documents.people import node_id
from codeflow_engine.testing.forge.graphql.schema import Stop, Typed
from codeflow_engine.testing.forge.refusal import Refusal
from codeflow_engine.testing.forge.state import (
    ROLES,
    PullRequest,
    Review,
    ReviewComment,
    ReviewState,
    ReviewThread,
    User,
)

if TYPE_CHECKING:
    from codeflow_engine.testing.forge.exchange import Exchange
    from codeflow_engine.testing.forge.repository import Repository
    from codeflow_engine.testing.forge.server import FakeForge

__all__ = ["Viewing"]


class Viewing:
    """One request's look at what the forge keeps."""

    def __init__(self, asked: Exchange) -> None:
        self.asked = asked
        self.forge: FakeForge = asked.forge
        self.credential: Credential = asked.credential

    @property
    def viewer(self) -> User:
        """The account that asks."""
        return self.asked.user

    # Things

    def repository(self, _: Any, given: Mapping[str, Any]) -> Repository:
        """Find a repository by owner and name."""
        name = f"{given['owner']}/{given['name']}"
        found = self.forge.find_repository(name)
        if found is None or self.asked.role(found) == "none":
            raise Stop("NOT_FOUND", f"Could not resolve to a Repository with the name '{name}'.")
        return found

    def pull(self, source: Repository, given: Mapping[str, Any]) -> PullRequest:
        """Find a pull request by its number."""
        self.permit(source, "pull_requests", "read")
        try:
            return source.pull(given["number"])
        except KeyError:
            raise Stop(
                "NOT_FOUND",
                f"Could not resolve to a PullRequest with the number of {given['number']}.",
            ) from None

    def node(self, _: Any, given: Mapping[str, Any]) -> Typed:
        """Find an object by its global id."""
        wanted = given["id"]
        for repository in self.forge.repositories:
            if self.asked.role(repository) == "none":
                continue
            if node_id("R", repository.id) == wanted:
                return Typed("Repository", repository)
            for pull in repository.pulls:
                found = self._inside(pull, wanted)
                if found is not None:
                    return found
        raise Stop("NOT_FOUND", f"Could not resolve to a node with the global id of '{wanted}'")

    def _inside(self, pull: PullRequest, wanted: str) -> Typed | None:
        if node_id("PR", pull.id) == wanted:
            return Typed("PullRequest", pull)
        for thread in pull.threads:
            if node_id("PRRT", thread.id) == wanted:
                return Typed("PullRequestReviewThread", (pull, thread))
        for one in pull.review_comments:
            if node_id("PRRC", one.id) == wanted:
                return Typed("PullRequestReviewComment", (pull, one))
        for review in pull.reviews:
            if node_id("PRR", review.id) == wanted:
                return Typed("PullRequestReview", (pull, review))
        for comment in pull.comments:
            if node_id("IC", comment.id) == wanted:
                return Typed("IssueComment", (pull, comment))
        return None

    def find(self, kind: str, wanted: str) -> Any:
        """Find an object of a type by its global id, for a mutation."""
        found = self.node(None, {"id": wanted})
        if found.type != kind:
            raise Stop(
                "NOT_FOUND", f"Could not resolve to {kind} node with the global id of '{wanted}'."
            )
        return found.value

    # People

    def actor(self, account: User | None) -> dict[str, Any] | None:
        """Give an account as an `Actor`: a bot has its own type, and no `[bot]`."""
        if account is None:
            return None
        kind = {"Bot": "Bot", "Organization": "Organization"}.get(account.kind, "User")
        login = account.login.removesuffix("[bot]") if kind == "Bot" else account.login
        prefix = {"Bot": "BOT", "Organization": "O"}.get(kind, "U")
        place = f"/apps/{login}" if kind == "Bot" else f"/{login}"
        return {
            "__typename": kind,
            "id": node_id(prefix, account.id),
            "databaseId": account.id,
            "login": login,
            "name": None,
            "url": self.forge.web_url + place,
            "resourcePath": place,
            "avatarUrl": f"{self.forge.web_url}/avatars/u/{account.id}?v=4",
        }

    def person(self, account: User | None) -> dict[str, Any] | None:
        """Give an account where only a `User` can stand, under its whole login."""
        told = self.actor(account)
        if told is None or account is None:
            return None
        return {**told, "__typename": "User", "login": account.login}

    def is_viewer(self, account: User) -> bool:
        """Tell whether an account is who asks."""
        return account.login == self.credential.login

    # Talk

    def reviews(self, pull: PullRequest) -> list[tuple[PullRequest, Review]]:
        """List reviews; a pending one is seen by its author alone."""
        return [
            (pull, one)
            for one in pull.reviews
            if one.state is not ReviewState.PENDING or self.is_viewer(one.user)
        ]

    def threads(self, pull: PullRequest) -> list[tuple[PullRequest, ReviewThread]]:
        """List the threads of which there is something to see."""
        return [(pull, one) for one in pull.threads if self.visible(pull, one)]

    def visible(self, pull: PullRequest, thread: ReviewThread) -> list[ReviewComment]:
        """List the comments of a thread, without those of others' pending reviews."""
        return [
            one
            for one in thread.comments
            if one.review_id not in pull.pending or self.is_viewer(one.user)
        ]

    def review_of(
        self, source: tuple[PullRequest, ReviewComment]
    ) -> tuple[PullRequest, Review] | None:
        """Find the review that a comment belongs to."""
        pull, comment = source
        found = [one for one in pull.reviews if one.id == comment.review_id]
        return (pull, found[0]) if found else None

    def replied_to(
        self, source: tuple[PullRequest, ReviewComment]
    ) -> tuple[PullRequest, ReviewComment] | None:
        """Find the comment that another one answers."""
        pull, comment = source
        found = [one for one in pull.review_comments if one.id == comment.in_reply_to]
        return (pull, found[0]) if found else None

    def page(self, issue: Any) -> str:
        """Give the address of a pull request's page."""
        return f"{self.forge.web_url}/{issue.repository.full_name}/pull/{issue.number}"

    # Rights

    def may_resolve(self, pull: PullRequest) -> bool:
        """Tell whether the account may resolve threads of a pull request.

        Source: "Commenting on a pull request", section "Resolving conversations",
        /pull-requests/collaborating-with-pull-requests/reviewing-changes-in-pull-requests/
        commenting-on-a-pull-request: who opened it, and who may write in the repository.
        """
        if self.credential.kind is Kind.ANONYMOUS or pull.repository.archived:
            return False
        role = self.asked.role(pull.repository)
        return self.is_viewer(pull.user) or ROLES.index(role) >= ROLES.index("write")

    def permit(self, repository: Repository, permission: str, level: str) -> None:
        """Hold a narrowed token to its permissions.

        Raises:
            Stop: It lacks this one.
        """
        try:
            self.asked.permit(repository, permission, level)
        except Refusal as refusal:
            raise Stop("FORBIDDEN", refusal.message) from None
