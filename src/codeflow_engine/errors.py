"""Every error that the engine raises on purpose.

```text
CodeflowError
├── ConfigurationError            settings or arguments that cannot work
│   ├── MissingDependencyError    an extra is not installed; names what to install
│   └── DisclosureError           no provider may be sent what stands in these paths
├── BudgetExhaustedError          what may be spent is spent; names the scope
├── CassetteError                 a recording is damaged, or does not hold what is asked
├── DiffError                     malformed or truncated diff, with its line
├── SerializationError            stored or posted JSON of another form
├── PluginError                   a plugin broke its side of the contract
│   ├── PluginConflictError       two owners of one name
│   └── UnknownBackendError       nobody owns the name; lists the known ones
├── ProviderError                 an LLM provider or a VCS host failed
│   ├── AuthenticationError
│   ├── RateLimitError
│   ├── QuotaExhaustedError
│   ├── ProviderTimeoutError
│   ├── ProviderUnavailableError
│   ├── ModelUnavailableError
│   ├── RefusedError              the model declined to answer
│   ├── TruncatedAnswerError      the answer is not whole
│   ├── ContextOverflowError      the prompt does not fit the model
│   ├── InvalidResponseError      an answer of the wrong form
│   └── ChangeUnavailableError    no such change, revision, or object
├── StorageError
│   ├── StorageUnavailableError
│   ├── StorageFullError
│   └── SchemaVersionError
├── WorkflowError
│   ├── NonDeterminismError
│   ├── LeaseLostError
│   ├── RunCancelledError
│   ├── RunNotFoundError
│   ├── ConflictingRunError       same key, other input
│   ├── StepError                 a step raised what the journal cannot keep
│   ├── StepTimeoutError          a step took longer than it may
│   └── RunTimeoutError           a run executed for longer than it may
├── SandboxError                  a subprocess could not be run as asked
│   ├── SandboxTimeoutError
│   └── SandboxLimitError         output or memory cap reached
├── AnalyzerError
├── PublishError
└── PatchError                    files are not what a patch was made for, or cannot be written
```

A message says what happened, with which value, and what to do. It never holds a secret
and never text of a prompt.
"""

from __future__ import annotations

from typing import Any, ClassVar, Self

__all__ = [
    "AnalyzerError",
    "AuthenticationError",
    "BudgetExhaustedError",
    "CassetteError",
    "ChangeUnavailableError",
    "CodeflowError",
    "ConfigurationError",
    "ConflictingRunError",
    "ContextOverflowError",
    "DiffError",
    "DisclosureError",
    "InvalidResponseError",
    "LeaseLostError",
    "MissingDependencyError",
    "ModelUnavailableError",
    "NonDeterminismError",
    "PatchError",
    "PluginConflictError",
    "PluginError",
    "ProviderError",
    "ProviderTimeoutError",
    "ProviderUnavailableError",
    "PublishError",
    "QuotaExhaustedError",
    "RateLimitError",
    "RefusedError",
    "RunCancelledError",
    "RunNotFoundError",
    "RunTimeoutError",
    "SandboxError",
    "SandboxLimitError",
    "SandboxTimeoutError",
    "SchemaVersionError",
    "SerializationError",
    "StepError",
    "StepTimeoutError",
    "StorageError",
    "StorageFullError",
    "StorageUnavailableError",
    "TruncatedAnswerError",
    "UnknownBackendError",
    "WorkflowError",
]


class CodeflowError(Exception):
    """Root of the tree; catch it to catch everything that the engine raises."""

    retryable: ClassVar[bool] = False
    """Whether the same call may succeed later without any change."""

    retry_after: float | None = None
    """Seconds to wait before a retry, where the other side said so."""

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(message)
        if retry_after is not None:
            self.retry_after = retry_after

    @property
    def message(self) -> str:
        """What happened, as one sentence for a person."""
        return str(self.args[0])

    def __reduce__(self) -> tuple[Any, ...]:
        # Exception's own form calls the constructor with `args` alone, which fails for
        # every subclass that has required keywords.
        return _rebuild, (type(self), self.args, dict(self.__dict__))

    @classmethod
    def _restore(cls, args: tuple[Any, ...], state: dict[str, Any]) -> Self:
        error = cls.__new__(cls)
        error.args = args
        error.__dict__.update(state)
        return error


def _rebuild(
    cls: type[CodeflowError], args: tuple[Any, ...], state: dict[str, Any]
) -> CodeflowError:
    return cls._restore(args, state)


class ConfigurationError(CodeflowError):
    """Settings or arguments cannot work together, or have a wrong value."""


class MissingDependencyError(ConfigurationError):
    """A backend needs a package that is not installed."""

    def __init__(self, message: str, *, requires: str) -> None:
        super().__init__(message)
        self.requires = requires
        """The requirement to install, as pip takes it."""


class DisclosureError(ConfigurationError):
    """The host's rules let no provider see the paths that a question shows."""


class BudgetExhaustedError(CodeflowError):
    """A question could cost more than a budget has left; it was not asked."""

    def __init__(self, message: str, *, scope: str) -> None:
        super().__init__(message)
        self.scope = scope
        """The scope whose budget is spent, as `Engine.top_up` takes it."""


class CassetteError(CodeflowError):
    """A recording cannot be used, or does not hold what a replay asks for."""

    def __init__(
        self,
        message: str,
        *,
        path: str,
        line: int | None = None,
        asked: str | None = None,
        nearest: str | None = None,
    ) -> None:
        place = path if line is None else f"{path}, line {line}"
        super().__init__(f"cassette {place}: {message}")
        self.path = path
        """The file."""

        self.line = line
        """Line of the file, counted from 1, where one is to blame."""

        self.asked = asked
        """What a replay has asked for in vain."""

        self.nearest = nearest
        """What the recording holds that comes nearest to it."""


class DiffError(CodeflowError, ValueError):
    """A diff is malformed or cut off."""

    def __init__(self, message: str, *, line: int) -> None:
        super().__init__(f"line {line}: {message}")
        self.line = line
        """Line of the input where reading failed, counted from 1."""


class SerializationError(CodeflowError, ValueError):
    """A value cannot be written as JSON, or JSON does not have the form of the value."""


class PluginError(CodeflowError):
    """A plugin cannot be loaded or broke its contract."""


class PluginConflictError(PluginError):
    """Two plugins own the same name of the same kind."""


class UnknownBackendError(PluginError, LookupError):
    """No plugin owns the name that was asked for."""

    def __init__(self, message: str, *, known: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.known = known
        """The names that exist, sorted."""


class ProviderError(CodeflowError):
    """An LLM provider or a VCS host failed."""

    kind: str = "provider"
    """What went wrong in one word of few: the `error.type` of spans and metrics."""

    charged: bool = False
    """Whether the provider may ask money for the call all the same."""

    def __init__(
        self,
        message: str,
        *,
        retry_after: float | None = None,
        kind: str | None = None,
        charged: bool = False,
    ) -> None:
        super().__init__(message, retry_after=retry_after)
        if kind is not None:
            self.kind = kind
        if charged:
            self.charged = True


class AuthenticationError(ProviderError):
    """The provider does not accept the credentials; names the setting, not the value."""

    kind = "authentication"


class RateLimitError(ProviderError):
    """The provider asks to slow down; `retry_after` holds the wait where it is known."""

    kind = "rate_limit"
    retryable = True


class QuotaExhaustedError(ProviderError):
    """The account has no money or quota left; waiting alone does not help."""

    kind = "quota"


class ProviderTimeoutError(ProviderError):
    """The provider did not answer within the deadline."""

    kind = "timeout"
    retryable = True


class ProviderUnavailableError(ProviderError):
    """The provider cannot be reached or is overloaded."""

    kind = "unavailable"
    retryable = True


class ModelUnavailableError(ProviderError):
    """The provider does not serve the model, or no longer."""

    kind = "model"


class RefusedError(ProviderError):
    """The model or its filter declined to answer."""

    kind = "refused"


class TruncatedAnswerError(ProviderError):
    """The answer ended before the model had finished."""

    kind = "truncated"


class ContextOverflowError(ProviderError):
    """The prompt is larger than the model's context window."""

    kind = "context_overflow"


class InvalidResponseError(ProviderError):
    """The provider answered in a form that its interface does not allow."""

    kind = "invalid_response"


class ChangeUnavailableError(ProviderError):
    """The change cannot be had: no such repository, revision, merge base or object."""

    kind = "change"


class StorageError(CodeflowError):
    """The storage failed."""


class StorageUnavailableError(StorageError):
    """The storage cannot be reached."""

    retryable = True


class StorageFullError(StorageError):
    """The storage has no space left; nothing of the write was kept."""


class SchemaVersionError(StorageError):
    """The stored schema is older or newer than this version can use."""


class WorkflowError(CodeflowError):
    """A run cannot go on."""


class NonDeterminismError(WorkflowError):
    """A workflow asked for another step than its journal holds at that place."""


class LeaseLostError(WorkflowError):
    """Another worker has taken the run over."""


class RunCancelledError(WorkflowError):
    """The run was cancelled."""


class RunNotFoundError(WorkflowError, LookupError):
    """No run has that id."""


class ConflictingRunError(WorkflowError):
    """A run with the same key and another input exists already."""


class StepError(WorkflowError):
    """A step raised something that the journal cannot keep; names its type, and not its text."""


class StepTimeoutError(WorkflowError):
    """A step took longer than its author allows."""

    retryable = True


class RunTimeoutError(WorkflowError):
    """A run executed for longer than it may."""


class SandboxError(CodeflowError):
    """A subprocess could not be started or did not end as a subprocess should."""


class SandboxTimeoutError(SandboxError):
    """A subprocess ran past its deadline and was killed with all its children."""


class SandboxLimitError(SandboxError):
    """A subprocess passed a cap on its output or its resources and was killed."""


class AnalyzerError(CodeflowError):
    """An analyzer could not do its work."""


class PublishError(CodeflowError):
    """Effects could not be delivered as planned."""


class PatchError(CodeflowError):
    """A patch cannot be written: the files are not those it was made for, or the system refuses."""
