"""GitHub's own description of its API's documents, as the models that githubkit ships."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterable
from importlib.util import find_spec
from types import ModuleType
from typing import Any

__all__ = ["check_document", "check_documents"]


def _models() -> Any:
    """Load the models; without the client, where the HTTP cache that it uses has moved on."""
    try:
        importlib.import_module("githubkit")
    except ImportError:
        spec = find_spec("githubkit")
        assert spec is not None
        package = ModuleType("githubkit")
        package.__path__ = list(spec.submodule_search_locations or ())
        sys.modules["githubkit"] = package
        for name in ("alias_module", "lazy_module"):
            importlib.import_module(f"githubkit.module_hooks.{name}").apply()
    return importlib.import_module("githubkit_schemas.latest.models")


def check_document(model: str, document: Any) -> None:
    """Hold a document to GitHub's description of it, which is called as `model` there."""
    getattr(_models(), model).model_validate(document)


def check_documents(model: str, documents: Iterable[Any]) -> None:
    """Hold the documents of a list to GitHub's description; there has to be one at least."""
    found = list(documents)
    assert found, f"there is no {model} to look at"
    for one in found:
        check_document(model, one)
