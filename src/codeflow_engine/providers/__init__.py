"""The backends that ship with the engine, reached only through the registry."""
