"""Speaking: text to a stream of sound. The torch runtime is `sonorant.synthesis.torch_runtime`, not listed here."""

from sonorant.synthesis.runtime import Runtime, load_runtime
from sonorant.synthesis.speech import Speech, SpokenWord
from sonorant.synthesis.synthesizer import DEFAULT_VOICE, Synthesizer

__all__ = ["DEFAULT_VOICE", "Runtime", "Speech", "SpokenWord", "Synthesizer", "load_runtime"]
