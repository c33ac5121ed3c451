"""Targets that name what an installed plugin offers, and what its registration owes."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from codeflow_engine.errors import ConfigurationError
from codeflow_engine.plugins.backends import CONTRACTS, Backends
from codeflow_engine.plugins.installed import InstalledPlugin, find_installed
from codeflow_engine.plugins.loader import LoadedPlugins, load_plugins
from codeflow_engine.plugins.registry import BackendInfo, Kind
from codeflow_engine.settings import Settings, load_settings
from codeflow_engine.testing.checking.values import CheckOptions, RuleOutcome, RuleResult

if TYPE_CHECKING:
    from codeflow_engine.testing.checking.subjects import Subject

__all__ = ["offered", "register", "survey"]

_REGISTERS = RuleResult(
    name="registration",
    rule="Its hooks are known, its names are free, and this engine speaks its contract version.",
    outcome=RuleOutcome.PASSED,
)
_LIGHT = RuleResult(
    name="registration_is_light",
    rule="Until a backend is asked for, the plugin imports nothing but its own package.",
    outcome=RuleOutcome.PASSED,
)


def survey(target: str, options: CheckOptions) -> dict[str, Any]:
    """Find what a name means: backends, or a plugin with all that it offers.

    Returns:
        `offers`, each with its `target`, the `distribution` that it is of, and whether its
        kind has a `suite`; and `failures`, the reasons why the plugin that was named, or a
        part of it, is not in use.

    Raises:
        ConfigurationError: It means nothing, or several backends of different kinds.
    """
    loaded = _load(_settings(options))
    kind, _, name = target.rpartition(":")
    named = [
        offer
        for offer in loaded.registry.offers
        if offer.name == name and kind in {"", offer.kind} and offer.kind in CONTRACTS
    ]
    if named:
        names = sorted({f"{offer.kind}:{offer.name}" for offer in named})
        if len(names) > 1:
            raise ConfigurationError(f"{target!r} is more than one backend: {', '.join(names)}")
        return {"offers": [_described(named[0])], "failures": []}
    plugins = [] if kind else find_installed([target])[0]
    if not plugins:
        raise _unknown(target, loaded)
    origins = {plugin.origin for plugin in plugins}
    offers = [
        _described(offer)
        for offer in loaded.registry.offers
        if offer.origin in origins and offer.kind in CONTRACTS
    ]
    failures = [fail.error.message for fail in loaded.failures if fail.origin in origins]
    return {"offers": offers, "failures": failures}


def register(distribution: str, options: CheckOptions) -> list[RuleResult]:
    """Register one plugin in this fresh interpreter, and see how it behaves.

    Args:
        distribution: That the plugin is of; empty for what is shipped with the engine.
        options: Those of the check.
    """
    if not distribution:
        return []
    plugins = find_installed([distribution])[0]
    before = set(sys.modules)
    loaded = load_plugins(allow=[distribution])
    heavy = sorted({name.partition(".")[0] for name in set(sys.modules) - before} - _own(plugins))
    # With all the others beside it, since two may own a name.
    loaded = _load(_settings(options))
    origins = {plugin.origin for plugin in plugins}
    wrong = [fail.error.message for fail in loaded.failures if fail.origin in origins]
    return [
        _failed(_REGISTERS, "; ".join(wrong)) if wrong else _REGISTERS,
        _failed(_LIGHT, f"registering imports {', '.join(heavy)}") if heavy else _LIGHT,
    ]


def offered(target: str, options: CheckOptions, directory: Path) -> Subject:
    """Make the backend of an offer once, and say how to check it.

    Raises:
        ConfigurationError: It cannot be made with these settings, or without a URL.
    """
    from codeflow_engine.testing.checking.subjects import (
        ANY_MODEL,
        Subject,
        made,
        place,
        request_of,
    )
    from codeflow_engine.testing.contracts import SUITES

    settings = _settings(options)
    loaded = _load(settings)
    word, _, name = target.partition(":")
    kind = Kind(word)
    request = request_of(target, kind, options)
    schemes = loaded.registry.find(kind, name).schemes
    if schemes and options.url is None:
        raise ConfigurationError(
            f"{target} is made with a URL: give one by --url '{schemes[0]}:///{{tmp}}/check'"
        )

    def make(directory: Path) -> Any:
        # An engine makes a backend once; here, every call is another engine.
        backends = Backends(loaded.registry, settings.plugins)
        if options.url is not None:
            taken = backends.choose(kind, place(options.url, directory))
            if taken != name:
                raise ConfigurationError(f"its URL is one of {kind}:{taken}")
        return backends.get(CONTRACTS[kind], f"{name}:{ANY_MODEL}" if kind is Kind.LLM else name)

    made(target, make, directory)
    return Subject(name=target, suite=SUITES[kind], make=make, request=request)


def _settings(options: CheckOptions) -> Settings:
    return load_settings(None if options.settings is None else Path(options.settings))


def _load(settings: Settings) -> LoadedPlugins:
    return load_plugins(allow=settings.plugins_allow)


def _unknown(target: str, loaded: LoadedPlugins) -> ConfigurationError:
    name = target.rpartition(":")[2]
    refused = [fail.error.message for fail in loaded.failures if repr(name) in fail.error.message]
    if refused:
        return ConfigurationError(f"{target!r} is not in use: {'; '.join(refused)}")
    known = [
        f"{offer.kind}:{offer.name}" for offer in loaded.registry.offers if offer.kind in CONTRACTS
    ]
    return ConfigurationError(
        f"{target!r} is no backend and no installed plugin; a class is given as "
        f"package.module:Class; known: {', '.join(dict.fromkeys(known))}"
    )


def _described(offer: BackendInfo) -> dict[str, Any]:
    owners = [one.distribution for one in find_installed()[0] if one.origin == offer.origin]
    return {
        "target": f"{offer.kind}:{offer.name}",
        "distribution": owners[0] if owners else "",
    }


def _own(plugins: list[InstalledPlugin]) -> set[str]:
    """List the top-level names that a plugin may import when it registers."""
    own = {*sys.stdlib_module_names, "codeflow_engine"}
    for plugin in plugins:
        own.add(plugin.point.module.partition(".")[0])
        files = getattr(plugin.point.dist, "files", None) or ()
        own |= {file.parts[0].removesuffix(".py") for file in files if file.parts}
    return own


def _failed(result: RuleResult, reason: str) -> RuleResult:
    return replace(result, outcome=RuleOutcome.FAILED, reason=reason)
