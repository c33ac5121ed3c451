"""What went wrong between us and GitHub, in the errors of our tree; the one mapping for all.

Statuses, headers and words decide together, by GitHub's pages "Troubleshooting the REST API"
and "Rate limits for the REST API". Exceptions are told apart by the package and the name of
their class, so that nothing is imported to look at one.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final

from codeflow_engine.errors import (
    AuthenticationError,
    ChangeUnavailableError,
    CodeflowError,
    ConfigurationError,
    InvalidResponseError,
    ProviderError,
    ProviderTimeoutError,
    ProviderUnavailableError,
    PublishError,
    RateLimitError,
)
from codeflow_engine.providers.vcs.github.limits import wait_of

__all__ = [
    "TOO_LARGE",
    "Asked",
    "Refusal",
    "from_exception",
    "graphql_refusal",
    "malformed",
    "refused",
    "status_of",
    "too_large",
    "words_of",
]

TOO_LARGE: Final = "too_large"
"""The `kind` of an error for an answer that GitHub, or a limit of ours, does not let through."""

_SHOWN: Final = 200
_DEEP: Final = 20
_PERMISSION: Final = re.compile(r"[a-z_]+=[a-z]+(?:[,;] ?[a-z_]+=[a-z]+)*")
_NOT_WRITABLE: Final = re.compile(r"archived|read-only|locked|lock prevents", re.IGNORECASE)
_UNRELATED: Final = re.compile(r"no common ancestor", re.IGNORECASE)
_NO_COMMIT: Final = re.compile(r"no commit found|no common ancestor|not found", re.IGNORECASE)
_PACKAGES: Final = frozenset({"aiohttp", "github", "jwt", "requests", "urllib3"})

_LATE: Final = frozenset(
    {"ConnectTimeout", "ReadTimeout", "Timeout", "TimeoutError", "ConnectTimeoutError"}
    | {"ReadTimeoutError", "TimeoutStateError", "ServerTimeoutError", "SocketTimeoutError"}
    | {"ConnectionTimeoutError"}
)
_MALFORMED: Final = frozenset(
    {"BadAttributeException", "ContentDecodingError", "DecodeError", "JSONDecodeError"}
    | {"InvalidJSONError", "ContentTypeError", "InvalidChunkLength", "LineTooLong", "BadStatusLine"}
    | {"ContentEncodingError", "BadHttpMessage"}
    | {"InvalidHeader", "HeaderParsingError", "DecodeSizeError", "InvalidUrlRedirectClientError"}
)
_ALONE: Final = frozenset({"ContentLengthError", "NewConnectionError", "TransferEncodingError"})
"""Classes that are not what they derive from: no timeout, and no message of a wrong form."""

_KEYS: Final = frozenset({"PyJWTError", "InvalidKeyError"})
_PLACES: Final = frozenset(
    {"InvalidURL", "MissingSchema", "InvalidSchema", "LocationValueError", "URLSchemeUnknown"}
    | {"InvalidProxyURL", "NonHttpUrlClientError"}
)
_GRAPHQL: Final = {
    frozenset({"FORBIDDEN", "INSUFFICIENT_SCOPES"}): HTTPStatus.FORBIDDEN,
    frozenset({"NOT_FOUND"}): HTTPStatus.NOT_FOUND,
    frozenset({"RATE_LIMIT", "RATE_LIMITED"}): HTTPStatus.TOO_MANY_REQUESTS,
}
"""What GraphQL calls its errors, the weightiest last."""

_GONE: Final = frozenset({HTTPStatus.GONE, HTTPStatus.UNAVAILABLE_FOR_LEGAL_REASONS})


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Which request it was."""

    method: str
    path: str
    needs: str = ""
    """The permission that it takes, in GitHub's words, such as `contents: read`."""

    @property
    def is_write(self) -> bool:
        """Whether it may have changed something."""
        return self.method not in {"GET", "HEAD"}

    @property
    def title(self) -> str:
        """The request as a person reads it: one line, no query, whatever the path holds."""
        path = "".join(
            one if one.isprintable() else one.encode("unicode_escape").decode()
            for one in self.path.partition("?")[0][:_SHOWN]
        )
        return f"GitHub, {self.method} {path},"


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """An answer of GitHub that is an error."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    """By lower-case name."""

    body: Any = None

    @property
    def message(self) -> str:
        """GitHub's own words; empty where there are none."""
        told = self.body.get("message") if isinstance(self.body, Mapping) else None
        return told if isinstance(told, str) else ""

    @property
    def words(self) -> str:
        """The message and the entries of `errors`, as one text to look through."""
        errors = self.body.get("errors") if isinstance(self.body, Mapping) else None
        return f"{self.message} {json.dumps(errors, default=str)}" if errors else self.message


def refused(refusal: Refusal, asked: Asked) -> CodeflowError:
    """Say what an error of GitHub means; `status_of` and `words_of` give its own parts."""
    where = f"{asked.title} was answered HTTP {refusal.status}{_said(refusal)}"
    error = (
        _limited(refusal, where)
        or _unreadable(refusal, asked, where)
        or _not_allowed(refusal, asked, where)
        or _moment(refusal, where)
        or ProviderError(f"{where}: it does not take the request", kind="bad_request")
    )
    # Whoever writes decides by them; they are plain, so that the error can still be pickled.
    vars(error).update(http_status=refusal.status, http_words=refusal.words[:4096])
    return error


def status_of(error: BaseException) -> int | None:
    """Give the status that GitHub answered with; None where it gave no answer."""
    status = vars(error).get("http_status")
    return status if isinstance(status, int) else None


def words_of(error: BaseException) -> str:
    """Give GitHub's own words about an error, which are data; empty where there are none."""
    return str(vars(error).get("http_words", ""))


def graphql_refusal(errors: Any, headers: Mapping[str, str]) -> Refusal:
    """Read errors of GraphQL, which come with status 200, as those of REST.

    Args:
        errors: The answer's own.
        headers: Of the answer.
    """
    told = errors if isinstance(errors, list) else []
    listed = [one for one in told if isinstance(one, Mapping)]
    kinds = {str(one.get("type") or _code(one)).upper() for one in listed}
    status = HTTPStatus.UNPROCESSABLE_ENTITY
    for known, meant in _GRAPHQL.items():
        if kinds & known:
            status = meant
    words = "; ".join(str(one.get("message", "")) for one in listed)
    return Refusal(status=int(status), headers=headers, body={"message": words})


def _code(error: Mapping[str, Any]) -> str:
    extensions = error.get("extensions")
    return str(extensions.get("code", "")) if isinstance(extensions, Mapping) else ""


def _limited(refusal: Refusal, where: str) -> CodeflowError | None:
    wait = wait_of(refusal.status, refusal.headers, refusal.message)
    if wait is None:
        return None
    return RateLimitError(f"{where}: too many requests", retry_after=wait)


def _unreadable(refusal: Refusal, asked: Asked, where: str) -> CodeflowError | None:
    """Look for what is not there, or not in this form."""
    status = refusal.status
    if status == HTTPStatus.NOT_ACCEPTABLE or (
        status == HTTPStatus.UNPROCESSABLE_ENTITY and TOO_LARGE in refusal.words
    ):
        return ProviderError(f"{where}: too large for this form", kind=TOO_LARGE)
    if status == HTTPStatus.FORBIDDEN and TOO_LARGE in refusal.words:  # of the contents interface
        return ProviderError(f"{where}: too large for this form", kind=TOO_LARGE)
    if status == HTTPStatus.NOT_FOUND and _UNRELATED.search(refusal.words):
        return ChangeUnavailableError(f"{where}: a diff begins where two commits have parted")
    if status == HTTPStatus.NOT_FOUND:
        return ChangeUnavailableError(
            f"{where}: it is not there, or the token may not see it{_needed(refusal, asked)}"
        )
    if status in _GONE:
        return ChangeUnavailableError(f"{where}: it is there no longer")
    if asked.is_write:
        return None
    if status == HTTPStatus.CONFLICT:
        return ChangeUnavailableError(f"{where}: the repository is empty or not ready")
    if status == HTTPStatus.UNPROCESSABLE_ENTITY and _NO_COMMIT.search(refusal.words):
        return ChangeUnavailableError(f"{where}: there is no such commit")
    return None


def _not_allowed(refusal: Refusal, asked: Asked, where: str) -> CodeflowError | None:
    """Look for what is wrong with the credentials, or with what they may do."""
    status = refusal.status
    if status == HTTPStatus.UNAUTHORIZED:
        return AuthenticationError(f"{where}: the credentials are not accepted; see GITHUB_TOKEN")
    if asked.is_write and status in {HTTPStatus.FORBIDDEN, HTTPStatus.UNPROCESSABLE_ENTITY}:
        if _NOT_WRITABLE.search(refusal.words):
            return PublishError(f"{where}: the repository or the conversation takes no writes")
        if status == HTTPStatus.UNPROCESSABLE_ENTITY:
            return PublishError(f"{where}: it does not take what was to be written")
    if status != HTTPStatus.FORBIDDEN:
        return None
    if refusal.headers.get("x-github-sso", "").startswith("required"):
        return AuthenticationError(
            f"{where}: the organization wants the token to be authorized for single sign-on"
        )
    return AuthenticationError(f"{where}: the token may not do that{_needed(refusal, asked)}")


def _moment(refusal: Refusal, where: str) -> CodeflowError | None:
    """Look for what may pass by itself."""
    if refusal.status == HTTPStatus.REQUEST_TIMEOUT:
        return ProviderTimeoutError(f"{where}: it took too long")
    if refusal.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return ProviderUnavailableError(f"{where}: GitHub is in trouble")
    if HTTPStatus.MULTIPLE_CHOICES <= refusal.status < HTTPStatus.BAD_REQUEST:
        return ProviderError(f"{where}: it leads elsewhere, and is not followed", kind="redirect")
    return None


def _needed(refusal: Refusal, asked: Asked) -> str:
    """Name the permission that is missing, as GitHub tells it or as we know it."""
    told = refusal.headers.get("x-accepted-github-permissions", "")
    needs = told if _PERMISSION.fullmatch(told) else asked.needs
    return f"; it takes the permission {needs}" if needs else ""


def _said(refusal: Refusal) -> str:
    message = " ".join(refusal.message.split())[:_SHOWN]
    hidden = refusal.status == HTTPStatus.UNAUTHORIZED or not message.isprintable()
    return "" if hidden or not message or "<" in message else f" ({message!r})"


def malformed(asked: Asked, what: str) -> InvalidResponseError:
    """Say that an answer has a form that the interface does not have."""
    return InvalidResponseError(f"{asked.title} was answered with {what}")


def too_large(asked: Asked, limit: int) -> ProviderError:
    """Say that an answer is larger than it may be."""
    return ProviderError(f"{asked.title} has more than {limit} bytes to say", kind=TOO_LARGE)


def from_exception(error: BaseException, asked: Asked) -> CodeflowError | None:
    """Say what an exception of PyGithub or of a transport means; None where it is another one.

    Args:
        error: Looked at with all its causes.
        asked: Which request it was.
    """
    if isinstance(error, CodeflowError):
        return None
    status = getattr(error, "status", None)
    names = {name for one in _causes(error) for name in _names(one)}
    if "GithubException" in names and isinstance(status, int):
        headers = getattr(error, "headers", None) or {}
        lowered = {str(name).lower(): str(value) for name, value in headers.items()}
        return refused(
            Refusal(status=status, headers=lowered, body=getattr(error, "data", None)), asked
        )
    if isinstance(error, json.JSONDecodeError | UnicodeDecodeError | RecursionError):
        return malformed(asked, "something that is no JSON")
    if names:
        return _named(names, asked)
    if isinstance(error, TimeoutError):
        return ProviderTimeoutError(f"{asked.title} was not answered in time")
    if isinstance(error, RuntimeError | AssertionError) and _raised_in_sdk(error):
        # What PyGithub says of redirects and of URLs that are none of this server's.
        return malformed(asked, "what PyGithub refuses to follow")
    if isinstance(error, OSError):
        return ProviderUnavailableError(f"{asked.title} could not be sent: {type(error).__name__}")
    return None


def _named(names: set[str], asked: Asked) -> CodeflowError:
    if names & _LATE:
        return ProviderTimeoutError(f"{asked.title} was not answered in time")
    if names & _KEYS:
        return ConfigurationError("the private key of the GitHub App cannot sign: see private_key")
    if names & _MALFORMED:
        return malformed(asked, "something that cannot be read")
    if names & _PLACES:
        return ConfigurationError("base_url of github, or a proxy, is no URL that can be used")
    if names & {"SSLError", "ClientSSLError", "ClientConnectorCertificateError"}:
        return ProviderUnavailableError(
            f"{asked.title} could not be sent: no encrypted connection that can be trusted",
            kind="tls",
        )
    return ProviderUnavailableError(f"{asked.title} could not be sent or broke off")


def _names(error: BaseException) -> Iterator[str]:
    for one in type(error).__mro__:
        if one.__module__.partition(".")[0] in _PACKAGES:
            yield one.__name__
        if one.__name__ in _ALONE:
            return


def _causes(error: BaseException) -> Iterator[BaseException]:
    seen: list[BaseException] = []
    at: BaseException | None = error
    while at is not None and at not in seen and len(seen) < _DEEP:
        seen.append(at)
        yield at
        at = at.__cause__ or at.__context__


def _raised_in_sdk(error: BaseException) -> bool:
    at = error.__traceback__
    while at is not None and at.tb_next is not None:
        at = at.tb_next
    return at is not None and str(at.tb_frame.f_globals.get("__name__", "")).startswith("github.")
