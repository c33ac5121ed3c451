"""Backends for codeflow-engine: an analyzer of SQL in Python, and changes as two trees."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codeflow_engine import hookimpl

if TYPE_CHECKING:
    from codeflow_engine.plugins.registry import PluginRegistry

__all__ = ["codeflow_register"]


@hookimpl
def codeflow_register(registry: PluginRegistry) -> None:
    """Offer the backends; the import strings load nothing until a name is asked for."""
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
