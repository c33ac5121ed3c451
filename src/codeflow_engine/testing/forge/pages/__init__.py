"""Pages that a person can look at: what stands in the forge, as its site would show it.

They are for who runs the forge: they ask for no token and show private repositories, too. They
hold no script, ask for nothing, and show the text of others as text.
"""

from codeflow_engine.testing.forge.pages.site import routes

__all__ = ["routes"]
