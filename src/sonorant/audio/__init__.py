"""Sound: files, levels, mel spectrograms and pitch. The mel in torch is `sonorant.audio.mel_torch`, not listed here."""

from sonorant.audio.encode import FORMATS, FileEncoder, StreamEncoder, encode, encode_into
from sonorant.audio.files import read_audio, write_audio, write_chunks
from sonorant.audio.griffin_lim import griffin_lim
from sonorant.audio.level import limit_peaks, loudness_lufs, to_loudness, trim_silence
from sonorant.audio.mel import log_mel, mel_filterbank
from sonorant.audio.pitch import estimate_pitch
from sonorant.audio.resample import resample
from sonorant.audio.sound import Audio
from sonorant.audio.stft import istft, stft

__all__ = [
    "FORMATS",
    "Audio",
    "FileEncoder",
    "StreamEncoder",
    "encode",
    "encode_into",
    "estimate_pitch",
    "griffin_lim",
    "istft",
    "limit_peaks",
    "log_mel",
    "loudness_lufs",
    "mel_filterbank",
    "read_audio",
    "resample",
    "stft",
    "to_loudness",
    "trim_silence",
    "write_audio",
    "write_chunks",
]
