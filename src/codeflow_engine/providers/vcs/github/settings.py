"""How GitHub is reached, and what a call of it may take."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Final, Literal

from annotated_types import Ge, Gt, Le

__all__ = ["GitHubSettings"]

_MIB: Final = 1024 * 1024
_Seconds = Annotated[float, Gt(0)]


@dataclass(frozen=True, slots=True, kw_only=True)
class GitHubSettings:
    """Settings of the GitHub backend."""

    token: str | None = field(default=None, repr=False)
    """A personal, installation or workflow token, in any form that GitHub has; None takes the
    variable `GITHUB_TOKEN`, unless an app is set."""

    app_id: str | None = None
    """Id or client id of a GitHub App, in place of a token."""

    private_key: str | None = field(default=None, repr=False)
    """The private key of the app, as the text of its PEM file."""

    installation_id: Annotated[int, Gt(0)] | None = None
    """Which installation of the app; None asks GitHub which one has the repository."""

    base_url: str | None = None
    """Where the interface is: `https://HOST/api/v3` for GitHub Enterprise Server; None takes
    the variable `GITHUB_API_URL`, or else github.com."""

    ca_file: str | None = None
    """Certificates to trust in place of the usual ones, as a PEM file."""

    timeout: _Seconds = 30.0
    """Seconds that one request may take."""

    connect_timeout: _Seconds = 5.0
    """Seconds until a connection stands."""

    concurrency: Annotated[int, Ge(1), Le(100)] = 16
    """Requests at once; GitHub takes 100 for all that use one account."""

    write_interval: Annotated[float, Ge(0)] = 1.0
    """Seconds between the end of a write and the next one; GitHub asks for one at least."""

    max_diff_bytes: Annotated[int, Gt(0)] = 64 * _MIB
    """Largest diff."""

    max_answer_bytes: Annotated[int, Gt(0)] = 32 * _MIB
    """Largest answer of the interface other than a diff or a file."""

    checks: Literal["run", "status", "none"] = "run"
    """What a check becomes: a check run, which takes a GitHub App or a workflow's token; a commit
    status, which any token can write; or nothing."""

    git: str = "git"
    """Path or name of git, for changes that the interface does not give whole."""

    max_clone_bytes: Annotated[int, Gt(0)] = 1024 * _MIB
    """Largest pack that git fetches of a change."""

    clone_timeout: _Seconds = 300.0
    """Seconds that one run of git may take."""
