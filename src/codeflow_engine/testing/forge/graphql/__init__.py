"""The GraphQL API of the forge: a strict reader of documents, a small schema, and its run."""

from codeflow_engine.testing.forge.graphql.running import execute
from codeflow_engine.testing.forge.graphql.schema import Schema, Stop

__all__ = ["Schema", "Stop", "execute"]
