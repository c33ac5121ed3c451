"""What is to be checked: a suite, and what makes the backend."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from codeflow_engine.contracts import Backend
from codeflow_engine.domain.change import ChangeRequest
from codeflow_engine.errors import CodeflowError, ConfigurationError
from codeflow_engine.plugins.backends import CONTRACTS
from codeflow_engine.plugins.containment import tell
from codeflow_engine.plugins.registry import Kind
from codeflow_engine.testing.checking.values import CheckOptions
from codeflow_engine.testing.contracts import BackendContract

__all__ = ["ANY_CONTRACT", "ANY_MODEL", "Subject", "kind_of", "made", "place", "request_of"]

ANY_CONTRACT = tuple(CONTRACTS.values())

ANY_MODEL = "any-model"
"""Stands for a model of an LLM provider, since no test asks a real one."""

_PATIENCE = 10.0
"""Seconds to wait for a backend that was only made to see whether it can be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """A backend and the suite of its kind."""

    name: str
    suite: type[BackendContract[Any]]
    make: Callable[[Path], Any] | None = None
    """Makes the backend, given the directory of the test; None where the suite is the
    author's own and has a fixture for that."""

    request: ChangeRequest | None = None
    """A change that a VCS host under test can read."""


def kind_of(name: str, contracts: type) -> Kind:
    """Say which kind of backend a class is.

    Raises:
        ConfigurationError: It is of none, or of several.
    """
    kinds = [kind for kind, contract in CONTRACTS.items() if issubclass(contracts, contract)]
    if not kinds:
        known = ", ".join(contract.__name__ for contract in CONTRACTS.values())
        raise ConfigurationError(f"{name} derives from no contract; there are {known}")
    if len(kinds) > 1:
        raise ConfigurationError(
            f"{name} is of the kinds {' and '.join(kinds)}; "
            f"give a test class of yours that derives from the suite of one of them"
        )
    return kinds[0]


def made(name: str, make: Callable[[Path], Any], directory: Path) -> Backend:
    """Make a backend once, before any test, and close it.

    Raises:
        ConfigurationError: It cannot be made, or is none.
    """
    try:
        backend = make(directory)
    except CodeflowError as error:
        raise ConfigurationError(f"{name} cannot be created: {error.message}") from error
    except BaseException as error:
        raise ConfigurationError(f"{name} cannot be created: {tell(error)}") from error
    if not isinstance(backend, ANY_CONTRACT):
        known = ", ".join(contract.__name__ for contract in CONTRACTS.values())
        raise ConfigurationError(
            f"{name} makes a {type(backend).__name__}, which derives from no contract; "
            f"there are {known}"
        )
    _close(backend)
    return backend


def _close(backend: Backend) -> None:
    async def close() -> None:
        await asyncio.wait_for(backend.aclose(), _PATIENCE)

    try:
        asyncio.run(close())
    except BaseException:  # noqa: BLE001 - the suite has a test for that, and tells it better
        return


def place(url: str, directory: Path) -> str:
    """Put what belongs to one test into a URL: its directory, or a name made from that."""
    name = hashlib.sha256(str(directory).encode()).hexdigest()[:16]
    return url.replace("{tmp}", str(directory)).replace("{name}", f"t{name}")


def request_of(name: str, kind: Kind, options: CheckOptions) -> ChangeRequest | None:
    """Give the change that a VCS host is asked for, if one is named.

    Raises:
        ConfigurationError: The backend is none that reads changes, or there are revisions alone.
    """
    if options.change is None:
        if options.base is not None or options.head is not None:
            raise ConfigurationError("--base and --head go with --change")
        return None
    if kind is not Kind.VCS:
        raise ConfigurationError(f"--change is for VCS hosts, and {name} is of the kind {kind}")
    # The suite changes its working directory, and a path has to mean the same there.
    path = Path(options.change)
    target = str(path.resolve()) if path.exists() else options.change
    return ChangeRequest(target=target, base=options.base, head=options.head)
