"""Voices: what is shipped. `pack`, `export` and `trained` are for use with torch and are not listed here."""

from sonorant.voice.load import Voice, list_voices, load_voice
from sonorant.voice.manifest import (
    AcousticPart,
    FileEntry,
    GriffinLimPart,
    HifiganPart,
    Licences,
    Speaker,
    VoiceManifest,
)

__all__ = [
    "AcousticPart",
    "FileEntry",
    "GriffinLimPart",
    "HifiganPart",
    "Licences",
    "Speaker",
    "Voice",
    "VoiceManifest",
    "list_voices",
    "load_voice",
]
