"""Short ways to read a diff of one entry, and one that is refused."""

from __future__ import annotations

import pytest

from codeflow_engine.domain.diff import Diff, DiffFile
from codeflow_engine.errors import DiffError


def only(data: bytes) -> DiffFile:
    """Parse a diff of one entry that covers the whole input."""
    diff = Diff.parse(data)
    (file,) = diff.files
    assert diff.render() == file.render() == data
    return file


def refusal(data: bytes) -> DiffError:
    """Parse a diff that must be refused."""
    with pytest.raises(DiffError) as caught:
        Diff.parse(data)
    return caught.value
