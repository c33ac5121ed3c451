"""Looks into the tree for what a diff does not say about manifests and lock files."""

from __future__ import annotations

import json
import posixpath
from collections.abc import Iterable
from typing import Any, Final

from codeflow_engine.contracts.analyzer import Analysis
from codeflow_engine.domain.change import FileContent
from codeflow_engine.domain.diff import Side
from codeflow_engine.domain.finding import RawFinding
from codeflow_engine.providers.analyzer.checks.lockfiles import (
    MANIFEST_ALONE,
    is_locked,
    lock_paths,
)

__all__ = ["confirmed"]

_JSON: Final = "package.json"
_JSON_LIMIT: Final = 256 * 1024
"""Bytes of a manifest that is read here: a few milliseconds. Of a larger one the diff decides."""

_LOCKED: Final = ("dependencies", "devDependencies", "optionalDependencies")
_FORCED: Final = ("overrides", "resolutions", "pnpm")


async def confirmed(findings: tuple[RawFinding, ...], analysis: Analysis) -> tuple[RawFinding, ...]:
    """Keep of the findings about manifests those whose lock file exists and is stale.

    Of a bare patch nobody knows the tree, so that none of them is kept there.
    """
    told = {finding.path for finding in findings if finding.rule == MANIFEST_ALONE}
    stale = await _stale(told, analysis) if told else set()
    return tuple(
        finding for finding in findings if finding.rule != MANIFEST_ALONE or finding.path in stale
    )


async def _stale(manifests: set[str], analysis: Analysis) -> set[str]:
    if analysis.change.provider is None:
        return set()
    locks = await _read({lock for path in manifests for lock in lock_paths(path)}, analysis)
    locked = {
        path
        for path in manifests
        for lock in lock_paths(path)
        if lock in locks and is_locked(path, lock, locks[lock].content)
    }
    exact = {path for path in locked if posixpath.basename(path) == _JSON}
    old = await _read(exact, analysis, Side.OLD)
    new = await _read(exact, analysis)
    return {path for path in locked if path not in exact or _differ(old.get(path), new.get(path))}


async def _read(
    paths: Iterable[str], analysis: Analysis, side: Side = Side.NEW
) -> dict[str, FileContent]:
    """Read the files that exist; one that exists may be too large to have content."""
    wanted = sorted(paths)
    files = await analysis.read_files(wanted, side) if wanted else ()
    return {file.path: file for file in files if file.exists}


def _differ(old: FileContent | None, new: FileContent | None) -> bool:
    """Tell whether two versions of a manifest lock other packages, or cannot be told apart."""
    before, after = _locked(old), _locked(new)
    return before is None or after is None or before != after


def _locked(file: FileContent | None) -> dict[str, Any] | None:
    content = None if file is None else file.content
    if content is None or len(content) > _JSON_LIMIT:
        return None
    try:
        manifest = json.loads(content)
    except (ValueError, RecursionError):
        return None
    if not isinstance(manifest, dict):
        return None
    return {name: manifest.get(name) or {} for name in (*_LOCKED, *_FORCED)}
