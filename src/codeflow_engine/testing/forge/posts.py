"""What stands under a pull request or an issue, as tests ask for it."""

from __future__ import annotations

from dataclasses import dataclass

from codeflow_engine.testing.forge.state import (
    Comment,
    Issue,
    PullRequest,
    Review,
    ReviewComment,
)

__all__ = ["Posts"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Posts:
    """What stands under a pull request or an issue, by age; without what is pending."""

    comments: tuple[Comment, ...]
    reviews: tuple[Review, ...]
    review_comments: tuple[ReviewComment, ...]
    labels: tuple[str, ...]

    @classmethod
    def of(cls, issue: Issue, by: str | None = None) -> Posts:
        """Take what stands, of one author where `by` is given."""

        def wanted(one: Comment | Review | ReviewComment) -> bool:
            return by is None or one.user.login == by

        pull = issue if isinstance(issue, PullRequest) else None
        pending = frozenset[int]() if pull is None else pull.pending
        return cls(
            comments=tuple(filter(wanted, issue.comments)),
            reviews=tuple(
                one
                for one in ([] if pull is None else pull.reviews)
                if wanted(one) and one.id not in pending
            ),
            review_comments=tuple(
                one
                for one in (() if pull is None else pull.review_comments)
                if wanted(one) and one.review_id not in pending
            ),
            labels=issue.label_names,
        )
