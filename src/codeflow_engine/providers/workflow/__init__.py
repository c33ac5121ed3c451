"""The workflow backends that ship with the engine: where and when runs execute."""
