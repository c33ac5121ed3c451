"""Who asks: personal tokens, apps with their JSON web tokens, and tokens of installations.

Nothing here knows of HTTP but the text of the header `Authorization`. The callers hold the
forge's lock.
"""

from __future__ import annotations

import base64
import binascii
import secrets
import string
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from codeflow_engine.testing.forge.apps import App, AppKeys, Apps
from codeflow_engine.testing.forge.clock import ForgeClock
from codeflow_engine.testing.forge.refusal import Refusal

__all__ = ["ANONYMOUS", "Credential", "Kind", "Tokens"]

_LETTERS = string.ascii_letters + string.digits


class Kind(StrEnum):
    """As what a request is made."""

    ANONYMOUS = "anonymous"
    USER = "user"
    APP = "app"
    INSTALLATION = "installation"


@dataclass(frozen=True, slots=True, kw_only=True)
class Credential:
    """What a token says about who asks, and how much that one may."""

    kind: Kind
    login: str = ""
    """Whose work it is: a user's name, or that of the app's bot."""
    app_id: int | None = None
    installation_id: int | None = None
    permissions: Mapping[str, str] | None = None
    """Levels by name: `{"checks": "write"}`; None is all that the user may."""
    repositories: frozenset[str] | None = None
    """Full names, in lower case; None is all of the account, or all that the user sees."""
    account: str | None = None
    """Whose repositories an installation is for."""
    expires_at: float | None = None
    sso: str | None = None
    """The organization whose single sign-on the token has not passed."""
    limit: str = "core"
    """Which primary limit counts: `core`, or `actions` for a job's own token."""

    @property
    def caller(self) -> str:
        """Tell under which name the limits count."""
        if self.kind is Kind.INSTALLATION:
            return f"installation:{self.installation_id}"
        return f"{self.kind}:{self.login or self.app_id or ''}"

    def allows(self, permission: str, level: str) -> bool:
        """Tell whether a permission was given at this level or above."""
        if self.permissions is None:
            return self.kind is Kind.USER
        order = ("none", "read", "write", "admin")
        given = self.permissions.get(permission, "none")
        return order.index(given) >= order.index(level)

    def reaches(self, repository: str) -> bool:
        """Tell whether the token was made for a repository."""
        if self.account is not None and self.account != repository.lower().partition("/")[0]:
            return False
        return self.repositories is None or repository.lower() in self.repositories


ANONYMOUS = Credential(kind=Kind.ANONYMOUS)


@dataclass(slots=True)
class Tokens:
    """All tokens that the forge gave out, and the apps that may ask for more."""

    clock: ForgeClock
    apps: Apps = field(init=False)
    stateless: bool = False
    """Whether installations get tokens of the new format where a request does not say."""
    _known: dict[str, Credential] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.apps = Apps()

    def personal(
        self,
        login: str,
        *,
        fine_grained: bool = False,
        permissions: Mapping[str, str] | None = None,
        repositories: frozenset[str] | None = None,
        sso: str | None = None,
    ) -> str:
        """Make a personal access token of a user, classic or fine-grained.

        Source: "About authentication to GitHub", section "GitHub's token formats",
        /authentication/keeping-your-account-and-data-secure/about-authentication-to-github.
        """
        prefix, length = ("github_pat_", 82) if fine_grained else ("ghp_", 36)
        token = prefix + _random(length)
        self._known[token] = Credential(
            kind=Kind.USER,
            login=login,
            permissions=None if permissions is None else dict(permissions),
            repositories=_lower(repositories),
            sso=sso,
        )
        return token

    def of_job(self, app: App, repository: str, *, from_fork: bool = False) -> str:
        """Make the token that a job of a workflow gets; for a pull request of a fork it reads.

        Source: "Events that trigger workflows", section "Workflows in forked repositories",
        /actions/reference/workflows-and-actions/events-that-trigger-workflows (G29).
        """
        level = "read" if from_fork else "write"
        names = ("actions", "checks", "contents", "issues", "metadata", "pull_requests", "statuses")
        token = "ghs_" + _random(36)
        self._known[token] = Credential(
            kind=Kind.INSTALLATION,
            login=app.bot,
            app_id=app.id,
            installation_id=0,
            permissions=dict.fromkeys(names, level),
            repositories=frozenset({repository.lower()}),
            expires_at=self.clock.now() + _HOUR,
            limit="actions",
        )
        return token

    def revoke(self, token: str) -> None:
        """Forget a token: who uses it is told that it is bad."""
        self._known.pop(token, None)

    def authenticate(self, header: str | None) -> Credential:
        """Find who asks by the header `Authorization`.

        Source: "Authenticating to the REST API", section "About authentication",
        /rest/authentication/authenticating-to-the-rest-api; section "Failed login limit".

        Raises:
            Refusal: 401, for a token that is unknown, revoked, expired or badly signed.
        """
        if header is None:
            return ANONYMOUS
        scheme, _, token = header.strip().partition(" ")
        token = token.strip()
        if scheme.lower() == "basic":
            token = _password(token)
        elif scheme.lower() not in {"bearer", "token"}:
            raise _bad()
        if token.count(".") == 2 and not token.startswith("ghs_"):  # noqa: PLR2004 - a JWT has three parts
            app = self.apps.verify(token, self.clock.now())
            return Credential(kind=Kind.APP, login=app.bot, app_id=app.id)
        found = self._known.get(token)
        if found is None or (found.expires_at is not None and found.expires_at <= self.clock.now()):
            raise _bad()
        return found

    def mint(
        self, installation_id: int, wish: Mapping[str, object], header: str | None
    ) -> tuple[str, Credential]:
        """Make a token of an installation, for an hour, with no more than was asked for.

        Source: "Create an installation access token for an app",
        /rest/apps/apps#create-an-installation-access-token-for-an-app (G13); the header
        `X-GitHub-Stateless-S2S-Token` (G14): other values than `enabled` and `disabled` are
        ignored.
        """
        installation = self.apps.installation(installation_id)
        permissions, repositories = installation.narrowed(wish)
        app = self.apps.app(installation.app_id)
        expires_at = self.clock.now() + _HOUR
        stateless = {"enabled": True, "disabled": False}.get(header or "", self.stateless)
        token = (
            AppKeys.stateless(app, installation_id, expires_at)
            if stateless
            else "ghs_" + _random(36)
        )
        credential = Credential(
            kind=Kind.INSTALLATION,
            login=app.bot,
            app_id=app.id,
            installation_id=installation_id,
            permissions=permissions,
            repositories=_lower(repositories),
            account=installation.account.lower(),
            expires_at=expires_at,
        )
        self._known[token] = credential
        return token, credential


_HOUR = 3600


def _bad() -> Refusal:
    return Refusal(401, "Bad credentials")


def _random(length: int) -> str:
    return "".join(secrets.choice(_LETTERS) for _ in range(length))


def _lower(names: frozenset[str] | None) -> frozenset[str] | None:
    return None if names is None else frozenset(name.lower() for name in names)


def _password(encoded: str) -> str:
    try:
        told = base64.b64decode(encoded, validate=True).decode("utf-8")
    except (binascii.Error, UnicodeDecodeError):
        raise _bad() from None
    name, _, password = told.partition(":")
    # Git gives the token as the password; some clients give it as the name.
    return name if password in {"", "x-oauth-basic"} else password
