"""The command line: one module per verb; each imports what it needs when it runs."""

from sonorant.cli.app import main

__all__ = ["main"]
