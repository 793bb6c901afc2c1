"""Sonorant: text-to-speech to train, own and ship."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sonorant.audio.sound import Audio
    from sonorant.synthesis.speech import Speech
    from sonorant.synthesis.synthesizer import Synthesizer

__version__ = "0.1.0"
__all__ = ["Audio", "Speech", "Synthesizer", "__version__"]

_HOMES = {
    "Audio": "sonorant.audio.sound",
    "Speech": "sonorant.synthesis.speech",
    "Synthesizer": "sonorant.synthesis.synthesizer",
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first asked for, so that `import sonorant` does no work."""
    if name not in _HOMES:
        raise AttributeError(f"module 'sonorant' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
