"""One request to the forge: who asks, what for, and the answer in the API's form."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_to_bytes

from codeflow_engine.testing.forge.auth import ANONYMOUS, Credential, Kind
from codeflow_engine.testing.forge.framework import web
from codeflow_engine.testing.forge.permissions import check_token
from codeflow_engine.testing.forge.refusal import Refusal, invalid, not_found
from codeflow_engine.testing.forge.state import ROLES, Issue, PullRequest, User

if TYPE_CHECKING:
    from codeflow_engine.testing.forge.repository import Repository
    from codeflow_engine.testing.forge.server import FakeForge

__all__ = ["CREDENTIAL", "FORGE", "Exchange", "Field"]

FORGE: web.AppKey[FakeForge] = web.AppKey("forge")
CREDENTIAL = web.RequestKey("credential", Credential)
"""Where a request has what `auth` found out about it."""

_MOST_A_PAGE = 100

type Field = Mapping[str, Any]


class Exchange:
    """A request with what every route needs of it; raises `Refusal` for what may not be."""

    def __init__(self, request: web.Request) -> None:
        self.request = request
        self.forge: FakeForge = request.app[FORGE]
        self.credential: Credential = request.get(CREDENTIAL, ANONYMOUS)

    # Who asks

    @property
    def user(self) -> User:
        """The account that asks.

        Raises:
            Refusal: 401, for a request without a token.
        """
        if self.credential.kind is Kind.ANONYMOUS:
            raise Refusal(401, "Requires authentication")
        return self.forge.user(self.credential.login)

    def role(self, repository: Repository) -> str:
        """Tell what the account may do in a repository: one of `ROLES`."""
        if self.credential.kind is Kind.ANONYMOUS:
            return "none" if repository.private else "read"
        if self.credential.kind is Kind.INSTALLATION:
            inside = self.credential.reaches(repository.full_name)
            return "admin" if inside else "none" if repository.private else "read"
        return repository.permission_of(self.credential.login)

    # What for

    def path(self, name: str) -> str:
        """Give a variable of the path."""
        return self.request.match_info.get(name, "")

    def tail(self) -> bytes:
        """Give the variable that the path ends with, byte for byte: names of files are bytes.

        A slash in it may be written as `%2F`.
        """
        resource = self.request.match_info.route.resource
        before = 0 if resource is None else resource.canonical.count("/")
        return unquote_to_bytes(self.request.rel_url.raw_path.split("/", before)[before])

    def number(self, name: str) -> int:
        """Give a variable of the path that is a number."""
        text = self.request.match_info[name]
        if not (text.isascii() and text.isdigit()):
            raise not_found()
        return int(text)

    def repository(
        self, permission: str = "metadata", level: str = "read", *, role: str = "read"
    ) -> Repository:
        """Find the repository, and see that who asks may do this to it.

        Args:
            permission: What the token of an app or a fine-grained one needs.
            level: `read` or `write`.
            role: What a user needs to be.

        Raises:
            Refusal: 404, for one that is not, or is hidden (G30); 403, for what may only be
                read, and for an archived one.
        """
        found = self._named()
        if found is None or self.role(found) == "none":
            raise not_found()
        if level == "write" and self.credential.kind is Kind.ANONYMOUS:
            raise Refusal(401, "Requires authentication")
        self.permit(found, permission, level)
        if ROLES.index(self.role(found)) < ROLES.index(role):
            raise Refusal(403, "Must have admin rights to Repository.")
        if level == "write" and found.archived:
            raise Refusal(403, "Repository was archived so is read-only.")
        return found

    def permit(self, repository: Repository, permission: str, level: str) -> None:
        """Hold the token to what it was made for (G30)."""
        check_token(
            self.credential, repository.full_name, permission, level, private=repository.private
        )

    def _named(self) -> Repository | None:
        """Find the repository of the path, by its name or by its id.

        A name that it had before is answered with the place by id (G11).

        Source: "Best practices for using the REST API", section "Follow redirects",
        /rest/using-the-rest-api/best-practices-for-using-the-rest-api.

        Raises:
            Refusal: 301, or 307 where the request is not to become another one.
        """
        if "repository_id" in self.request.match_info:
            number = self.number("repository_id")
            return next((one for one in self.forge.repositories if one.id == number), None)
        name = f"{self.path('owner')}/{self.path('repo')}"
        found = self.forge.find_repository(name)
        if found is None or found.full_name.lower() == name.lower() or self.role(found) == "none":
            return found
        before, _, rest = self.request.rel_url.raw_path_qs.partition("/repos/")
        rest = "/".join(["", *rest.split("/")[2:]]) if before else ""
        place = f"{self.forge.web_url}{before}/repositories/{found.id}{rest}"
        reads = self.request.method in {"GET", "HEAD"}
        message = "Moved Permanently" if reads else "Temporary Redirect"
        raise Refusal(301 if reads else 307, message, headers={"Location": place})

    def issue(self, repository: Repository) -> Issue:
        """Find the issue or pull request of the path.

        Raises:
            Refusal: 404; 410, for one that was deleted, or where issues are turned off (G30).
        """
        try:
            found = repository.issue(self.number("number"))
        except KeyError:
            raise not_found() from None
        if found.deleted:
            raise Refusal(410, "This issue was deleted")
        if not repository.has_issues and not isinstance(found, PullRequest):
            raise Refusal(410, "Issues has been disabled in this repository.")
        return found

    def pull(self, repository: Repository) -> PullRequest:
        """Find the pull request of the path."""
        try:
            return repository.pull(self.number("number"))
        except KeyError:
            raise not_found() from None

    def query(self, name: str, default: str = "") -> str:
        """Give a parameter of the query."""
        return self.request.query.get(name, default)

    # What it brings

    async def json(self) -> Any:
        """Read the document of the request; an empty object where there is none.

        Raises:
            Refusal: 400, for what is no JSON.
        """
        raw = await self.request.read()
        try:
            told = json.loads(raw) if raw else {}
            # RFC 8259, 8.2: half a surrogate pair is no text.
            json.dumps(told, ensure_ascii=False).encode()
        except ValueError:
            raise Refusal(400, "Problems parsing JSON") from None
        return told

    async def body(self, *, required: Sequence[str] = ()) -> dict[str, Any]:
        """Read the JSON object of the request.

        Raises:
            Refusal: 400, for what is no JSON object; 422, where a field that must be is not.
        """
        told = await self.json()
        if not isinstance(told, dict):
            raise Refusal(400, "Body should be a JSON object")
        missing = [name for name in required if told.get(name) is None]
        if missing:
            told_missing = ", ".join(f'"{name}"' for name in missing)
            verb = "wasn't" if len(missing) == 1 else "weren't"
            raise Refusal(422, f"Invalid request.\n\n{told_missing} {verb} supplied.")
        return told

    def text(
        self,
        body: Field,
        name: str,
        *,
        resource: str,
        blank: bool = False,
        limit: int | None = None,
    ) -> str:
        """Take a text of the body, which may not be too long (G20).

        Raises:
            Refusal: 422, for one that is no text, is blank, or is too long.
        """
        value = body.get(name)
        if value is None and blank:
            return ""
        if not isinstance(value, str):
            raise Refusal(
                422,
                f"Invalid request.\n\nFor 'properties/{name}', {json.dumps(value)}"
                " is not a string.",
            )
        if not blank and not value.strip():
            raise invalid(resource, name, "missing_field")
        most = self.forge.rules.body_characters if limit is None else limit
        if len(value) > most:
            message = f"{name} is too long (maximum is {most} characters)"
            raise invalid(resource, name, "custom", message)
        return value

    # The answer

    def page[T](
        self, items: Sequence[T], render: Callable[[T], Any], *, most: int | None = None
    ) -> web.Response:
        """Answer with one page of a list, and say where the others are.

        Source: "Using pagination in the REST API",
        /rest/using-the-rest-api/using-pagination-in-the-rest-api.
        """
        chosen, headers = self.slice(items, most=most)
        return web.json_response([render(item) for item in chosen], headers=headers)

    def slice[T](
        self, items: Sequence[T], *, size: int = 30, most: int | None = None
    ) -> tuple[Sequence[T], dict[str, str]]:
        """Give one page of a list, and the header that says where the others are."""
        items = items if most is None else items[:most]
        size = min(max(self._whole("per_page", size), 1), _MOST_A_PAGE)
        page = max(self._whole("page", 1), 1)
        last = max(-(-len(items) // size), 1)
        links: dict[str, int] = {}
        if page > 1:
            links |= {"prev": min(page - 1, last), "first": 1}
        if page < last:
            links |= {"next": page + 1, "last": last}
        told = ", ".join(f'<{self._at(number)}>; rel="{rel}"' for rel, number in links.items())
        start = (page - 1) * size
        return items[start : start + size], {"Link": told} if told else {}

    def _whole(self, name: str, default: int) -> int:
        text = self.query(name)
        return int(text) if text.isascii() and text.isdigit() else default

    def _at(self, page: int) -> str:
        url = self.request.url.update_query(page=str(page))
        return str(url)

    @property
    def media(self) -> str:
        """What form the client wants: `diff`, `patch`, `raw`, `object`, or nothing special.

        Source: "Getting started with the REST API", section "Media types",
        /rest/using-the-rest-api/getting-started-with-the-rest-api.
        """
        for part in self.request.headers.get("Accept", "").split(","):
            kind = part.partition(";")[0].strip().lower()
            if kind.startswith("application/vnd.github"):
                last = kind.removesuffix("+json").rpartition(".")[2]
                if last in {"diff", "patch", "raw", "object", "sha"}:
                    return last
        return ""
