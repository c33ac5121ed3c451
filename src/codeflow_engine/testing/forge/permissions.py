"""What a token may do in a repository, whoever's it is."""

from __future__ import annotations

from codeflow_engine.testing.forge.auth import Credential, Kind
from codeflow_engine.testing.forge.refusal import Refusal, not_found

__all__ = ["check_token"]


def check_token(
    credential: Credential, repository: str, permission: str, level: str, *, private: bool
) -> None:
    """Hold a token to what it was made for (G30).

    Source: "Troubleshooting the REST API", sections "404 Not Found for an existing resource"
    and "Resource not accessible", /rest/using-the-rest-api/troubleshooting-the-rest-api; the
    header `X-Accepted-GitHub-Permissions` in "Permissions required for GitHub Apps",
    /rest/authentication/permissions-required-for-github-apps.

    Args:
        credential: Who asks.
        repository: The full name.
        permission: What is needed, or several of which one is enough: `issues|pull_requests`.
        level: `read` or `write`.
        private: Whether the repository is.

    Raises:
        Refusal: 404, where its name may not be told; 403, with what is missing.
    """
    if credential.sso is not None and credential.sso == repository.partition("/")[0]:
        raise _sso(credential.sso)
    if credential.kind is Kind.APP:
        raise not_found() if private else _forbidden(credential, permission, level)
    inside = credential.reaches(repository)
    if not inside and private:
        raise not_found()
    if credential.permissions is None:
        return
    public = level == "read" and not private and permission not in _NEVER_PUBLIC
    if public or (inside and any(credential.allows(one, level) for one in permission.split("|"))):
        return
    raise _forbidden(credential, permission, level)


_NEVER_PUBLIC = frozenset({"administration", "security_events"})
"""What nobody reads without the permission, in public repositories neither."""


def _forbidden(credential: Credential, permission: str, level: str) -> Refusal:
    by = "personal access token" if credential.kind is Kind.USER else "integration"
    wanted = "; ".join(f"{name}={level}" for name in permission.split("|"))
    return Refusal(
        403,
        f"Resource not accessible by {by}",
        headers={"X-Accepted-GitHub-Permissions": wanted},
    )


def _sso(organization: str) -> Refusal:
    """Refuse a token that has not passed the single sign-on of an organization.

    Source: "Authenticating to the REST API", section "Authenticating with single sign-on",
    /rest/authentication/authenticating-to-the-rest-api, the header `X-GitHub-SSO`.
    """
    place = f"https://github.com/orgs/{organization}/sso?authorization_request=A1B2C3"
    return Refusal(
        403,
        "Resource protected by organization SAML enforcement. You must grant your Personal"
        " Access token access to this organization.",
        headers={"X-GitHub-SSO": f"required; url={place}"},
    )
