"""Who offers which backend under which name."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypedDict, Unpack

from codeflow_engine.errors import PluginConflictError, PluginError, UnknownBackendError

__all__ = [
    "CONTRACT_VERSIONS",
    "SHIPPED",
    "BackendInfo",
    "Factory",
    "Kind",
    "OfferOptions",
    "PluginRegistry",
    "Registry",
]

SHIPPED = "shipped"
"""Origin of the offers that come with the engine; no other plugin can take their names."""

_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?")

type Factory = str | Callable[..., Any]
"""An import string `package.module:attribute`, or the class or function itself."""


class Kind(StrEnum):
    """The kinds of things that a plugin can offer."""

    LLM = "llm"
    VCS = "vcs"
    STORAGE = "storage"
    CACHE = "cache"
    WORKFLOW_BACKEND = "workflow-backend"
    ANALYZER = "analyzer"
    STRATEGY = "strategy"
    OBSERVER = "observer"
    WORKFLOW = "workflow"


CONTRACT_VERSIONS = dict.fromkeys(Kind, range(1, 2))
"""The contract versions of each kind that this engine can talk to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BackendInfo:
    """One offer of one plugin."""

    kind: Kind
    name: str
    origin: str
    """The plugin that offers it, such as `codeflow-acme 1.2` or `shipped`."""

    factory: Factory
    requires: str | None = None
    """What to install where its import fails."""

    settings: Factory | None = None
    """The type of its settings, or None where it has none."""

    contract_version: int = 1
    schemes: tuple[str, ...] = ()
    """URL schemes that it takes, without a driver; see `OfferOptions`."""

    handles: tuple[str, ...] = ()
    loop_handles: tuple[str, ...] = ()


class OfferOptions(TypedDict, total=False):
    """What can be said about an offer beside its name and factory."""

    requires: str | None
    """The requirement that pip has to install where the import fails."""

    settings: Factory | None
    """A dataclass or Pydantic model; the section of the same name in `Settings.plugins` is
    validated into it, and the factory is then called with it."""

    contract_version: int
    """The version of the kind's contract that it was written for; 1 unless given."""

    schemes: tuple[str, ...]
    """URL schemes that stand for it, such as `postgresql`, which covers `postgresql+psycopg`
    too. Its factory is then called with the URL or the handle before the settings."""

    handles: tuple[str, ...]
    """Qualified names of the classes of a host's own objects that it works with, such as
    `sqlalchemy.engine.base.Engine`; they are compared without being imported. Where it takes no
    URL, it can be chosen by its name alone, and its factory is then called with None for one."""

    loop_handles: tuple[str, ...]
    """The same for objects that belong to an event loop: `Engine` refuses them."""


class PluginRegistry:
    """What a plugin's `codeflow_register` is given: it collects the offers of that plugin."""

    def __init__(self, origin: str) -> None:
        self.origin = origin
        self._offers: list[BackendInfo] = []

    @property
    def offers(self) -> tuple[BackendInfo, ...]:
        """What was offered so far, in the order of the calls."""
        return tuple(self._offers)

    def add(self, kind: Kind, name: str, factory: Factory, **options: Unpack[OfferOptions]) -> None:
        """Offer a backend.

        Args:
            kind: What it is.
            name: The name that settings and arguments use.
            factory: Called without arguments, or with its validated settings.
            options: See `OfferOptions`.

        Raises:
            PluginError: There is no such kind, or the name is not of ASCII letters, digits
                and, between them, `-`, `_` and `.`.
        """
        if kind not in list(Kind):
            raise PluginError(f"{self.origin}: {kind!r} is no kind of backend")
        if not _NAME.fullmatch(name):
            raise PluginError(f"{self.origin}: {name!r} is no name for a {kind}")
        self._offers.append(
            BackendInfo(kind=Kind(kind), name=name, origin=self.origin, factory=factory, **options)
        )

    def add_llm(self, name: str, factory: Factory, **options: Unpack[OfferOptions]) -> None:
        """Offer an LLM provider; options as in `add`.

        Args:
            name: Stands before the colon in the ids of its models, as in `openai:gpt-5.1`.
            factory: Called with the id of the model, then with its validated settings.
            options: See `OfferOptions`.
        """
        self.add(Kind.LLM, name, factory, **options)

    def add_vcs(self, name: str, factory: Factory, **options: Unpack[OfferOptions]) -> None:
        """Offer a VCS host; options as in `add`."""
        self.add(Kind.VCS, name, factory, **options)

    def add_storage(self, name: str, factory: Factory, **options: Unpack[OfferOptions]) -> None:
        """Offer a storage; options as in `add`."""
        self.add(Kind.STORAGE, name, factory, **options)

    def add_cache(self, name: str, factory: Factory, **options: Unpack[OfferOptions]) -> None:
        """Offer a cache; options as in `add`."""
        self.add(Kind.CACHE, name, factory, **options)

    def add_workflow_backend(
        self, name: str, factory: Factory, **options: Unpack[OfferOptions]
    ) -> None:
        """Offer a workflow backend; options as in `add`."""
        self.add(Kind.WORKFLOW_BACKEND, name, factory, **options)

    def add_analyzer(self, name: str, factory: Factory, **options: Unpack[OfferOptions]) -> None:
        """Offer an analyzer; options as in `add`."""
        self.add(Kind.ANALYZER, name, factory, **options)

    def add_strategy(self, name: str, factory: Factory, **options: Unpack[OfferOptions]) -> None:
        """Offer a strategy; options as in `add`."""
        self.add(Kind.STRATEGY, name, factory, **options)

    def add_observer(self, name: str, factory: Factory, **options: Unpack[OfferOptions]) -> None:
        """Offer an observer; options as in `add`."""
        self.add(Kind.OBSERVER, name, factory, **options)

    def add_workflow(self, name: str, factory: Factory, **options: Unpack[OfferOptions]) -> None:
        """Offer a workflow; options as in `add`.

        Args:
            name: That of the workflow.
            factory: Is or names a `Workflow`, as `workflow_of` makes one; it is not called.
            options: See `OfferOptions`.
        """
        self.add(Kind.WORKFLOW, name, factory, **options)


class Registry:
    """All offers of one engine, by kind and name."""

    def __init__(self) -> None:
        self._offers: dict[tuple[Kind, str], list[BackendInfo]] = {}

    def accept(self, offers: Iterable[BackendInfo]) -> list[PluginError]:
        """Take in the offers of one plugin; return what is wrong with them.

        An offer for another contract version is left out, and so is one under a shipped
        name. Any other name that somebody owns already keeps all its owners, so that `find`
        can refuse it: choosing one would be a guess.
        """
        problems: list[PluginError] = []
        for offer in offers:
            spoken = CONTRACT_VERSIONS[offer.kind]
            if offer.contract_version not in spoken:
                problems.append(
                    PluginError(
                        f"{offer.origin}: {offer.kind} {offer.name!r} was written for contract "
                        f"version {offer.contract_version}; this engine speaks "
                        f"{spoken.start} to {spoken.stop - 1}"
                    )
                )
                continue
            owners = self._offers.setdefault((offer.kind, offer.name), [])
            if owners and owners[0].origin == SHIPPED:
                problems.append(_taken(offer))
                continue
            owners.append(offer)
            if len(owners) > 1:
                problems.append(_conflict(owners))
        return problems

    @property
    def offers(self) -> tuple[BackendInfo, ...]:
        """Every offer, sorted by kind and name."""
        keys = sorted(self._offers, key=lambda key: (list(Kind).index(key[0]), key[1]))
        return tuple(offer for key in keys for offer in self._offers[key])

    def names(self, kind: Kind) -> tuple[str, ...]:
        """List the names of a kind, sorted."""
        return tuple(sorted(name for of_kind, name in self._offers if of_kind is kind))

    def find(self, kind: Kind, name: str) -> BackendInfo:
        """Find the one offer under a name.

        Raises:
            UnknownBackendError: Nobody owns the name.
            PluginConflictError: More than one plugin owns it.
        """
        owners = self._offers.get((kind, name))
        if not owners:
            known = self.names(kind)
            listed = ", ".join(known) or "none"
            raise UnknownBackendError(f"no {kind} is named {name!r}; known: {listed}", known=known)
        return self.sole(owners)

    def sole(self, owners: list[BackendInfo]) -> BackendInfo:
        """Give the one of several offers, which have to be of one plugin.

        Raises:
            PluginConflictError: There are more, and choosing one would be a guess.
        """
        if len(owners) > 1:
            raise _conflict(owners)
        return owners[0]


def _taken(offer: BackendInfo) -> PluginConflictError:
    return PluginConflictError(
        f"{offer.origin}: {offer.kind} {offer.name!r} is {SHIPPED} with the engine, "
        f"which keeps the name; it has to be offered under another one"
    )


def _conflict(owners: list[BackendInfo]) -> PluginConflictError:
    first = owners[0]
    named = " and ".join(sorted({owner.origin for owner in owners}))
    return PluginConflictError(
        f"{first.kind} {first.name!r} is offered by {named}; "
        f"uninstall one of them, or leave it out of plugins_allow"
    )
