"""The models that tests of training go through; each has a recipe `tiny_MODEL`."""

from typing import get_args

from sonorant.voice.trained import Kind

MODELS: tuple[str, ...] = get_args(Kind)
ADVERSARIAL = ("hifigan", "source_filter")
"""Those that are trained against discriminators."""
