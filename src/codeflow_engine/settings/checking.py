"""Checks of what comes from outside, by Pydantic; imported where there is something."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import MISSING, fields
from functools import cache
from typing import Any, get_type_hints

from pydantic import Field, ValidationError, create_model
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
)

from codeflow_engine.domain.encoding import explain
from codeflow_engine.errors import ConfigurationError
from codeflow_engine.settings.values import Settings

__all__ = ["checked", "read_environment"]


class _Form(BaseSettings):
    """What `Settings` looks like from outside; its fields are added below."""

    model_config = SettingsConfigDict(
        env_prefix="CODEFLOW_", env_nested_delimiter="__", extra="forbid"
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Take what is handed in, and nothing else; `read_environment` reads the rest.

        A `.env` file or a directory of secrets could lie in a checkout.
        """
        return (init_settings,)


@cache
def _form() -> type[_Form]:
    """Build what checks settings, once: that takes milliseconds."""
    hints = get_type_hints(Settings, include_extras=True)
    given: dict[str, Any] = {
        one.name: (
            hints[one.name],
            Field(default_factory=one.default_factory)
            if one.default_factory is not MISSING
            else Field(default=one.default),
        )
        for one in fields(Settings)
    }
    return create_model("Settings", __base__=_Form, **given)


_TABLES = frozenset({"budgets", "limits", "models", "plugins", "publish", "withheld"})
"""Settings that are tables, and JSON in the environment."""


class _Environment(EnvSettingsSource):
    """Reads `CODEFLOW_*`."""

    def decode_complex_value(self, field_name: str, field: Any, value: Any) -> Any:
        """Split lists at their commas; read tables as JSON.

        Below the sections no field says what is expected, and a token of digits has to stay
        text: `_decode` reads lists and objects there.
        """
        if field is None:
            raise ValueError("not decoded here")
        if field_name not in _TABLES:
            return tuple(part.strip() for part in value.split(",") if part.strip())
        return super().decode_complex_value(field_name, field, value)


def read_environment(where: str) -> dict[str, Any]:
    """Read the settings that `CODEFLOW_*` holds.

    Raises:
        ConfigurationError: A section is no JSON; `where` says where settings come from.
    """
    try:
        values = _Environment(_form())()
    except SettingsError as error:
        raise ConfigurationError(f"settings from {where}: {error}") from None
    for name in _TABLES & values.keys():
        values[name] = _decode(values[name])
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


def _with_none(values: Mapping[str, Any]) -> dict[str, Any]:
    """Read `none` as no severity: TOML and the environment have no other word for it."""
    publish = values.get("publish")
    if not isinstance(publish, Mapping):
        return dict(values)
    absent = {name: None for name in ("fail_at", "issues_at") if publish.get(name) == "none"}
    return {**values, "publish": {**publish, **absent}}


def checked(values: Mapping[str, Any], where: str) -> Settings:
    """Check values and make settings of them.

    Raises:
        ConfigurationError: An unknown name, or a wrong value, which is not shown.
    """
    # These are options of the constructor of BaseSettings, such as `_env_file`.
    if hidden := sorted(name for name in values if name.startswith("_")):
        raise ConfigurationError(f"settings from {where}: there is no {', '.join(hidden)}")
    try:
        form = _form()(**_with_none(values))
    except ValidationError as error:
        raise ConfigurationError(f"settings from {where}: {explain(error)}") from None
    except ConfigurationError as error:
        # A value that checks itself, such as a budget, does not know where it comes from.
        raise ConfigurationError(f"settings from {where}: {error.message}") from None
    return Settings(**{one.name: getattr(form, one.name) for one in fields(Settings)})
