"""The history of the tables; `codeflow_engine.storage.sql.migrate` walks it."""
