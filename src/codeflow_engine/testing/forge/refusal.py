"""An answer that refuses a request, in the form that the API gives it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ["Refusal", "invalid", "not_found"]


class Refusal(Exception):  # noqa: N818 - it is an answer of the server, not a fault in it
    """Ends a request with a status and the API's document of an error.

    Args:
        status: The status of HTTP.
        message: What the API says.
        headers: What else stands in the head of the answer.
        documentation: Where GitHub's documentation tells more, as a path.
        errors: Which fields of the request are wrong, with status 422.
    """

    def __init__(
        self,
        status: int,
        message: str,
        *,
        headers: Mapping[str, str] | None = None,
        documentation: str = "/rest",
        errors: Sequence[Any] = (),
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.headers: dict[str, str] = dict(headers or {})
        self.documentation = documentation
        self.errors: tuple[Any, ...] = tuple(errors)

    def document(self) -> dict[str, Any]:
        """Give the body of the answer.

        Source: "Troubleshooting the REST API", /rest/using-the-rest-api/
        troubleshooting-the-rest-api.
        """
        told: dict[str, Any] = {"message": self.message}
        if self.errors:
            told["errors"] = list(self.errors)
        told["documentation_url"] = f"https://docs.github.com{self.documentation}"
        told["status"] = str(self.status)
        return told


def not_found() -> Refusal:
    """Refuse what does not exist, or may not be seen by who asks.

    Source: "Troubleshooting the REST API", section "404 Not Found for an existing resource".
    """
    return Refusal(404, "Not Found")


def invalid(resource: str, field: str, code: str, message: str | None = None) -> Refusal:
    """Refuse a field of the request's body.

    Source: "Troubleshooting the REST API", section "Validation Failed".
    """
    error = {"resource": resource, "field": field, "code": code}
    if message is not None:
        error["message"] = message
    return Refusal(422, "Validation Failed", errors=[error])
