"""Pull requests of GitHub, read whole and reviewed in place."""

from codeflow_engine.providers.vcs.github.auth import GitHubApp
from codeflow_engine.providers.vcs.github.provider import GitHub, connect
from codeflow_engine.providers.vcs.github.settings import GitHubSettings

__all__ = ["GitHub", "GitHubApp", "GitHubSettings", "connect"]
