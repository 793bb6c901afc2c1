"""The mathematics of acoustic models and vocoders.

Every module here needs torch, so this package re-exports nothing: import `sonorant.models.fastpitch` and its siblings
by their full path.
"""

__all__: list[str] = []
