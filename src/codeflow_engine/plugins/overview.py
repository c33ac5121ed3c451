"""What an engine's user can see of its plugins."""

from __future__ import annotations

from codeflow_engine.errors import CodeflowError
from codeflow_engine.plugins.backends import Backends
from codeflow_engine.plugins.loader import LoadedPlugins, PluginFailure
from codeflow_engine.plugins.registry import BackendInfo

__all__ = ["Plugins"]


class Plugins:
    """The plugins of one engine."""

    def __init__(self, loaded: LoadedPlugins, backends: Backends) -> None:
        self._loaded = loaded
        self._backends = backends

    @property
    def backends(self) -> tuple[BackendInfo, ...]:
        """Everything that is offered, sorted by kind and name."""
        return self._loaded.registry.offers

    @property
    def failures(self) -> tuple[PluginFailure, ...]:
        """What is installed and not in use, with the reason."""
        return tuple(self._loaded.failures)

    @property
    def loop_bound(self) -> tuple[str, ...]:
        """Classes of the host's own objects in use that work on one event loop alone."""
        return tuple(self._backends.loop_bound)

    def problem(self, info: BackendInfo) -> CodeflowError | None:
        """Say why an offer cannot be used now; None where it can. Imports it."""
        return self._backends.problem(info)
