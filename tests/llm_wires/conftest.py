"""What tests of the wires stand on: each wire in turn."""

from __future__ import annotations

import pytest
from wires import WIRES, Wire


@pytest.fixture(params=WIRES, ids=lambda wire: wire.name)
def wire(request: pytest.FixtureRequest) -> Wire:
    """Give each wire."""
    chosen: Wire = request.param
    return chosen
