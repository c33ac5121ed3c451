"""The hosts of changes that ship with the engine: local git, and forges."""
