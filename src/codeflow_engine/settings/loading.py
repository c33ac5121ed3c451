"""Where settings are looked for, and which of them win."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from codeflow_engine.errors import ConfigurationError
from codeflow_engine.settings.values import Settings

__all__ = ["load_settings", "settings_path"]

_PREFIX = "CODEFLOW_"
_FILE_VARIABLE = "CODEFLOW_SETTINGS_FILE"


def load_settings(file: Path | None = None, arguments: Mapping[str, Any] | None = None) -> Settings:
    """Gather settings; an argument wins over the environment, and that over the file.

    Args:
        file: A TOML file; None looks where `settings_path` says.
        arguments: Values by name; None stands for "not given".

    Raises:
        ConfigurationError: A file that cannot be read, an unknown key or a wrong value. The
            message names the setting and never its value.
    """
    given = {name: value for name, value in (arguments or {}).items() if value is not None}
    path = settings_path(file)
    stored = _read_file(path) if path else {}
    is_told = any(name.upper().startswith(_PREFIX) for name in os.environ)
    if not (given or stored or is_told):
        # The checks need Pydantic, whose import takes 0.2 s: a fifth of a whole small review.
        return Settings()
    from codeflow_engine.settings.checking import checked, read_environment

    where = "the arguments, CODEFLOW_* and " + (f"{str(path)!r}" if path else "no settings file")
    told = read_environment(where) if is_told else {}
    return checked(_merge(_merge(stored, told), given), where)


def settings_path(named: Path | None = None) -> Path | None:
    """Find the settings file: the one named, `CODEFLOW_SETTINGS_FILE`, or the user's own.

    The user's own is `codeflow/settings.toml` in their configuration directory, and only
    counts where it exists. A file that was named has to exist.
    """
    chosen = named or os.environ.get(_FILE_VARIABLE)
    if chosen:
        path = _expand(Path(chosen))
        if not _is_file(path):
            raise ConfigurationError(f"there is no settings file {str(path)!r}")
        return path
    directory = _user_directory()
    if directory is None:
        return None
    path = directory / "settings.toml"
    return path if _is_file(path) else None


def _user_directory() -> Path | None:
    from platformdirs import user_config_path

    try:
        path = user_config_path("codeflow", appauthor=False)
    except RuntimeError:
        # A process without a home, as in a container with a made-up user.
        return None
    # A relative one would be looked for in the working directory, which may be a checkout.
    return path if path.is_absolute() else None


def _expand(path: Path) -> Path:
    try:
        return path.expanduser()
    except RuntimeError as error:
        raise ConfigurationError(f"the settings file {str(path)!r}: {error}") from None


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError as error:
        raise ConfigurationError(
            f"the settings file {str(path)!r} cannot be looked at: {error.strerror}"
        ) from None


def _read_file(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        raise ConfigurationError(
            f"the settings file {str(path)!r} cannot be read: {error}"
        ) from None


def _merge(low: Mapping[str, Any], high: Mapping[str, Any]) -> dict[str, Any]:
    """Lay one set of values over another, table by table."""
    merged = dict(low)
    for name, value in high.items():
        below = merged.get(name)
        if isinstance(below, Mapping) and isinstance(value, Mapping):
            value = _merge(below, value)  # noqa: PLW2901 - the merged table takes its place
        merged[name] = value
    return merged
