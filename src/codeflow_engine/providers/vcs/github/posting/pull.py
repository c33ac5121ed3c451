"""The pull request that effects go to, and the one way in which they are sent there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from codeflow_engine.errors import (
    ChangeUnavailableError,
    CodeflowError,
    InvalidResponseError,
    ProviderUnavailableError,
    PublishError,
)
from codeflow_engine.providers.vcs.github.anchors import Anchors
from codeflow_engine.providers.vcs.github.client import Author, Client
from codeflow_engine.providers.vcs.github.errors import status_of
from codeflow_engine.providers.vcs.github.posting.entries import field
from codeflow_engine.providers.vcs.github.settings import GitHubSettings
from codeflow_engine.providers.vcs.github.target import Target

__all__ = ["Pull", "is_refused"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pull:
    """A pull request, and who writes to it."""

    client: Client
    target: Target
    settings: GitHubSettings

    @property
    def repository(self) -> str:
        """The path of its repository."""
        return f"/repos/{self.target.repository}"

    @property
    def path(self) -> str:
        """Its own path."""
        return f"{self.repository}/pulls/{self.target.number}"

    @property
    def issue(self) -> str:
        """Its path as an issue, where its conversation and its labels are."""
        return f"{self.repository}/issues/{self.target.number}"

    async def whoami(self) -> Author:
        """Say whom GitHub takes us for."""
        return await self.client.whoami()

    async def list(
        self,
        path: str,
        *,
        key: str | None = None,
        parameters: Mapping[str, object] | None = None,
        needs: str = "pull_requests: read",
    ) -> list[Any]:
        """Give the entries of all pages, each once; a failure is never an empty list.

        Pages move while somebody writes, and an entry then stands on two of them. Taken for
        two, one of them would be taken back, and with it the only one.
        """
        entries = await self.client.pages(path, key=key, parameters=parameters, needs=needs)
        each: dict[tuple[str, int], Any] = {}
        for place, entry in enumerate(entries):
            name = field(entry, "id")
            each.setdefault(("", place) if name is None else (str(name), 0), entry)
        return [*each.values()]

    async def find(self, path: str, *, needs: str) -> Any:
        """Give an entry; None where it is not there."""
        try:
            return (await self.client.request("GET", path, needs=needs)).body
        except ChangeUnavailableError:
            return None

    async def send(self, method: str, path: str, body: object = None, *, needs: str) -> Any:
        """Write once, and never again by itself.

        Raises:
            ProviderUnavailableError: The answer cannot be read. It may have been written, so
                that the caller has to look.
            CodeflowError: As the client raises it.
        """
        try:
            return (await self.client.request(method, path, body=body, needs=needs)).body
        except InvalidResponseError as error:
            raise ProviderUnavailableError(f"{error.message}; it may be written") from None

    async def mutate(self, query: str, variables: Mapping[str, object]) -> None:
        """Write over GraphQL, as `send` does over REST."""
        try:
            await self.client.graphql(query, variables)
        except InvalidResponseError as error:
            raise ProviderUnavailableError(f"{error.message}; it may be written") from None

    async def remove(self, path: str, *, needs: str) -> None:
        """Delete something; what is gone already is no error."""
        try:
            await self.send("DELETE", path, needs=needs)
        except ChangeUnavailableError:
            return

    async def head(self) -> str:
        """Give the id of its head as it is now.

        Raises:
            InvalidResponseError: GitHub does not say.
        """
        needs = "pull_requests: read"
        found = field(
            (await self.client.request("GET", self.path, needs=needs)).body, "head", "sha"
        )
        if not isinstance(found, str):
            raise InvalidResponseError(f"GitHub gave {self.target.text} without its head")
        return found

    async def check_head(self, head: str) -> None:
        """Refuse to write about a head that is the head no more.

        Raises:
            PublishError: The pull request has moved on.
        """
        now = await self.head()
        if now != head:
            raise PublishError(
                f"{self.target.text} has moved on: its head is {now}, and what was to be written "
                f"is about {head}; review the new head"
            )

    async def anchors(self) -> Anchors:
        """Give the lines that its diff shows, as GitHub itself has it."""
        return Anchors(await self.list(f"{self.path}/files"))


def is_refused(error: CodeflowError) -> bool:
    """Tell whether GitHub has read what was to be written, and does not take it."""
    return status_of(error) == HTTPStatus.UNPROCESSABLE_ENTITY
