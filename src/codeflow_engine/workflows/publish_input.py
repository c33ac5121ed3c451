"""What somebody asks to have reviewed and published."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

from codeflow_engine.domain.change import ChangeRequest
from codeflow_engine.domain.encoding import from_plain, to_plain
from codeflow_engine.domain.publishing import PublishPolicy
from codeflow_engine.errors import ConfigurationError, SerializationError
from codeflow_engine.workflows.review_input import ReviewInput

__all__ = ["PublishInput"]

_OWN: Final = frozenset({"policy", "approval", "patience"})


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishInput:
    """The input of the workflow `publish`."""

    review: ReviewInput
    """What is reviewed, and how; the change is one that stands on the host."""

    policy: PublishPolicy | None = None
    """What of it is published; None leaves it to the settings."""

    approval: bool = False
    """Whether the plan waits until somebody approves."""

    patience: float | None = None
    """Seconds to wait for that; None waits for ever."""

    @property
    def target(self) -> str:
        """The change, in the words of its host."""
        change = self.review.change
        assert isinstance(change, ChangeRequest)  # noqa: S101 - `read` takes no other
        return change.target

    @classmethod
    def read(cls, given: Mapping[str, Any]) -> Self:
        """Understand what the caller gave: what a review takes, and how it is published.

        `policy` is a `PublishPolicy`, or its fields by name.

        Raises:
            ConfigurationError: Something of it is missing, unknown or of no use, or the change
                is a patch, which stands on no host.
        """
        review = ReviewInput.read({key: given[key] for key in given if key not in _OWN})
        if not isinstance(review.change, ChangeRequest):
            raise ConfigurationError("a patch stands on no host that it could be published to")
        patience = given.get("patience")
        if patience is not None and not (isinstance(patience, int | float) and patience >= 0):
            raise ConfigurationError("patience is a number of seconds, at least 0")
        return cls(
            review=review,
            policy=_read_policy(given.get("policy")),
            approval=given.get("approval", False) is True,
            patience=patience,
        )

    def write(self) -> Mapping[str, Any]:
        """Give plain JSON data that tells what was asked."""
        policy = None if self.policy is None else to_plain(self.policy)
        return {**self.review.write(), "policy": policy, "approval": self.approval}


def _read_policy(given: object) -> PublishPolicy | None:
    if given is None or isinstance(given, PublishPolicy):
        return given
    if not isinstance(given, Mapping):
        raise ConfigurationError("a policy is a PublishPolicy, or its fields by name")
    try:
        return from_plain(PublishPolicy, dict(given))
    except SerializationError as error:
        raise ConfigurationError(f"this is no policy of publishing: {error.message}") from None
