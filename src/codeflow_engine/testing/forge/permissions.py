"""Which permission a route needs from a token whose permissions are limited."""

from __future__ import annotations

import re
from dataclasses import dataclass

from codeflow_engine.testing.forge.auth import Credential, Kind
from codeflow_engine.testing.forge.refusal import Refusal, not_found

__all__ = ["check_access", "needed"]


@dataclass(frozen=True, slots=True)
class _Rule:
    """Methods and a form of path, and sets of permissions of which one is enough."""

    methods: str
    path: re.Pattern[str]
    alternatives: tuple[tuple[str, str], ...]

    def header(self) -> str:
        return "; ".join(f"{name}={level}" for name, level in self.alternatives)


def _rule(methods: str, path: str, *alternatives: str) -> _Rule:
    pairs = tuple((name, level) for name, _, level in (one.partition("=") for one in alternatives))
    return _Rule(methods, re.compile(f"/repos/[^/]+/[^/]+{path}"), pairs)


_PULLS = "pull_requests"
_EITHER_READ = ("issues=read", "pull_requests=read")
_EITHER_WRITE = ("issues=write", "pull_requests=write")
_WRITES = "POST PATCH PUT DELETE"
_READS = frozenset({"GET", "HEAD"})

_RULES = (
    _rule("GET HEAD", r"/check-(runs|suites)(/.*)?", "checks=read"),
    _rule("GET HEAD", r"/commits/.+/check-(runs|suites)", "checks=read"),
    _rule(_WRITES, r"/check-(runs|suites)(/.*)?", "checks=write"),
    _rule("GET HEAD", r"/commits/.+/status(es)?", "statuses=read"),
    _rule(_WRITES, r"/statuses/.+", "statuses=write"),
    _rule("GET HEAD", r"/code-scanning(/.*)?", "security_events=read"),
    _rule(_WRITES, r"/code-scanning/sarifs", "security_events=write"),
    _rule("GET HEAD", r"/pulls(/.*)?", "pull_requests=read"),
    _rule("PUT", r"/pulls/\d+/merge", "contents=write"),
    _rule(_WRITES, r"/pulls(/.*)?", "pull_requests=write"),
    _rule("GET HEAD", r"/issues(/.*)?", *_EITHER_READ),
    _rule("GET HEAD", r"/(labels|assignees|milestones)(/.*)?", *_EITHER_READ),
    _rule("POST", r"/issues", "issues=write"),
    _rule(_WRITES, r"/issues/.*", *_EITHER_WRITE),
    _rule(_WRITES, r"/(labels|milestones)(/.*)?", *_EITHER_WRITE),
    _rule("GET HEAD", r"/(contents|git|commits|compare|branches|readme)(/.*)?", "contents=read"),
    _rule(_WRITES, r"/(contents|git|merges)(/.*)?", "contents=write"),
    _rule("GET HEAD", r"/collaborators/[^/]+/permission", "metadata=read"),
    _rule("GET HEAD", r"", "metadata=read"),
)
"""The first that fits a request holds.

Source: "Permissions required for GitHub Apps", /rest/authentication/
permissions-required-for-github-apps.
"""


def needed(method: str, path: str) -> tuple[tuple[str, str], ...]:
    """List the permissions of which one is enough; none where a route needs none."""
    rule = _find(method, path)
    return rule.alternatives if rule else ()


def check_access(
    credential: Credential, method: str, path: str, *, private: bool, installed: bool = True
) -> None:
    """Refuse what a token may not do at a path under `/repos/owner/name`.

    A private repository that the token does not reach is not found, so that its name is not
    told; a permission that is missing is named in a header.

    Source: "Troubleshooting the REST API", sections "404 Not Found for an existing resource"
    and "Resource not accessible"; the header `X-Accepted-GitHub-Permissions` in
    "Permissions required for GitHub Apps" (G30).

    Raises:
        Refusal: 401 for a write without a token, 403, or 404.
    """
    repository = "/".join(path.split("/")[2:4])
    if credential.sso is not None and credential.sso == repository.partition("/")[0]:
        raise _sso(credential.sso)
    if credential.kind is Kind.ANONYMOUS:
        _check_anonymous(method, private=private)
    elif credential.kind is Kind.APP:
        if not re.fullmatch(r"/repos/[^/]+/[^/]+/installation", path):
            raise not_found() if private else _forbidden(Kind.INSTALLATION, None)
    elif installed and credential.reaches(repository):
        _check_permission(credential, method, path)
    elif private:
        raise not_found()
    elif method not in _READS:
        raise _forbidden(credential.kind, _find(method, path))


def _check_anonymous(method: str, *, private: bool) -> None:
    if private:
        raise not_found()
    if method not in _READS:
        raise Refusal(401, "Requires authentication")


def _check_permission(credential: Credential, method: str, path: str) -> None:
    if credential.permissions is None:
        return
    rule = _find(method, path)
    if rule is None and method in _READS:
        return
    if rule is None or not any(credential.allows(*one) for one in rule.alternatives):
        raise _forbidden(credential.kind, rule)


def _find(method: str, path: str) -> _Rule | None:
    return next((r for r in _RULES if method in r.methods.split() and r.path.fullmatch(path)), None)


def _forbidden(kind: Kind, rule: _Rule | None) -> Refusal:
    """Refuse for want of a permission.

    Source: "Troubleshooting the REST API", section "Resource not accessible".
    """
    by = "integration" if kind is Kind.INSTALLATION else "personal access token"
    headers = {"X-Accepted-GitHub-Permissions": rule.header()} if rule else {}
    return Refusal(403, f"Resource not accessible by {by}", headers=headers)


def _sso(organization: str) -> Refusal:
    """Refuse a token that has not passed the single sign-on of an organization.

    Source: "Authenticating to the REST API", section "Authenticating with single sign-on",
    the header `X-GitHub-SSO`.
    """
    place = f"https://github.com/orgs/{organization}/sso?authorization_request=AZSCKtL4U8yX1H3sCQIVnVgmjmon5fWxks5YrqhJgah0b2tlbl9pZM4EuMz4"
    return Refusal(
        403,
        "Resource protected by organization SAML enforcement. You must grant your Personal"
        " Access token access to this organization.",
        headers={"X-GitHub-SSO": f"required; url={place}"},
    )
