"""Dismiss: take down a person's word that a finding needs no attention."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from codeflow_engine.contracts import Storage
from codeflow_engine.domain.dismissal import Dismissal, DismissalScope
from codeflow_engine.domain.identity import KnownFinding
from codeflow_engine.errors import ConfigurationError
from codeflow_engine.redaction import Redactor

__all__ = ["DismissRequest", "dismiss", "restore"]

_SHORTEST = 6
"""Characters of a fingerprint that stand for the whole one, where no other begins so."""

_LISTED = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class DismissRequest:
    """What somebody asks to have dismissed."""

    fingerprint: str
    """A fingerprint, or so much of its beginning that it is the only one."""

    reason: str
    author: str
    scope: str = DismissalScope.REPOSITORY
    where: str | None = None
    """The change or the repository; None where the finding is known in one alone."""

    expires_at: datetime | None = None


async def dismiss(
    storage: Storage, tenant: str, request: DismissRequest, redactor: Redactor, now: datetime
) -> Dismissal:
    """Keep a dismissal; it replaces an earlier one of the same finding, scope and place.

    Raises:
        ConfigurationError: No known finding, or more than one, is meant; or the request
            lacks something.
        StorageError: It could not be kept.
    """
    try:
        scope = DismissalScope(request.scope)
    except ValueError:
        known_scopes = ", ".join(DismissalScope)
        raise ConfigurationError(
            f"a dismissal has the scope {known_scopes}, not {request.scope!r}"
        ) from None
    found = await _find(storage, tenant, request.fingerprint)
    about = found[0].finding if found else None
    where = _place(scope, request.where, found)
    try:
        made = Dismissal(
            fingerprint=about.fingerprint if about else request.fingerprint,
            scope=scope,
            where=where,
            reason=redactor.redact(request.reason),
            author=redactor.redact(request.author),
            created_at=now,
            expires_at=request.expires_at,
            rule=about.rule if about else "",
            path=about.path if about else "",
            title=about.title if about else "",
        )
    except ValueError as error:
        raise ConfigurationError(str(error)) from None
    if made.expires_at is not None and made.expires_at <= now:
        raise ConfigurationError("a dismissal that has expired already would dismiss nothing")
    await storage.put_dismissals(tenant, [made])
    return made


async def restore(
    storage: Storage, tenant: str, fingerprint: str, now: datetime
) -> tuple[Dismissal, ...]:
    """Take back all dismissals of a finding, and return them; none is no error.

    They are removed, but for those that were said in a thread, where they can be read again:
    of these it is kept that they were taken back, until they are pruned as expired.

    Raises:
        ConfigurationError: More than one finding is meant.
    """
    held = [one for one in await storage.find_dismissals(tenant) if not one.is_taken_back]
    _check_long(fingerprint)
    exact = [one for one in held if one.fingerprint == fingerprint]
    meant = exact or [one for one in held if one.fingerprint.startswith(fingerprint)]
    _check_one(fingerprint, {one.fingerprint for one in meant})
    await storage.put_dismissals(tenant, [one.taken_back(now) for one in meant if one.thread])
    await storage.remove_dismissals(tenant, [one for one in meant if not one.thread])
    return tuple(meant)


async def _find(storage: Storage, tenant: str, fingerprint: str) -> tuple[KnownFinding, ...]:
    """Find what is known under a fingerprint, in all changes."""
    _check_long(fingerprint)
    known = await storage.find_findings(tenant, prefix=fingerprint)
    exact = tuple(one for one in known if one.fingerprint == fingerprint)
    found = exact or known
    _check_one(fingerprint, {one.fingerprint for one in found})
    return found


def _check_long(fingerprint: str) -> None:
    if len(fingerprint) < _SHORTEST:
        raise ConfigurationError(
            f"{fingerprint!r} is too short for a fingerprint; give {_SHORTEST} characters or more"
        )


def _check_one(asked: str, found: set[str]) -> None:
    if len(found) > 1:
        listed = ", ".join(sorted(found)[:_LISTED])
        raise ConfigurationError(f"{len(found)} findings begin with {asked!r}: {listed}")


def _place(scope: DismissalScope, asked: str | None, found: Sequence[KnownFinding]) -> str | None:
    if scope is DismissalScope.TENANT:
        if asked is not None:
            raise ConfigurationError("a dismissal for the whole tenant has no place")
        return None
    if asked is not None:
        return asked
    places = {one.change if scope is DismissalScope.CHANGE else one.repository for one in found}
    places.discard("")
    if len(places) == 1:
        return places.pop()
    if places:
        listed = ", ".join(sorted(places)[:_LISTED])
        raise ConfigurationError(f"the finding is known in more than one {scope}: {listed}")
    raise ConfigurationError(
        f"no finding of a known {scope} has that fingerprint; name the {scope}, "
        f"or dismiss it for the whole {DismissalScope.TENANT}"
    )
