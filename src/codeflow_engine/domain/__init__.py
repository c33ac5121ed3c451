"""What the engine talks about: frozen values, no I/O."""
