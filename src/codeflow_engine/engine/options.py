"""What a host may bring to its engine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypedDict

if TYPE_CHECKING:
    import logging
    import os
    from collections.abc import Iterable, Mapping, Sequence

    from opentelemetry.metrics import MeterProvider
    from opentelemetry.trace import TracerProvider

    from codeflow_engine.contracts import (
        LLM,
        VCS,
        Analyzer,
        Cache,
        Observer,
        Storage,
        WorkflowBackend,
    )
    from codeflow_engine.domain.budget import Budget
    from codeflow_engine.domain.change import Change
    from codeflow_engine.domain.diff import Diff
    from codeflow_engine.domain.model import ModelSettings
    from codeflow_engine.domain.publishing import PublishPolicy
    from codeflow_engine.pace.clock import Clock
    from codeflow_engine.runs.points import Points
    from codeflow_engine.sandbox import Isolation

__all__ = ["ChangeLike", "EngineOptions"]

type ChangeLike = str | bytes | os.PathLike[str] | Diff | Change
"""A repository's path, a patch (its path, text, bytes or `Diff`), or a `Change`."""


class EngineOptions(TypedDict, total=False):
    """What a host may bring to its engine. Whatever is left out comes from the settings."""

    storage: str | Storage | object | None
    """Where runs, reviews and findings are kept: a URL, a name, a storage that the host made,
    or an object of the host that a storage works with, such as a SQLAlchemy engine."""

    cache: str | Cache | object | None
    """Where results are kept that may be lost; in the same forms."""

    vcs: str | VCS | None
    """Name of a VCS host, or one that the host made."""

    llm: str | LLM | Iterable[str | LLM] | None
    """Models to ask, in their order: ids such as `"openai:gpt-5.1"`, or providers that the host
    made, such as `OpenAI("gpt-5.1", client=...)`."""

    budget: Budget | Mapping[str, Budget] | None
    """What a run may spend; or budgets by the kind of scope: `run`, `change`, `repository`,
    `tenant`, `month`."""

    models: Mapping[str, ModelSettings | Mapping[str, Any]] | None
    """What the host says of a model, by its id: prices, sizes and rate limits."""

    withheld: Mapping[str, Sequence[str]] | None
    """Files that are never sent: patterns as in `.gitignore`, by the id of a model, the name
    of its provider, or `*` for all."""

    analyzers: Iterable[str | Analyzer] | None
    """Names of the analyzers to ask, or ones that the host made; None asks all whose
    packages are installed."""

    workflows: str | WorkflowBackend | None
    """Name of the workflow backend, which decides where and when runs execute, or one that
    the host made."""

    executes: str | None
    """Which runs this engine executes: `"all"` of its tenant, wherever they were submitted;
    `"own"`, those that are submitted here, and end with it; `"none"`, others execute."""

    observers: Iterable[str | Observer] | None
    """Names of observers, or ones that the host made."""

    publish: PublishPolicy | Mapping[str, Any] | None
    """What of a review is written to the host of its change, and what fails there."""

    plugins: Iterable[object]
    """Modules or objects of this process with hook implementations."""

    plugins_allow: Sequence[str] | None
    """Distributions or entry points that may load; None allows all that are installed."""

    tenant: str | None
    """Whose runs these are."""

    settings_file: str | os.PathLike[str] | None
    """A TOML file with settings; see `Settings` for its keys."""

    backend_settings: Mapping[str, Mapping[str, Any]] | None
    """Settings of single backends by their names, over those of file and environment."""

    isolation: Isolation | None
    """The best rung of the sandbox to try; None tries all."""

    secrets: Iterable[str]
    """Values that must never appear in any output, such as the host's keys. Those shorter than 8
    characters, of fewer than 4 different ones, or that are a widespread default, are not looked
    for: in ordinary text they would mostly stand for something else."""

    logger: logging.Logger | None
    """Where the engine logs; None is the logger `codeflow_engine`."""

    tracer_provider: TracerProvider | None
    """Where spans go; None asks OpenTelemetry for the provider of the process, if there is one."""

    meter_provider: MeterProvider | None
    """Where metrics go; None asks OpenTelemetry for the provider of the process."""

    clock: Clock | None
    """Where time, chance and ids come from."""

    record: str | os.PathLike[str] | None
    """File to write when the engine closes: all that its runs asked hosts, analyzers and models,
    and what they were answered, without secrets."""

    replay: str | os.PathLike[str] | None
    """A file that was recorded: runs are answered from it alone, and give what they gave then.
    The settings that it was recorded with hold, and the storage is `memory`, but for options."""

    points: Points | None
    """Who is told of the named points that runs pass; for tests of crashes."""
