"""The verbs of an engine about what it keeps, and where it runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codeflow_engine.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from codeflow_engine.contracts import Pruned
    from codeflow_engine.domain.dismissal import Dismissal
    from codeflow_engine.runs.toolbox import Toolbox
    from codeflow_engine.sandbox import Isolation

__all__ = ["UpkeepVerbs"]


class UpkeepVerbs:
    """Dismissals, the storage, and the sandbox."""

    _tools: Toolbox

    async def dismiss(
        self,
        fingerprint: str,
        *,
        reason: str,
        author: str,
        scope: str = "repository",
        where: str | None = None,
        expires_at: datetime | None = None,
    ) -> Dismissal:
        """Say that a finding needs no attention; later reviews show it as dismissed.

        Args:
            fingerprint: Of a finding that some review of this tenant has stored, or so
                much of its beginning that it is the only one. For the whole tenant any.
            reason: Why, in words for those who come later.
            author: Who says so.
            scope: `"change"`, `"repository"` or `"tenant"`.
            where: The change or the repository; None where the finding is known in one.
            expires_at: From when on it counts again; with a time zone.

        Raises:
            ConfigurationError: No such finding, more than one, or something is missing.
        """
        from codeflow_engine.review.dismiss import DismissRequest, dismiss

        request = DismissRequest(
            fingerprint=fingerprint,
            reason=reason,
            author=author,
            scope=scope,
            where=where,
            expires_at=expires_at,
        )
        tools = self._tools
        now = tools.clock.now()
        return await dismiss(tools.storage, tools.settings.tenant, request, tools.redactor, now)

    async def restore(self, fingerprint: str) -> tuple[Dismissal, ...]:
        """Take back every dismissal of a finding, and return them; none is no error.

        Raises:
            ConfigurationError: More than one finding is meant.
        """
        from codeflow_engine.review.dismiss import restore

        tools = self._tools
        return await restore(tools.storage, tools.settings.tenant, fingerprint, tools.clock.now())

    async def dismissals(self) -> tuple[Dismissal, ...]:
        """List the dismissals of this tenant, expired ones too, sorted by fingerprint."""
        return await self._tools.storage.find_dismissals(self._tools.settings.tenant)

    async def import_dismissals(self, dismissals: Iterable[Dismissal]) -> None:
        """Keep dismissals that come from elsewhere; each replaces one of the same identity."""
        tenant = self._tools.settings.tenant
        await self._tools.storage.put_dismissals(tenant, tuple(dismissals))

    async def migrate(self) -> None:
        """Bring the storage into the form that this version needs; repeatable."""
        await self._tools.storage.migrate()

    async def prune(self, *, before: datetime) -> Pruned:
        """Remove ended runs, and findings and dismissals, that are older than a moment.

        Raises:
            ConfigurationError: The moment has no time zone.
        """
        from codeflow_engine.contracts import Pruned

        if before.utcoffset() is None:
            raise ConfigurationError("the moment to prune before has a time zone")
        whole = Pruned()
        while more := await self._tools.storage.prune(self._tools.settings.tenant, before=before):
            whole += more
        return whole

    async def isolation(self) -> Isolation:
        """Find the rung of the sandbox that analyzers get here; the first call tries it.

        Raises:
            SandboxError: No process can be started here.
        """
        return await self._tools.sandbox.isolation()
