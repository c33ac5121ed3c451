from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from codeflow_engine.plugins.loader import load_plugins

if TYPE_CHECKING:
    from conftest import Site

SOURCE = """
import codeflow_engine

@codeflow_engine.hookimpl
def codeflow_register(registry):
    registry.add_llm("{0}", "{0}:LLM")
"""


@pytest.fixture
def two(site: Site) -> Site:
    """Install two plugins: `codeflow-acme` with `acme_plugin`, `evil` with `other`."""
    modules = {name: SOURCE.format(name) for name in ("acme_module", "evil_module")}
    site.install("Codeflow_Acme", modules, points={"acme_plugin": "acme_module"})
    site.install("evil", points={"other": "evil_module"})
    return site


def loaded_names(allow: list[str] | None) -> set[str]:
    loaded = load_plugins(allow=allow)
    assert not loaded.failures
    return {offer.name for offer in loaded.registry.offers if offer.origin != "shipped"}


@pytest.mark.usefixtures("two")
def test_without_a_list_every_installed_plugin_loads() -> None:
    """None stands for all."""
    assert loaded_names(None) == {"acme_module", "evil_module"}


@pytest.mark.parametrize(
    "name",
    [
        *("codeflow-acme", "codeflow_acme", "Codeflow.Acme", "codeflow--acme"),
        *("acme_plugin", "acme-plugin", "ACME.PLUGIN"),
    ],
)
@pytest.mark.usefixtures("two")
def test_a_plugin_is_allowed_by_distribution_or_entry_point(name: str) -> None:
    """Either name will do, in any spelling that pip takes for the same."""
    assert loaded_names([name]) == {"acme_module"}


@pytest.mark.usefixtures("two")
def test_s30_what_is_not_allowed_is_not_even_imported() -> None:
    """Its module's code does not run at all."""
    loaded_names(["codeflow-acme"])

    assert "acme_module" in sys.modules
    assert "evil_module" not in sys.modules


@pytest.mark.parametrize("allow", [[], ["codeflow"], ["acme_module"], [""], ["codeflow-acme-x"]])
@pytest.mark.usefixtures("two")
def test_an_empty_or_other_list_allows_nothing(allow: list[str]) -> None:
    """Only whole names count, and an empty list is not the absence of one."""
    assert loaded_names(allow) == set()


def test_shipped_backends_need_no_permission() -> None:
    """The list is about what is installed beside the engine."""
    origins = {offer.origin for offer in load_plugins(allow=[]).registry.offers}

    assert origins == {"shipped"}


@pytest.mark.usefixtures("two")
def test_plugins_of_the_process_need_no_permission() -> None:
    """Who hands in an object has it imported already."""
    import acme_module  # type: ignore[import-not-found]  # made by the fixture

    loaded = load_plugins([acme_module], allow=[])

    assert "acme_module" in {offer.name for offer in loaded.registry.offers}


def test_an_empty_name_allows_no_nameless_distribution(site: Site) -> None:
    """A distribution whose name cannot be read is reached by its entry point alone."""
    modules = {"nameless_module": SOURCE.format("nameless_module")}
    site.install("nameless", modules, points={"odd": "nameless_module"}, metadata=b"")

    assert loaded_names([""]) == set()
    assert loaded_names(["odd"]) == {"nameless_module"}
