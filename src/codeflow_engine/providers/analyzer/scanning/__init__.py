"""What runs in the process of its own that a scan gets.

Nothing here or below imports asyncio, Pydantic or a contract: each scan pays for its
imports again.
"""

from codeflow_engine.providers.analyzer.scanning.value import Scan, Scanned

__all__ = ["Scan", "Scanned"]
