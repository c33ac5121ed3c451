"""How plugins are found, held apart from each other, and asked."""
