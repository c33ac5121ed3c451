"""Creates backends when their name is first asked for, and closes what it created."""

from __future__ import annotations

import importlib
import inspect
import threading
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Protocol

from codeflow_engine.contracts import (
    LLM,
    VCS,
    Analyzer,
    Backend,
    Cache,
    Observer,
    Storage,
    Strategy,
    WorkflowBackend,
)
from codeflow_engine.domain.encoding import from_plain
from codeflow_engine.errors import (
    CodeflowError,
    ConfigurationError,
    MissingDependencyError,
    PluginError,
    SerializationError,
)
from codeflow_engine.plugins.containment import is_foreign, tell
from codeflow_engine.plugins.registry import BackendInfo, Factory, Kind, Registry

__all__ = ["CONTRACTS", "Backends", "StandIns"]

CONTRACTS: dict[Kind, type[Backend]] = {
    Kind.LLM: LLM,
    Kind.VCS: VCS,
    Kind.STORAGE: Storage,
    Kind.CACHE: Cache,
    Kind.WORKFLOW_BACKEND: WorkflowBackend,
    Kind.ANALYZER: Analyzer,
    Kind.STRATEGY: Strategy,
    Kind.OBSERVER: Observer,
}
"""The class that backends of each kind derive from."""

_OF = ":"
"""Stands between the name of a provider of models and the id of one of its models."""


class StandIns(Protocol):
    """Stands between an engine and its backends; what it is handed makes the real ones."""

    def names(self, kind: Kind, live: Callable[[], tuple[str, ...]]) -> tuple[str, ...]:
        """List the names that can be asked for."""

    def get(self, kind: Kind, name: str, live: Callable[[], Backend]) -> Backend:
        """Give the backend of a name, or what stands for it."""


class Backends:
    """The living backends of one engine, each created once and on first use."""

    def __init__(self, registry: Registry, settings: Mapping[str, Mapping[str, Any]]) -> None:
        self._registry = registry
        self._settings = settings
        self._created: dict[tuple[Kind, str], Backend] = {}
        self._adopted: dict[tuple[Kind, str], Backend] = {}
        self._targets: dict[tuple[Kind, str], Any] = {}
        """The URL or the handle that a backend is created with."""

        self._loaded: set[tuple[Kind, str]] = set()
        self._creating = threading.Lock()
        self.stand_ins: StandIns | None = None
        """Who is asked first, while a run is recorded or replayed."""

        self.loop_bound: list[str] = []
        """Handles of the host that belong to its event loop, by their classes' names."""

    def choose(self, kind: Kind, given: Any) -> str:
        """Give the name of the backend that a name, a URL, a handle or a backend means.

        Raises:
            ConfigurationError: Nothing takes such a thing.
            PluginConflictError: More than one backend does.
        """
        if isinstance(given, CONTRACTS[kind]):
            return self.adopt(kind, given)
        if not isinstance(given, str):
            return self._take_handle(kind, given)
        scheme, separator, _ = given.partition("://")
        if not separator:
            return given
        # The rest of a URL may hold a password, so that no message quotes it.
        scheme = scheme.partition("+")[0].lower()
        taking = [offer for offer in self._offers(kind) if scheme in offer.schemes]
        if not taking:
            known = sorted({scheme for offer in self._offers(kind) for scheme in offer.schemes})
            listed = ", ".join(known) or "none"
            raise ConfigurationError(f"no {kind} takes a URL of {scheme!r}; known: {listed}")
        return self._target(kind, taking, given)

    def _take_handle(self, kind: Kind, given: Any) -> str:
        classes = {f"{one.__module__}.{one.__qualname__}" for one in type(given).__mro__}
        offers = self._offers(kind)
        bound = [offer for offer in offers if classes.intersection(offer.loop_handles)]
        taking = bound or [offer for offer in offers if classes.intersection(offer.handles)]
        if not taking:
            raise ConfigurationError(
                f"a {type(given).__name__} is no {kind}: it does not derive from "
                f"{CONTRACTS[kind].__name__}, and no plugin works with it"
            )
        if bound:
            self.loop_bound.append(type(given).__name__)
        return self._target(kind, taking, given)

    def _offers(self, kind: Kind) -> list[BackendInfo]:
        return [offer for offer in self._registry.offers if offer.kind is kind]

    def _target(self, kind: Kind, taking: list[BackendInfo], target: Any) -> str:
        info = self._registry.sole(taking)
        self._targets[kind, info.name] = target
        return info.name

    def adopt(self, kind: Kind, backend: Backend) -> str:
        """Take in a backend that the host made; it is used and never closed.

        Returns:
            The name that it has from now on, here alone; it hides an offer of that name.

        Raises:
            ConfigurationError: It does not derive from the contract of its kind.
        """
        contract = CONTRACTS[kind]
        if not isinstance(backend, contract):
            raise ConfigurationError(
                f"a {type(backend).__name__} is no {kind}: "
                f"it does not derive from {contract.__name__}"
            )
        plain = name = type(backend).__name__.lower()
        number = 1
        while (kind, name) in self._adopted:
            number += 1
            name = f"{plain}-{number}"
        self._adopted[kind, name] = backend
        return name

    def names(self, kind: Kind) -> tuple[str, ...]:
        """List the names that can be asked for, sorted."""
        live = partial(self._names, kind)
        return live() if self.stand_ins is None else self.stand_ins.names(kind, live)

    def _names(self, kind: Kind) -> tuple[str, ...]:
        adopted = {name for of_kind, name in self._adopted if of_kind is kind}
        return tuple(sorted(adopted.union(self._registry.names(kind))))

    def get[B: Backend](self, contract: type[B], name: str) -> B:
        """Return the backend of this contract under a name; create it the first time.

        The first time imports its module, so it belongs into a worker thread.

        Raises:
            UnknownBackendError: Nobody offers the name.
            PluginConflictError: More than one plugin offers it.
            MissingDependencyError: A package that it needs is not installed.
            ConfigurationError: Its section of the settings is wrong.
            PluginError: It cannot be loaded, or is not what it was offered as.
        """
        kind = next(kind for kind, known in CONTRACTS.items() if known is contract)
        live = partial(self._live, kind, contract, name)
        if self.stand_ins is None:
            return live()
        found = self.stand_ins.get(kind, name, live)
        assert isinstance(found, contract)  # noqa: S101 - a stand-in is of the kind it stands for
        return found

    def _live[B: Backend](self, kind: Kind, contract: type[B], name: str) -> B:
        # Not by truth: a cache or a storage with a length is false while it is empty.
        known = self._adopted.get((kind, name), self._created.get((kind, name)))
        if isinstance(known, contract):
            return known
        with self._creating:
            return self._create_once(kind, contract, name)

    def _create_once[B: Backend](self, kind: Kind, contract: type[B], name: str) -> B:
        known = self._created.get((kind, name))
        if isinstance(known, contract):
            return known
        info = self._registry.find(kind, name.partition(_OF)[0] if kind is Kind.LLM else name)
        created = self._create(info, name)
        if not isinstance(created, contract):
            if inspect.iscoroutine(created):
                created.close()
            raise PluginError(
                f"{info.origin}: {kind} {name!r} is a {type(created).__name__}, "
                f"which does not derive from {contract.__name__}"
            )
        self._created[kind, name] = created
        return created

    def load(self, kind: Kind, name: str) -> Any:
        """Import what is offered under a name, without creating anything.

        Raises:
            CodeflowError: As for `get`.
        """
        info = self._registry.find(kind, name)
        found = _resolve(info, info.factory)
        self._loaded.add((kind, name))
        return found

    def is_loaded(self, kind: Kind, name: str) -> bool:
        """Say whether `load` imports nothing any more."""
        return (kind, name) in self._loaded

    def problem(self, info: BackendInfo) -> CodeflowError | None:
        """Say why an offer could not be loaded now; None where it can."""
        try:
            self.load(info.kind, info.name)
            if info.settings is not None:
                _resolve(info, info.settings)
        except CodeflowError as error:
            return error
        return None

    def _create(self, info: BackendInfo, name: str) -> Any:
        factory = _resolve(info, info.factory)
        if info.kind is Kind.LLM:
            factory = partial(factory, _model(name))
        elif info.schemes or info.handles:
            factory = partial(factory, self._required_target(info))
        given = self._settings.get(info.name)
        if info.settings is None:
            if given and not self._is_taken_by_another(info):
                raise ConfigurationError(f"{info.kind} {info.name!r} takes no settings")
            return _contained(info, factory)
        if given is None:
            return _contained(info, factory)
        kind = _resolve(info, info.settings)
        try:
            settings = _contained(info, from_plain, kind, given)
        except SerializationError as error:
            raise ConfigurationError(f"settings of {info.kind} {info.name!r}: {error}") from None
        return _contained(info, factory, settings)

    @property
    def passwords(self) -> tuple[str, ...]:
        """What the URLs in use hold that must never be shown."""
        from urllib.parse import parse_qs, unquote, urlsplit

        found: list[str] = []
        for target in self._targets.values():
            if not isinstance(target, str):
                continue
            parts = urlsplit(target)
            if parts.password:
                found += [parts.password, unquote(parts.password)]
            found += [value for value in parse_qs(parts.query).get("password", ()) if value]
        return tuple(dict.fromkeys(found))

    def _required_target(self, info: BackendInfo) -> Any:
        try:
            return self._targets[info.kind, info.name]
        except KeyError:
            if not info.schemes:
                return None  # what takes no URL can also do without an object of the host
            schemes = ", ".join(f"{scheme}://..." for scheme in info.schemes)
            raise ConfigurationError(
                f"{info.kind} {info.name!r} needs a URL ({schemes}) or an object of the host"
            ) from None

    def _is_taken_by_another(self, info: BackendInfo) -> bool:
        """Say whether a section is for a backend of the same name and another kind."""
        offers = self._registry.offers
        return any(offer.name == info.name and offer.settings is not None for offer in offers)

    async def aclose(self) -> None:
        """Close every backend that was created, newest first, even if one of them fails."""
        failed: list[str] = []
        while self._created:
            (kind, name), backend = self._created.popitem()
            try:
                await backend.aclose()
            except BaseException as error:
                if not is_foreign(error):
                    raise
                failed.append(f"{kind} {name!r} failed to close: {tell(error)}")
        if failed:
            raise PluginError("; ".join(failed))


def _model(name: str) -> str:
    provider, _, model = name.partition(_OF)
    if not model:
        raise ConfigurationError(
            f"llm {provider!r} has many models: name one of them, as {provider}{_OF}MODEL"
        )
    return model


def _resolve(info: BackendInfo, factory: Factory) -> Any:
    if not isinstance(factory, str):
        return factory
    module, _, attribute = factory.partition(":")
    if not module or not attribute:
        raise PluginError(
            f"{info.origin}: {info.kind} {info.name!r} is offered as {factory!r}, "
            f"which is not of the form package.module:attribute"
        )
    try:
        return _contained(info, _load, module, attribute)
    except MissingDependencyError as error:
        if _is_misspelt(error.__cause__, module):
            raise PluginError(f"{info.origin}: there is no module {module!r}") from error.__cause__
        raise


def _load(module: str, attribute: str) -> Any:
    return getattr(importlib.import_module(module), attribute)


def _is_misspelt(error: BaseException | None, module: str) -> bool:
    """Say whether a part of the import string is missing, inside of a package that is there."""
    if not isinstance(error, ModuleNotFoundError) or error.name is None:
        return False
    return "." in error.name and f"{module}.".startswith(f"{error.name}.")


def _contained(info: BackendInfo, call: Any, *arguments: Any) -> Any:
    """Call code of a plugin; whatever it raises becomes an error of our tree."""
    named = f"{info.kind} {info.name!r}"
    try:
        return call(*arguments)
    except CodeflowError:
        raise
    except ImportError as error:
        if info.requires is None:
            raise PluginError(f"{info.origin}: {named} cannot be imported: {error}") from error
        raise MissingDependencyError(
            f"{named} needs a package that is not installed ({error}); "
            f"install it with: pip install '{info.requires}'",
            requires=info.requires,
        ) from error
    except BaseException as error:
        if not is_foreign(error):
            raise
        raise PluginError(f"{info.origin}: {named} cannot be created: {tell(error)}") from error
