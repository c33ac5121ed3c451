"""The registration: names and import strings, which load nothing until they are asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codeflow_engine import hookimpl

if TYPE_CHECKING:
    from codeflow_engine.plugins.registry import PluginRegistry

__all__ = ["codeflow_register"]


@hookimpl
def codeflow_register(registry: PluginRegistry) -> None:
    """Offer the backends, each written for version 1 of its contract."""
    registry.add_analyzer(
        "acme-sql",
        "codeflow_acme.sql:SQLAnalyzer",
        settings="codeflow_acme.sql:SQLSettings",
        contract_version=1,
    )
    registry.add_vcs(
        "acme-trees",
        "codeflow_acme.trees:Trees",
        settings="codeflow_acme.trees:TreesSettings",
        contract_version=1,
    )
