"""Voices: what is shipped. Packing and trained models (`pack`, `export`, `trained`) use torch and are not listed here."""

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
