"""The web framework that the forge is served with; the one place that says so if it is absent."""

from __future__ import annotations

from codeflow_engine.errors import MissingDependencyError

try:
    from aiohttp import web as web  # noqa: PLC0414 - given on from here
    from aiohttp.typedefs import Middleware as Middleware  # noqa: PLC0414 - the same
except ImportError as _error:
    raise MissingDependencyError(
        "'aiohttp' is not installed; install it with: pip install 'codeflow-engine[github]'",
        requires="codeflow-engine[github]",
    ) from _error
