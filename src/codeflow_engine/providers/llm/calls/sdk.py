"""SDKs are loaded when they are first needed, away from the event loop."""

from __future__ import annotations

import asyncio
import importlib
import sys
from importlib.util import find_spec
from types import ModuleType
from typing import Any

from codeflow_engine.errors import MissingDependencyError

__all__ = ["load_sdk", "require_sdk", "without_ambient"]


async def load_sdk(module: str, *, requires: str) -> ModuleType:
    """Import an SDK in a worker thread: it takes from 0.3 to 1.6 s.

    Raises:
        MissingDependencyError: It is not installed.
    """
    require_sdk(module, requires=requires)
    return await asyncio.to_thread(importlib.import_module, module)


def require_sdk(module: str, *, requires: str) -> None:
    """Look whether an SDK is installed, without importing it.

    Raises:
        MissingDependencyError: It is not installed.
    """
    top = module.partition(".")[0]
    if top not in sys.modules and find_spec(top) is None:
        raise MissingDependencyError(
            f"{top!r} is not installed; install it with: pip install '{requires}'",
            requires=requires,
        )


def without_ambient(client: Any) -> Any:
    """Take the headers of the environment off a client of ours, and give it.

    SDKs read them at this late moment, from variables such as `OPENAI_CUSTOM_HEADERS`, and have
    no argument that keeps them from it. Those of the settings go with each call.
    """
    client._custom_headers = {}  # noqa: SLF001 - a copy would read them anew
    return client
