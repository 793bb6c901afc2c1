"""Voices: what is shipped. `pack`, `export` and `trained` are for use with torch and are not listed here."""

from sonorant.voice.load import Voice, is_voice, list_voices, load_voice
from sonorant.voice.manifest import (
    AcousticPart,
    FastPitchPart,
    FileEntry,
    GriffinLimPart,
    HifiganPart,
    Licences,
    SourceFilterPart,
    Speaker,
    Tacotron2Part,
    VocoderPart,
    VoiceManifest,
    WaveglowPart,
)

__all__ = [
    "AcousticPart",
    "FastPitchPart",
    "FileEntry",
    "GriffinLimPart",
    "HifiganPart",
    "Licences",
    "SourceFilterPart",
    "Speaker",
    "Tacotron2Part",
    "VocoderPart",
    "Voice",
    "VoiceManifest",
    "WaveglowPart",
    "is_voice",
    "list_voices",
    "load_voice",
]
