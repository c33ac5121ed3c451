"""What can be set, and what holds where nothing is."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Any

from annotated_types import Gt, Len

from codeflow_engine.domain.change import Scope
from codeflow_engine.sandbox import Isolation

__all__ = ["Settings"]

_Seconds = Annotated[float, Gt(0)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything that can be set. Values are fixed once the engine stands.

    What comes from outside is checked against the annotations when it is loaded.
    """

    storage: str | None = None
    """Name or URL of the storage; None is `memory`."""

    cache: str = "memory"
    """Name or URL of the cache."""

    vcs: str = "git"
    """Name of the VCS host."""

    tenant: Annotated[str, Len(1, 200)] = "default"
    """Whose runs these are; no tenant sees another one's."""

    analyzers: tuple[str, ...] | None = None
    """Names of the analyzers to run; None runs all whose packages are installed."""

    scope: Scope = Scope.CHANGED
    """Whether findings count on changed lines alone, or anywhere in the changed files."""

    observers: tuple[str, ...] = ()
    """Names of the observers to run."""

    plugins_allow: tuple[str, ...] | None = None
    """Distributions or entry points that may load; None lets every installed plugin load."""

    plugins: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Settings of single backends, by the name of the backend."""

    run_timeout: _Seconds = 1800.0
    """Seconds after which a run is given up."""

    analyzer_timeout: _Seconds = 120.0
    """Seconds after which one analyzer is ended; its units then count as failed."""

    finish_timeout: _Seconds = 30.0
    """Seconds that writing the end of a run may take; a success not written by then failed."""

    observer_timeout: _Seconds = 5.0
    """Seconds that an observer may take for one event; of that run it is told no more."""

    max_file_bytes: Annotated[int, Gt(0)] = 10 * 1024 * 1024
    """Files larger than this are not read around a change."""

    isolation: Isolation | None = None
    """The highest rung of the sandbox to try; None tries them all."""
