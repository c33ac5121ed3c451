"""The GraphQL API of the forge: a strict reader of documents, a small schema, and its run."""

from codeflow_engine.testing.forge.graphql.running import execute
from codeflow_engine.testing.forge.graphql.schema import Schema, Stop
from codeflow_engine.testing.forge.graphql.whole import schema_for

__all__ = ["Schema", "Stop", "execute", "schema_for"]
