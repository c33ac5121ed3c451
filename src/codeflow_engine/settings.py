"""Settings of an engine: arguments, then `CODEFLOW_*`, then one file; never a checkout."""

from __future__ import annotations

import json
import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, ValidationError
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
)

from codeflow_engine.domain.change import Scope
from codeflow_engine.domain.encoding import explain
from codeflow_engine.errors import ConfigurationError
from codeflow_engine.sandbox import Isolation

__all__ = ["Settings", "load_settings", "settings_path"]

_PREFIX = "CODEFLOW_"
_FILE_VARIABLE = "CODEFLOW_SETTINGS_FILE"


def _split(value: Any) -> Any:
    """Read `a,b` from the environment; lists come from arguments and files."""
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    return value


_Names = Annotated[tuple[str, ...], BeforeValidator(_split)]


class Settings(BaseSettings):
    """Everything that can be set. Values are fixed once the engine stands."""

    model_config = SettingsConfigDict(
        env_prefix=_PREFIX, env_nested_delimiter="__", extra="forbid", frozen=True
    )

    storage: str = "memory"
    """Name of the storage."""

    cache: str = "memory"
    """Name of the cache."""

    vcs: str = "git"
    """Name of the VCS host."""

    tenant: str = Field(default="default", min_length=1, max_length=200)
    """Whose runs these are; no tenant sees another one's."""

    analyzers: Annotated[_Names | None, NoDecode] = None
    """Names of the analyzers to run; None runs all whose packages are installed."""

    scope: Scope = Scope.CHANGED
    """Whether findings count on changed lines alone, or anywhere in the changed files."""

    observers: Annotated[_Names, NoDecode] = ()
    """Names of the observers to run."""

    plugins_allow: Annotated[_Names | None, NoDecode] = None
    """Distributions or entry points that may load; None lets every installed plugin load."""

    plugins: dict[str, dict[str, Any]] = Field(default_factory=dict)
    """Settings of single backends, by the name of the backend."""

    run_timeout: float = Field(default=1800.0, gt=0)
    """Seconds after which a run is given up."""

    analyzer_timeout: float = Field(default=120.0, gt=0)
    """Seconds after which one analyzer is ended; its units then count as failed."""

    finish_timeout: float = Field(default=30.0, gt=0)
    """Seconds that writing the end of a run may take; a success not written by then failed."""

    observer_timeout: float = Field(default=5.0, gt=0)
    """Seconds that an observer may take for one event; of that run it is told no more."""

    max_file_bytes: int = Field(default=10 * 1024 * 1024, gt=0)
    """Files larger than this are not read around a change."""

    isolation: Isolation | None = None
    """The highest rung of the sandbox to try; None tries them all."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Take what is handed in, and nothing else; `load_settings` reads the environment.

        A `.env` file or a directory of secrets could lie in a checkout.
        """
        return (init_settings,)


class _Environment(EnvSettingsSource):
    """Reads `CODEFLOW_*`."""

    def decode_complex_value(self, field_name: str, field: Any, value: Any) -> Any:
        """Decode JSON where a field wants it; `_decode` does it in the sections of plugins.

        There no field says what is expected, and a token of digits has to stay text.
        """
        if field is None:
            raise ValueError("not decoded here")
        return super().decode_complex_value(field_name, field, value)


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
    where = "the arguments, CODEFLOW_* and " + (f"{str(path)!r}" if path else "no settings file")
    try:
        values = _merge(_merge(stored, _read_environment()), given)
        # These are options of the constructor of BaseSettings, such as `_env_file`.
        if hidden := sorted(name for name in values if name.startswith("_")):
            raise ConfigurationError(f"settings from {where}: there is no {', '.join(hidden)}")
        return Settings(**values)
    except ValidationError as error:
        raise ConfigurationError(f"settings from {where}: {explain(error)}") from None
    except SettingsError as error:
        raise ConfigurationError(f"settings from {where}: {error}") from None


def _read_environment() -> dict[str, Any]:
    values = _Environment(Settings)()
    plugins = values.get("plugins")
    if isinstance(plugins, dict):
        values["plugins"] = _decode(plugins)
    return values


def _decode(value: Any) -> Any:
    """Read the lists and objects that the sections of plugins hold as JSON."""
    if isinstance(value, dict):
        return {name: _decode(item) for name, item in value.items()}
    if not isinstance(value, str) or value.lstrip()[:1] not in {"[", "{"}:
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return value


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
