"""The one way to a model: what every question passes on its way there and back."""
