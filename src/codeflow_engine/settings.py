"""Settings of an engine: arguments, then `CODEFLOW_*`, then one file; never a checkout."""

from __future__ import annotations

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

    vcs: str = "git"
    """Name of the VCS host."""

    tenant: str = Field(default="default", min_length=1, max_length=200)
    """Whose runs these are; no tenant sees another one's."""

    analyzers: Annotated[_Names | None, NoDecode] = None
    """Names of the analyzers to run; None runs all whose packages are installed."""

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
        """Leave out `.env` files and secret directories: both could lie in a checkout."""
        return (init_settings, env_settings)


def settings_path(named: Path | None = None) -> Path | None:
    """Find the settings file: the one named, `CODEFLOW_SETTINGS_FILE`, or the user's own.

    The user's own is `codeflow/settings.toml` in their configuration directory, and only
    counts where it exists. A file that was named has to exist.
    """
    chosen = named or os.environ.get(_FILE_VARIABLE)
    if chosen:
        path = Path(chosen).expanduser()
        if not path.is_file():
            raise ConfigurationError(f"there is no settings file {str(path)!r}")
        return path
    from platformdirs import user_config_path

    path = user_config_path("codeflow", appauthor=False) / "settings.toml"
    return path if path.is_file() else None


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
    try:
        environment = EnvSettingsSource(Settings)()
        return Settings(**_merge(_merge(stored, environment), given))
    except (ValidationError, SettingsError) as error:
        raise ConfigurationError(_explain(error, path)) from None


def _read_file(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
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


def _explain(error: ValidationError | SettingsError, path: Path | None) -> str:
    where = "the arguments, CODEFLOW_* and " + (f"{str(path)!r}" if path else "no settings file")
    if isinstance(error, SettingsError):
        return f"settings from {where}: {error}"
    rows = error.errors(include_input=False, include_url=False, include_context=False)
    told = "; ".join(f"{'.'.join(map(str, row['loc']))}: {row['msg']}" for row in rows)
    return f"settings from {where}: {told}"
