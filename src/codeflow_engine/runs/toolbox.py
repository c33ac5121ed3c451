"""What an engine lends to its runs."""

from __future__ import annotations

from concurrent.futures import Executor
from dataclasses import dataclass

from codeflow_engine.contracts import VCS, Cache, Journal, Meter, ModelGateway, Storage
from codeflow_engine.errors import PluginError
from codeflow_engine.pace.clock import Clock
from codeflow_engine.plugins.backends import Backends
from codeflow_engine.plugins.containment import is_foreign
from codeflow_engine.plugins.dispatch import HookDispatch
from codeflow_engine.prompts import Prompts
from codeflow_engine.redaction import Redactor
from codeflow_engine.runs.points import Points
from codeflow_engine.sandbox import Sandbox
from codeflow_engine.settings import Settings
from codeflow_engine.telemetry.eyes import Eyes
from codeflow_engine.telemetry.logging import EngineLog

__all__ = ["Toolbox"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Toolbox:
    """What an engine lends to its runs; the same for all of them."""

    settings: Settings
    storage: Storage
    journal: Journal
    """The storage itself, where it keeps a journal."""

    meter: Meter
    """Likewise, for budgets and rate limits."""

    cache: Cache
    vcs: str
    """Name of the VCS backend."""

    sandbox: Sandbox
    redactor: Redactor
    backends: Backends
    hooks: HookDispatch
    log: EngineLog
    eyes: Eyes
    clock: Clock
    threads: Executor
    models: ModelGateway
    prompts: Prompts

    points: Points | None = None
    """Who is told of named points, in tests of crashes."""

    def host(self, name: str | None = None) -> VCS:
        """Give a VCS backend for the next call; the keys that it uses now are shown nowhere.

        Args:
            name: Of the backend; None for that of the engine.

        Raises:
            UnknownBackendError: There is none of that name.
            PluginError: It cannot be made, or fails to say which keys it uses.
        """
        chosen = name or self.vcs
        host = self.backends.get(VCS, chosen)
        try:
            secrets = [secret for secret in host.secrets if secret.strip()]
        except BaseException as error:
            if not is_foreign(error):
                raise
            kind = type(error).__name__  # its words may hold the key
            raise PluginError(f"vcs {chosen!r} broke its contract: it raised {kind}") from error
        for secret in secrets:
            self.redactor.add_secret(secret)
        return host
