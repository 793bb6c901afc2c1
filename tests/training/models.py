"""What tests of training go through; each has a recipe `tiny_NAME`."""

from typing import get_args

from sonorant.voice.trained import Kind

KINDS: tuple[str, ...] = get_args(Kind)
"""The kinds of models."""

MODELS = (*KINDS, "sharpen_fastpitch")
"""The models as they are trained: each kind, and FastPitch once more, against discriminators."""

ADVERSARIAL = ("hifigan", "source_filter", "sharpen_fastpitch")
"""Those that are trained against discriminators."""
