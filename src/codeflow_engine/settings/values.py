"""What can be set, and what holds where nothing is."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated, Any

from annotated_types import Gt, Le, Len

from codeflow_engine.domain.budget import Budget
from codeflow_engine.domain.change import Scope
from codeflow_engine.domain.journal import RunLimits
from codeflow_engine.domain.model import ModelSettings
from codeflow_engine.domain.publishing import PublishPolicy
from codeflow_engine.sandbox import Isolation

__all__ = ["Executes", "Settings"]

_Seconds = Annotated[float, Gt(0)]


class Executes(StrEnum):
    """Which runs an engine executes."""

    ALL = "all"
    """All of its tenant: those that were submitted elsewhere, or left by a worker, too."""

    OWN = "own"
    """Those that are submitted or resumed through it; they end with it."""

    NONE = "none"
    """None: it submits, and others execute."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything that can be set. Values are fixed once the engine stands.

    Those that may hold a key or a password are left out of its `repr`.

    What comes from outside is checked against the annotations when it is loaded.
    """

    storage: str | None = field(default=None, repr=False)
    """Name or URL of the storage; None is `memory`."""

    cache: str = field(default="memory", repr=False)
    """Name or URL of the cache."""

    vcs: str = "git"
    """Name of the VCS host."""

    tenant: Annotated[str, Len(1, 200)] = "default"
    """Whose runs these are; no tenant sees another one's."""

    analyzers: tuple[str, ...] | None = None
    """Names of the analyzers to run; None runs all whose packages are installed."""

    scope: Scope = Scope.CHANGED
    """Whether findings count on changed lines alone, or anywhere in the changed files."""

    heed_bots: tuple[str, ...] = ()
    """Logins of other programs whose open comments on a change are findings of its review."""

    observers: tuple[str, ...] = ()
    """Names of the observers to run."""

    llm: tuple[str, ...] = ()
    """Ids of models, such as `openai:gpt-5.1`, in the order in which they are asked: the next
    one where one gives no answer."""

    models: dict[str, ModelSettings] = field(default_factory=dict)
    """What the host says of a model, by its id: prices, sizes and rate limits."""

    budgets: dict[str, Budget] = field(default_factory=dict)
    """What each `run`, `change`, `repository`, the `tenant` and each `month` may spend."""

    withheld: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Files that are never sent: patterns as in `.gitignore`, by the id of a model, the name
    of its provider, or `*` for all."""

    llm_attempts: Annotated[int, Gt(0)] = 3
    """How often one model is called for one question, at most."""

    llm_timeout: _Seconds = 300.0
    """Seconds for one attempt."""

    llm_deadline: _Seconds = 900.0
    """Seconds for one model's attempts and the pauses between them."""

    llm_pause: _Seconds = 60.0
    """Seconds beyond which no pause is slept: the next model is asked, or the run put aside."""

    llm_refusals: bool = False
    """Whether the next model is asked where one has declined to answer."""

    llm_parallel: Annotated[int, Gt(0)] = 8
    """Chunks of one review that models are asked about at the same time."""

    chunk_tokens: Annotated[int, Gt(0)] = 2_500
    """Tokens of a change that a model is shown at once. Smaller chunks cost more for what is
    said beside them, and less for a push: what was changed is paid for with its whole chunk."""

    answer_tokens: Annotated[int, Gt(0)] = 4_096
    """Tokens that a model may answer with about one chunk."""

    strategy: str = "single"
    """Name of the strategy, which decides what models are asked about a chunk."""

    critic: Annotated[float, Gt(0), Le(1)] | None = None
    """Confidence below which a second look of a model drops a finding of the first; None takes
    no second look."""

    prompts: str | None = None
    """Directory of prompts that take the place of those that ship, such as `inspect.md`."""

    fence_key: Annotated[str, Len(16)] | None = field(default=None, repr=False)
    """What the marks around the change in prompts are made with, besides its content: a secret
    of the tenant, so that no author of a change can know them. The same in all processes, or
    answers are paid for again. None uses the tenant's name."""

    publish: PublishPolicy = field(default_factory=PublishPolicy)
    """What of a review is written to the host of its change, and what fails there."""

    plugins_allow: tuple[str, ...] | None = None
    """Distributions or entry points that may load; None lets every installed plugin load."""

    plugins: dict[str, dict[str, Any]] = field(default_factory=dict, repr=False)
    """Settings of single backends, by the name of the backend."""

    workflows: str = "local"
    """Name of the workflow backend, which decides where and when runs execute."""

    executes: Executes = Executes.ALL
    """Which runs this engine executes."""

    poll: _Seconds = 1.0
    """Seconds between two looks for runs that wait for somebody, and for what others say
    about those under way."""

    lease: _Seconds = 30.0
    """Seconds after which a worker that gives no sign of life counts as gone."""

    linger: _Seconds = 2.0
    """Seconds after which a run that only waits is put aside and takes no memory."""

    recoveries: Annotated[int, Gt(0)] = 10
    """How often a run is taken up because its worker was gone, without one step finished
    meanwhile, until it counts as dead."""

    limits: dict[str, RunLimits] = field(default_factory=dict)
    """How many runs of a workflow execute at once in all workers, by its name."""

    run_timeout: _Seconds = 1800.0
    """Seconds that a run may execute, waits for signals and long sleeps not counted."""

    analyzer_timeout: _Seconds = 120.0
    """Seconds after which one analyzer is ended; its units then count as failed."""

    finish_timeout: _Seconds = 30.0
    """Seconds that the storage may take for one call about runs. A success that is not written by
    then has failed; in a storage that outlives the process it is written later."""

    observer_timeout: _Seconds = 5.0
    """Seconds that an observer may take for one event; of that run it is told no more."""

    max_file_bytes: Annotated[int, Gt(0)] = 10 * 1024 * 1024
    """Files larger than this are not read around a change."""

    isolation: Isolation | None = None
    """The highest rung of the sandbox to try; None tries them all."""
