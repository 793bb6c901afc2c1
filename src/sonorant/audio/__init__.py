"""Sound: files, levels, mel spectrograms and pitch. The mel in torch is `sonorant.audio.mel_torch`, not listed here."""

from sonorant.audio.mel import log_mel, mel_filterbank
from sonorant.audio.stft import istft, stft

__all__ = ["istft", "log_mel", "mel_filterbank", "stft"]
