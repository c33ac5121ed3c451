"""Reads entries of GitHub's answers, and tells ours from those of others."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from codeflow_engine.domain.effect import Effect, Receipt
from codeflow_engine.domain.marker import Marker
from codeflow_engine.errors import InvalidResponseError
from codeflow_engine.providers.vcs.github.bodies import end_marker
from codeflow_engine.providers.vcs.github.client import Author

__all__ = [
    "field",
    "is_actor",
    "is_by",
    "is_by_app",
    "moment",
    "number",
    "oldest",
    "our_marker",
    "receipt",
]

_BOT = "[bot]"


def field(entry: Any, *names: str) -> Any:
    """Give what stands under names in each other; None where it is not there."""
    for name in names:
        entry = entry.get(name) if isinstance(entry, Mapping) else None
    return entry


def number(entry: Any, name: str = "id") -> int:
    """Give a number that has to be there.

    Raises:
        InvalidResponseError: It is not.
    """
    found = field(entry, name)
    if type(found) is not int:
        raise InvalidResponseError(f"GitHub gave an entry without the number {name!r}")
    return found


def moment(entry: Any, *names: str) -> datetime:
    """Give the first of several times that an entry has; now, where it has none."""
    for name in names:
        told = field(entry, name)
        try:
            found = datetime.fromisoformat(told)
        except (TypeError, ValueError):
            continue
        return found if found.tzinfo else found.replace(tzinfo=UTC)
    return datetime.now(UTC)


def is_by(author: Author, entry: Any, name: str = "user") -> bool:
    """Tell whether we wrote an entry of the REST interface.

    Only an app's login has brackets, so that no account of a person can look like it.
    """
    login = field(entry, name, "login")
    return isinstance(login, str) and login.lower() == author.login.lower()


def is_by_app(author: Author, entry: Any) -> bool:
    """Tell whether our app made a check run."""
    slug = field(entry, "app", "slug")
    return slug is not None and slug == author.app_slug


def is_actor(author: Author, actor: Any) -> bool:
    """Tell whether an actor of GraphQL is us.

    There the login of an app has no brackets, and an account of a person may have the same.
    """
    login, is_bot = field(actor, "login"), field(actor, "__typename") == "Bot"
    if not isinstance(login, str) or is_bot != (author.app_slug is not None):
        return False
    return login.lower().removesuffix(_BOT) == author.login.lower().removesuffix(_BOT)


def our_marker(author: Author, entry: Any, kind: str) -> Marker | None:
    """Give the marker that an entry's body ends with, where we wrote it for this."""
    body = field(entry, "body")
    if not isinstance(body, str) or not is_by(author, entry):
        return None
    found = end_marker(body)
    return found if found is not None and found.kind == kind else None


def receipt(effect: Effect, external_id: str, at: datetime, *, found: bool) -> Receipt:
    """Make the receipt of an effect."""
    return Receipt(key=effect.key, external_id=external_id, found=found, at=at)


def oldest(receipts: list[Receipt]) -> Receipt | None:
    """Give the receipt of what stood there first."""
    return min(
        receipts, key=lambda one: (one.at, len(one.external_id), one.external_id), default=None
    )
