"""Changes of a local git repository, read without ever running what it configures."""

from codeflow_engine.providers.vcs.git.provider import Git, GitSettings

__all__ = ["Git", "GitSettings"]
