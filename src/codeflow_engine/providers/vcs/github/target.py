"""What a change of GitHub is called: `owner/repo#number`, or the URL of its page."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Self
from urllib.parse import urlsplit

from codeflow_engine.errors import ChangeUnavailableError
from codeflow_engine.providers.vcs.git.disk import shown
from codeflow_engine.providers.vcs.github.place import Place

__all__ = ["FULL_ID", "Target", "check_revision", "is_repository"]

FULL_ID: Final = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")

_OWNER: Final = r"[A-Za-z0-9](?:[A-Za-z0-9_-]{0,99})"
_NAME: Final = r"(?!\.{1,2}(?:[#/]|\Z))[A-Za-z0-9._-]{1,100}"
_NUMBER: Final = r"[1-9][0-9]{0,9}"
_SHORT: Final = re.compile(rf"({_OWNER})/({_NAME})#({_NUMBER})")
_PAGE: Final = re.compile(rf"/({_OWNER})/({_NAME})/pull/({_NUMBER})(?:/[A-Za-z0-9/._-]*)?")
_REPOSITORY: Final = re.compile(rf"{_OWNER}/{_NAME}")
_REVISION: Final = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_./+=#-]{0,250}[A-Za-z0-9_+=#-])?")
_BAD_REVISION: Final = re.compile(r"\.\.|//|/\.|\.lock(?:/|\Z)|/\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A pull request."""

    owner: str
    name: str
    number: int

    @classmethod
    def parse(cls, text: str, place: Place) -> Self:
        """Read what a caller has named.

        Args:
            text: `owner/repo#number`, or the URL of the pull request's page.
            place: The server whose pages count.

        Raises:
            ChangeUnavailableError: It names no pull request of that server.
        """
        found = _SHORT.fullmatch(text)
        if found is None and text.startswith(("https://", "http://")) and text.isprintable():
            found = _page(text, place)
        if found is None:
            raise ChangeUnavailableError(
                f"{shown(text)} names no pull request of {urlsplit(place.web).netloc}: "
                "it has to be owner/repo#number, or the URL of its page"
            )
        return cls(owner=found[1], name=found[2], number=int(found[3]))

    @property
    def repository(self) -> str:
        """`owner/name`."""
        return f"{self.owner}/{self.name}"

    @property
    def text(self) -> str:
        """The form that names it everywhere."""
        return f"{self.repository}#{self.number}"


def _page(text: str, place: Place) -> re.Match[str] | None:
    web = urlsplit(place.web)
    try:
        parts = urlsplit(text)
        same = (parts.scheme, parts.netloc.lower()) == (web.scheme, web.netloc)
    except ValueError:
        return None
    path = parts.path
    if not same or not path.startswith(f"{web.path}/"):
        return None
    return _PAGE.fullmatch(path.removeprefix(web.path))


def is_repository(text: object) -> bool:
    """Say whether GitHub's own word for a repository is `owner/name`."""
    return isinstance(text, str) and _REPOSITORY.fullmatch(text) is not None


def check_revision(text: str) -> str:
    """Give a revision that may stand in a URL and before git.

    Raises:
        ChangeUnavailableError: No branch, tag or commit is called so, by git's rules for names
            and ours, which are narrower.
    """
    if _REVISION.fullmatch(text) is None or _BAD_REVISION.search(text):
        raise ChangeUnavailableError(f"{shown(text)} is no revision that GitHub can be asked for")
    return text
