"""Which change a command is about: a directory, a patch, or a pull request on a host."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

if TYPE_CHECKING:
    from codeflow_engine.settings import Settings

__all__ = [
    "GITHUB",
    "LOCAL",
    "ChangeArgument",
    "Host",
    "host_of",
    "is_on_host",
    "pages_of",
    "read_change",
    "read_settings",
]

ChangeArgument = Annotated[
    str | None,
    typer.Argument(
        metavar="CHANGE",
        help="A directory of a git repository, a patch, or a pull request: owner/repo#42 or its "
        "address. [default: .]",
    ),
]
Host = Annotated[
    str | None,
    typer.Option(
        "--vcs",
        metavar="NAME",
        help="Who has the change. [default: github for a pull request, else as in the settings]",
    ),
]

GITHUB: Final = "github"
LOCAL: Final = "git"
"""What the settings say where nobody has said anything: it reads directories alone."""

_NUMBERED: Final = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+#[1-9][0-9]*", re.ASCII)
_ADDRESS: Final = re.compile(
    r"(?P<server>https?://[^/\s]+)/(?P<name>[\w.-]+/[\w.-]+)/pull/(?P<number>[1-9][0-9]*)(?:[/?#]\S*)?",
    re.ASCII,
)
_INTERFACE: Final = "https://api.github.com"
_PAGES: Final = {_INTERFACE: "https://github.com"}
_ENTERPRISE: Final = "/api/v3"


def read_settings(path: Path | None) -> Settings:
    """Read the settings that a command works with; help gets along without them.

    Raises:
        ConfigurationError: They cannot be read.
    """
    from codeflow_engine.settings import load_settings

    return load_settings(path)


def is_on_host(change: str | None) -> bool:
    """Say whether a pull request is meant, and not something on this machine."""
    return (
        change is not None
        and (_NUMBERED.fullmatch(change) or _ADDRESS.fullmatch(change)) is not None
        and not os.path.exists(change)  # noqa: PTH110 - which has an answer for any text
    )


def host_of(change: str | None, named: str | None, settings: Settings) -> str | None:
    """Choose the VCS backend; None leaves it to the settings."""
    if named is not None or settings.vcs != LOCAL or not is_on_host(change):
        return named
    return GITHUB


def pages_of(settings: Settings, environment: Mapping[str, str]) -> str | None:
    """Give the address of the pages of the GitHub that is meant; None where nobody knows it."""
    given = settings.plugins.get("github", {}).get("base_url") or environment.get("GITHUB_API_URL")
    url = str(given or _INTERFACE).rstrip("/")
    return url.removesuffix(_ENTERPRISE) if url.endswith(_ENTERPRISE) else _PAGES.get(url)


def read_change(
    change: str | None, settings: Settings, environment: Mapping[str, str]
) -> str | Path:
    """Give a pull request by its short name, and anything else as the path that it is.

    Its address means the same change, and has to be the same one in what is published. Only the
    server that is meant counts: another one's `acme/shop#42` is another change.
    """
    if change is None or not is_on_host(change):
        return Path() if change is None else Path(change)
    address = _ADDRESS.fullmatch(change)
    if address is None or address["server"].lower() != pages_of(settings, environment):
        return change
    return f"{address['name']}#{address['number']}"
