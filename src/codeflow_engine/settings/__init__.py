"""Settings of an engine: arguments, then `CODEFLOW_*`, then one file; never a checkout."""

from codeflow_engine.settings.loading import load_settings, settings_path
from codeflow_engine.settings.values import Executes, Settings

__all__ = ["Executes", "Settings", "load_settings", "settings_path"]
