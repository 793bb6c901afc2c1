"""Written English to spoken words: small rules, each of which records what it rewrote."""

from sonorant.text.normalize.pipeline import Normalized, normalize
from sonorant.text.normalize.rewriting import Step

__all__ = ["Normalized", "Step", "normalize"]
