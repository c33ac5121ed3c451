"""Storage and caches that ship with the engine, reached through the registry."""
