"""The embeddable engine for AI code review and pull-request automation."""
