"""The definition of a mel spectrogram: the one thing that acoustic models and vocoders must agree on."""

import hashlib
import json
from typing import Literal, Self

from pydantic import Field, model_validator

from sonorant.config.settings import Settings

BRIDGEABLE = ("padding", "power_epsilon")
"""Fields in which an acoustic model and a vocoder may differ.

Frame k of a "centered" mel is the same windowed stretch of sound as frame k of a "same" mel half a hop earlier, so a
vocoder of the other convention speaks it unchanged, half a hop shifted. The epsilon is far below the floor.
"""


class MelConfig(Settings):
    """How a waveform becomes a log-mel spectrogram.

    The magnitudes `sqrt(re² + im² + power_epsilon)` of a periodic Hann window's STFT pass through a bank of triangular
    filters, and the natural logarithm of what is at least `floor` is kept.

    With padding "same" the signal is reflected by (n_fft - hop_length) / 2 on each side and N samples give
    N // hop_length frames (HiFi-GAN); with "centered" it is reflected by n_fft / 2 and gives 1 + N // hop_length frames
    (Tacotron 2).
    """

    sample_rate: int = Field(22050, ge=4000, le=192000)
    n_fft: int = Field(1024, ge=16)
    hop_length: int = Field(256, ge=1)
    win_length: int = Field(1024, ge=16)
    n_mels: int = Field(80, ge=1)
    f_min: float = Field(0.0, ge=0)
    f_max: float | None = Field(8000.0, gt=0, description="Hz; null is half the sample rate")
    scale: Literal["slaney", "htk"] = "slaney"
    norm: Literal["slaney", "none"] = "slaney"
    floor: float = Field(1e-5, gt=0)
    power_epsilon: float = Field(1e-9, ge=0)
    padding: Literal["same", "centered"] = "same"

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.win_length > self.n_fft:
            raise ValueError(f"win_length {self.win_length} is longer than n_fft {self.n_fft}")
        if self.hop_length > self.win_length:
            raise ValueError(f"hop_length {self.hop_length} is longer than win_length {self.win_length}")
        if self.padding == "same" and (self.n_fft - self.hop_length) % 2:
            raise ValueError(f"padding same needs n_fft - hop_length even, found {self.n_fft - self.hop_length}")
        if not self.f_min < self.top_frequency <= self.sample_rate / 2:
            raise ValueError(f"f_max {self.f_max} must lie between f_min and half the sample rate {self.sample_rate}")
        return self

    @property
    def top_frequency(self) -> float:
        """The upper edge of the highest filter in Hz."""
        return self.sample_rate / 2 if self.f_max is None else self.f_max

    def num_frames(self, num_samples: int) -> int:
        """Return how many frames `num_samples` samples give."""
        return num_samples // self.hop_length + (self.padding == "centered")

    def signature(self) -> str:
        """Return 16 hexadecimal digits that change when any field changes."""
        return hashlib.sha256(json.dumps(self.model_dump(), sort_keys=True).encode()).hexdigest()[:16]

    def incompatibilities(self, other: "MelConfig") -> list[str]:
        """Name every field in which two definitions differ and that cannot be bridged, with both values."""
        ours, theirs = self.model_dump(), other.model_dump()
        ours["f_max"], theirs["f_max"] = self.top_frequency, other.top_frequency
        return [
            f"{name} {ours[name]} and {theirs[name]}"
            for name in ours
            if name not in BRIDGEABLE and ours[name] != theirs[name]
        ]
