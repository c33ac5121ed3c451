"""Finds the plugins that are installed, whatever else is installed beside them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import Distribution, EntryPoint, distributions, entry_points

from codeflow_engine.errors import PluginError
from codeflow_engine.plugins.containment import tell
from codeflow_engine.plugins.hooks import PROJECT

__all__ = ["InstalledPlugin", "find_installed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class InstalledPlugin:
    """An entry point of a distribution, not imported yet."""

    origin: str
    """Distribution, version and entry point, as errors name it."""

    distribution: str
    """Name of the distribution in its normal form; empty where it cannot be read."""

    point: EntryPoint


def find_installed(
    allow: Sequence[str] | None = None,
) -> tuple[list[InstalledPlugin], list[tuple[str, PluginError]]]:
    """List the installed plugins that may load, and the distributions that cannot be read.

    The order is that of the names of distribution and entry point, so that it does not
    depend on the order of installation.

    Args:
        allow: Names of distributions or entry points, in any spelling; None allows all.
    """
    unreadable: list[tuple[str, PluginError]] = []
    if allow is not None and not allow:
        # To read the metadata of a hundred packages takes ten milliseconds.
        return [], unreadable
    try:
        points = list(entry_points(group=PROJECT))
    except Exception:  # noqa: BLE001 - metadata is foreign data, and breaks in many ways
        # One malformed file of any installed package makes that call fail for everybody.
        points = list(_one_by_one(unreadable))
    found = sorted(map(_describe, points), key=lambda one: (one.distribution, one.point.name))
    if allow is None:
        return found, unreadable
    # Without the empty one, which a distribution without a readable name has.
    names = {_normal(name) for name in allow} - {""}
    allowed = [one for one in found if {one.distribution, _normal(one.point.name)} & names]
    return allowed, unreadable


def _one_by_one(unreadable: list[tuple[str, PluginError]]) -> Iterator[EntryPoint]:
    seen: set[str] = set()
    for distribution in distributions():
        name, version = _owner(distribution)
        # Without a readable name it is known by its directory, for it may come several
        # times: a library that hooks into imports with a kind of `PathFinder` (as githubkit
        # does) has everything listed once more.
        known = _normal(name) or str(getattr(distribution, "_path", id(distribution)))
        if known in seen:
            # Hidden by one of the same name that comes earlier on the path, or seen.
            continue
        seen.add(known)
        try:
            yield from distribution.entry_points.select(group=PROJECT)
        except Exception as error:  # noqa: BLE001 - as above
            origin = f"{name} {version}".strip() or "a distribution without a name"
            told = PluginError(f"{origin}: its entry points cannot be read: {tell(error)}")
            unreadable.append((origin, told))


def _describe(point: EntryPoint) -> InstalledPlugin:
    name, version = _owner(point.dist)
    where = f"{name} {version}" if name else point.value
    return InstalledPlugin(
        origin=f"{where} ({point.name})", distribution=_normal(name), point=point
    )


def _owner(distribution: Distribution | None) -> tuple[str, str]:
    """Read name and version; empty where the metadata is missing or damaged."""
    try:
        return getattr(distribution, "name", "") or "", getattr(distribution, "version", "") or ""
    except Exception:  # noqa: BLE001 - as above
        return "", ""


def _normal(name: str) -> str:
    """Give the normal form of a name (packaging.python.org, "Names and normalization")."""
    return re.sub(r"[-_.]+", "-", name).lower()
