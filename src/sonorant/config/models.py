"""The sizes of the models: figures only, so that a voice or a recipe is read without torch."""

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, PositiveInt, model_validator

from sonorant.config.settings import Settings


def _odd(kernel: int) -> int:
    if kernel % 2 == 0:
        raise ValueError("a kernel must be odd to keep the length")
    return kernel


OddKernel = Annotated[int, Field(ge=1), AfterValidator(_odd)]
"""The kernel of a convolution whose output is as long as its input."""


class TransformerConfig(Settings):
    """A stack of feed-forward transformer layers (FastPitch, section 2; FastSpeech, section 3.1)."""

    num_layers: int = Field(6, ge=1)
    num_heads: int = Field(1, ge=1)
    head_channels: int = Field(64, ge=1)
    conv_channels: int = Field(1536, ge=1)
    conv_kernel: OddKernel = 3
    dropout: float = Field(0.1, ge=0, lt=1)
    attention_dropout: float = Field(0.1, ge=0, lt=1)


class PredictorConfig(Settings):
    """A predictor of one number per symbol (FastPitch, section 2.1)."""

    num_layers: int = Field(2, ge=1)
    channels: int = Field(256, ge=1)
    kernel: OddKernel = 3
    dropout: float = Field(0.1, ge=0, lt=1)


class FastPitchConfig(Settings):
    """FastPitch 1.1; the defaults are the published model."""

    channels: int = Field(384, ge=1)
    encoder: TransformerConfig = TransformerConfig()
    decoder: TransformerConfig = TransformerConfig()
    duration_predictor: PredictorConfig = PredictorConfig()
    pitch_predictor: PredictorConfig = PredictorConfig()
    energy_predictor: PredictorConfig | None = PredictorConfig()
    pitch_kernel: OddKernel = 3
    energy_kernel: OddKernel = 3
    max_duration_frames: int = Field(75, ge=1)
    aligner_channels: int = Field(80, ge=1)
    aligner_temperature: float = Field(0.0005, gt=0)


class HifiganConfig(Settings):
    """A HiFi-GAN generator (Kong et al. 2020, table 5), optionally with an iSTFT tail (Kaneko et al. 2022)."""

    upsample_rates: tuple[PositiveInt, ...] = (8, 8, 2, 2)
    upsample_kernels: tuple[PositiveInt, ...] = (16, 16, 4, 4)
    channels: int = Field(512, ge=2)
    resblock: Literal["1", "2"] = "1"
    resblock_kernels: tuple[OddKernel, ...] = (3, 7, 11)
    resblock_dilations: tuple[tuple[PositiveInt, ...], ...] = ((1, 3, 5), (1, 3, 5), (1, 3, 5))
    leaky_slope: float = Field(0.1, ge=0)
    final_leaky_slope: float = Field(0.01, ge=0)
    istft_n_fft: int | None = Field(None, ge=4, description="length of the tail's inverse STFT; null: a plain waveform")
    istft_hop: int | None = Field(None, ge=1)

    @model_validator(mode="after")
    def _check(self) -> Self:
        if not (self.upsample_rates and self.resblock_kernels and all(self.resblock_dilations)):
            raise ValueError("upsample_rates, resblock_kernels and each of resblock_dilations need at least one entry")
        if len(self.upsample_rates) != len(self.upsample_kernels):
            raise ValueError("upsample_rates and upsample_kernels need one entry per stage each")
        if len(self.resblock_kernels) != len(self.resblock_dilations):
            raise ValueError("resblock_kernels and resblock_dilations need one entry per block each")
        for rate, kernel in zip(self.upsample_rates, self.upsample_kernels, strict=True):
            if kernel < rate:
                raise ValueError(f"upsample kernel {kernel} is smaller than its rate {rate}")
            if rate == 1 and kernel % 2 == 0:
                raise ValueError(f"upsample kernel {kernel} must be odd where the rate is 1")
        if (self.istft_n_fft is None) != (self.istft_hop is None):
            raise ValueError("istft_n_fft and istft_hop go together")
        if self.istft_n_fft and self.istft_hop and (self.istft_n_fft % 2 or self.istft_n_fft < 2 * self.istft_hop):
            raise ValueError(f"istft_n_fft must be even and at least twice istft_hop {self.istft_hop}")
        if self.channels % 2 ** len(self.upsample_rates):
            raise ValueError(f"channels {self.channels} must halve evenly {len(self.upsample_rates)} times")
        return self

    @property
    def hop_length(self) -> int:
        """Samples per mel frame."""
        hop = self.istft_hop or 1
        for rate in self.upsample_rates:
            hop *= rate
        return hop


class DiscriminatorConfig(Settings):
    """The judges of a vocoder.

    Multi-period and multi-scale (Kong et al. 2020, section 2.3), multi-resolution (Jang et al. 2021). `width`
    scales the channels: 1 is the published size.
    """

    periods: tuple[PositiveInt, ...] = (2, 3, 5, 7, 11)
    scales: int = Field(3, ge=0)
    resolutions: tuple[tuple[PositiveInt, PositiveInt, PositiveInt], ...] = Field(
        (), description="(n_fft, hop, window) of each; empty: none"
    )
    width: float = Field(1.0, gt=0, le=4)

    @model_validator(mode="after")
    def _check(self) -> Self:
        if not (self.periods or self.scales or self.resolutions):
            raise ValueError("no discriminator left: name periods, scales or resolutions")
        for n_fft, hop_length, win_length in self.resolutions:
            if not hop_length <= win_length <= n_fft:
                raise ValueError(f"resolution {(n_fft, hop_length, win_length)}: hop <= window <= n_fft does not hold")
        return self
