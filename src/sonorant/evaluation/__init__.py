"""Measuring: how fast voices and networks are, and how good."""

__all__: list[str] = []
