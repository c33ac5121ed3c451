"""GitHub Apps: their keys, their installations, and the web tokens by which they ask."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from codeflow_engine.testing.forge.clock import stamp
from codeflow_engine.testing.forge.refusal import Refusal, not_found

__all__ = ["App", "AppKeys", "Apps", "Installation"]

_LONGEST = 600
"""Seconds that a web token may be good for."""

_LEVELS = ("none", "read", "write", "admin")
_MOST_REPOSITORIES = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class App:
    """An app that is registered at the forge."""

    id: int
    slug: str
    name: str
    owner: str
    client_id: str
    permissions: Mapping[str, str]
    events: tuple[str, ...]
    private_key: str
    """PEM, which a test gives to the client; the forge verifies with the public half."""
    public_key: str

    @property
    def bot(self) -> str:
        """The login under which the app's posts stand."""
        return f"{self.slug}[bot]"


@dataclass(slots=True, kw_only=True)
class Installation:
    """An app on an account, for all of its repositories or for some."""

    id: int
    app_id: int
    account: str
    permissions: Mapping[str, str]
    repositories: dict[int, str] | None
    """Full names by id; None is all of the account."""
    suspended: bool = False

    def reaches(self, repository: str) -> bool:
        """Tell whether the app was installed for a repository, given by its full name."""
        if repository.partition("/")[0].lower() != self.account.lower():
            return False
        return self.repositories is None or repository.lower() in {
            name.lower() for name in self.repositories.values()
        }

    def narrowed(self, wish: Mapping[str, object]) -> tuple[dict[str, str], frozenset[str] | None]:
        """Take from what was installed the permissions and repositories that a token asks for.

        Source: "Create an installation access token for an app", the parameters
        `repositories`, `repository_ids` (500 at most) and `permissions`.

        Raises:
            Refusal: 422, for what was not granted to the installation.
        """
        return self._permissions(wish.get("permissions")), self._repositories(wish)

    def _permissions(self, wish: object) -> dict[str, str]:
        if wish is None:
            return dict(self.permissions)
        if not isinstance(wish, Mapping):
            raise Refusal(422, "Invalid request.\n\nFor 'properties/permissions', not an object.")
        for name, level in wish.items():
            granted = self.permissions.get(name, "none")
            if level not in _LEVELS or _LEVELS.index(level) > _LEVELS.index(granted):
                raise Refusal(
                    422, "The permissions requested are not granted to this installation."
                )
        return {"metadata": "read", **wish}

    def _repositories(self, wish: Mapping[str, object]) -> frozenset[str] | None:
        names, ids = wish.get("repositories"), wish.get("repository_ids")
        if names is None and ids is None:
            return None if self.repositories is None else frozenset(self.repositories.values())
        chosen: set[str] = set()
        if isinstance(names, list):
            chosen.update(f"{self.account}/{name}" for name in names)
        if isinstance(ids, list):
            known = self.repositories or {}
            chosen.update(known.get(number, f"?/{number}") for number in ids)
        if not chosen or len(chosen) > _MOST_REPOSITORIES or not all(map(self.reaches, chosen)):
            raise Refusal(
                422,
                "There is at least one repository that does not exist or is not accessible"
                " to the parent installation.",
            )
        return frozenset(chosen)

    def document(self, app: App, account: Mapping[str, Any], url: str) -> dict[str, Any]:
        """Give the API's document of an installation."""
        return {
            "id": self.id,
            "account": dict(account),
            "repository_selection": "all" if self.repositories is None else "selected",
            "access_tokens_url": f"{url}/app/installations/{self.id}/access_tokens",
            "repositories_url": f"{url}/installation/repositories",
            "html_url": f"{url}/organizations/{self.account}/settings/installations/{self.id}",
            "app_id": self.app_id,
            "client_id": app.client_id,
            "app_slug": app.slug,
            "target_id": account["id"],
            "target_type": account["type"],
            "permissions": dict(self.permissions),
            "events": list(app.events),
            "created_at": stamp(0),
            "updated_at": stamp(0),
            "single_file_name": None,
            "suspended_by": None,
            "suspended_at": stamp(0) if self.suspended else None,
        }


@dataclass(slots=True)
class Apps:
    """The apps of the forge and where they are installed."""

    _apps: dict[int, App] = field(default_factory=dict)
    _installations: dict[int, Installation] = field(default_factory=dict)

    def register(
        self,
        slug: str,
        *,
        permissions: Mapping[str, str],
        owner: str = "acme",
        events: tuple[str, ...] = ("pull_request",),
    ) -> App:
        """Register an app, with a key that no other app of this forge has."""
        number = 1_000 + len(self._apps)
        private, public = AppKeys.of(number)
        app = App(
            id=number,
            slug=slug,
            name=slug.replace("-", " ").title(),
            owner=owner,
            client_id="Iv23li" + secrets.token_hex(7),
            permissions={"metadata": "read", **permissions},
            events=events,
            private_key=private,
            public_key=public,
        )
        self._apps[number] = app
        return app

    def install(
        self, app: App, account: str, repositories: Mapping[int, str] | None = None
    ) -> Installation:
        """Install an app on an account, for all its repositories or for those given."""
        number = 50_000 + len(self._installations)
        made = Installation(
            id=number,
            app_id=app.id,
            account=account,
            permissions=dict(app.permissions),
            repositories=None if repositories is None else dict(repositories),
        )
        self._installations[number] = made
        return made

    def app(self, number: int) -> App:
        """Find an app by its id."""
        try:
            return self._apps[number]
        except KeyError:
            raise not_found() from None

    def installation(self, number: int) -> Installation:
        """Find an installation by its id; a suspended one is refused with 403."""
        try:
            found = self._installations[number]
        except KeyError:
            raise not_found() from None
        if found.suspended:
            raise Refusal(403, "This installation has been suspended")
        return found

    def installations(self, app_id: int) -> list[Installation]:
        """List the installations of an app."""
        return [each for each in self._installations.values() if each.app_id == app_id]

    def verify(self, token: str, now: float) -> App:
        """Find the app that signed a web token that is good now.

        Source: "Generating a JSON Web Token (JWT) for a GitHub App",
        /apps/creating-github-apps/authenticating-with-a-github-app/
        generating-a-json-web-token-jwt-for-a-github-app (G12): RS256; `iat` is not in the
        future, `exp` is, and by ten minutes at most.

        Raises:
            Refusal: 401; 404 for an issuer that is no app.
        """
        import jwt

        try:
            issuer = str(jwt.decode(token, options={"verify_signature": False}).get("iss", ""))
        except jwt.InvalidTokenError:
            raise _undecoded() from None
        app = next((a for a in self._apps.values() if issuer in {str(a.id), a.client_id}), None)
        if app is None:
            raise Refusal(404, "Integration not found")
        # The forge's own clock decides, so that a test can skew it.
        try:
            claims = jwt.decode(
                token,
                app.public_key,
                algorithms=["RS256"],
                options={"verify_exp": False, "verify_iat": False, "verify_nbf": False},
            )
        except jwt.InvalidTokenError:
            raise _undecoded() from None
        _check_times(claims, now)
        return app


class AppKeys:
    """The keys of apps, and the tokens that are signed with them."""

    @staticmethod
    @cache
    def of(_number: int) -> tuple[str, str]:
        """Make a pair of RSA keys for an app's id, as PEM: private, public.

        It is made once in a process, as that takes longer than to start a forge: apps of
        several forges that have one id have one pair.
        """
        from cryptography.hazmat.primitives import serialization as form
        from cryptography.hazmat.primitives.asymmetric import rsa

        key = rsa.generate_private_key(public_exponent=65_537, key_size=2_048)
        private = key.private_bytes(
            form.Encoding.PEM, form.PrivateFormat.TraditionalOpenSSL, form.NoEncryption()
        )
        public = key.public_key().public_bytes(
            form.Encoding.PEM, form.PublicFormat.SubjectPublicKeyInfo
        )
        return private.decode("ascii"), public.decode("ascii")

    @staticmethod
    def stateless(app: App, installation_id: int, expires_at: float) -> str:
        """Make a token of the new format, `ghs_<id of the app>_<web token>`.

        It has some 520 characters, two dots and underscores.

        Source: "About authentication to GitHub", section "GitHub's token formats" (G14).
        """
        import jwt

        claims = {"iss": "forge", "sub": installation_id, "exp": int(expires_at)}
        signed = jwt.encode({**claims, "jti": secrets.token_hex(16)}, app.private_key, "RS256")
        return f"ghs_{app.id}_{signed}"


def _check_times(claims: Mapping[str, Any], now: float) -> None:
    issued, expires = claims.get("iat"), claims.get("exp")
    if not isinstance(issued, int) or issued > now:
        raise Refusal(
            401,
            "'Issued at' claim ('iat') must be an Integer representing the time that the"
            " assertion was issued",
        )
    if not isinstance(expires, int | float) or expires <= now:
        raise Refusal(
            401,
            "'Expiration time' claim ('exp') must be a numeric value representing the future"
            " time at which the assertion expires",
        )
    if expires > now + _LONGEST:
        raise Refusal(401, "'Expiration time' claim ('exp') is too far in the future")


def _undecoded() -> Refusal:
    return Refusal(401, "A JSON web token could not be decoded")
