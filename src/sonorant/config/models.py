"""The sizes of the models: figures only, so that a voice or a recipe is read without torch."""

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, PositiveInt, model_validator

from sonorant.config.mel import MelConfig
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
    embed_single_speaker: bool = Field(False, description="embed the speaker also where there is only one left")
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
    mark_penalty: float = Field(
        0.0,
        ge=0,
        description="what marks, and spaces behind them, lose in log-probability in voiced frames; marks and spaces "
        "before the first of them, too; 0: as published",
    )


class LocationAttentionConfig(Settings):
    """Location-sensitive attention (Chorowski et al. 2015; Tacotron 2, section 2.2)."""

    kind: Literal["location"] = "location"
    channels: int = Field(128, ge=1)
    filters: int = Field(32, ge=1)
    kernel: OddKernel = 31


class DynamicConvolutionAttentionConfig(Settings):
    """Dynamic convolution attention (Battenberg et al. 2019, section 2.3): it sees where it was, never what is said.

    The prior filter is a beta-binomial of `prior_taps` taps: how far the alignment moves forward in one step.
    """

    kind: Literal["dynamic_convolution"] = "dynamic_convolution"
    channels: int = Field(128, ge=1)
    static_filters: int = Field(8, ge=1)
    static_kernel: OddKernel = 21
    dynamic_filters: int = Field(8, ge=1)
    dynamic_kernel: OddKernel = 21
    prior_taps: int = Field(11, ge=2)
    prior_alpha: float = Field(0.1, gt=0)
    prior_beta: float = Field(0.9, gt=0)


AttentionConfig = Annotated[LocationAttentionConfig | DynamicConvolutionAttentionConfig, Field(discriminator="kind")]


class Tacotron2Config(Settings):
    """Tacotron 2 (Shen et al. 2018, section 2.2); the defaults are NVIDIA's model, dropout in place of zoneout."""

    embedding_channels: int = Field(512, ge=1)
    embed_single_speaker: bool = Field(False, description="embed the speaker also where there is only one left")
    encoder_layers: int = Field(3, ge=1)
    encoder_kernel: OddKernel = 5
    encoder_channels: int = Field(512, ge=2, multiple_of=2, description="of the convolutions, and of both LSTMs' sum")
    encoder_dropout: float = Field(0.5, ge=0, lt=1)
    prenet_channels: tuple[PositiveInt, ...] = Field((256, 256), min_length=1)
    prenet_dropout: float = Field(0.5, ge=0, lt=1, description="stays on when speaking")
    attention: AttentionConfig = LocationAttentionConfig()
    attention_rnn_channels: int = Field(1024, ge=1)
    decoder_rnn_channels: int = Field(1024, ge=1)
    rnn_dropout: float = Field(0.1, ge=0, lt=1)
    reduction_factor: int = Field(1, ge=1, description="mel frames per decoder step")
    postnet_layers: int = Field(5, ge=2)
    postnet_channels: int = Field(512, ge=1)
    postnet_kernel: OddKernel = 5
    postnet_dropout: float = Field(0.5, ge=0, lt=1)
    stop_threshold: float = Field(0.5, gt=0, lt=1)
    max_frames_per_symbol: float = Field(25.0, gt=0, description="speaking gives up beyond this many frames per symbol")


class WaveglowConfig(Settings):
    """WaveGlow (Prenger et al. 2019, section 2); the defaults are the published model."""

    hop_length: int = Field(256, ge=1, description="samples per mel frame")
    upsample_kernel: int = Field(1024, ge=1, description="of the transposed convolution that upsamples the mel")
    upsample_channels: int | None = Field(None, ge=1, description="that come out of it; null: as many as mel bins")
    num_flows: int = Field(12, ge=1)
    group_size: int = Field(8, ge=2, multiple_of=2, description="samples that become the channels of one time step")
    early_every: int = Field(4, ge=1, description="after so many flows some channels are done")
    early_channels: int = Field(2, ge=2, multiple_of=2)
    wn_layers: int = Field(8, ge=1)
    wn_channels: int = Field(512, ge=1)
    wn_kernel: OddKernel = 3
    sigma: float = Field(0.9, ge=0, description="standard deviation of the noise when speaking")

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.hop_length % self.group_size:
            raise ValueError(f"hop_length {self.hop_length} is not a multiple of group_size {self.group_size}")
        if self.upsample_kernel < self.hop_length:
            raise ValueError(f"upsample_kernel {self.upsample_kernel} is smaller than hop_length {self.hop_length}")
        num_early = (self.num_flows - 1) // self.early_every
        if num_early * self.early_channels >= self.group_size:
            raise ValueError(
                f"{num_early} early outputs of {self.early_channels} channels leave nothing of group_size "
                f"{self.group_size}"
            )
        return self


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


class PitchEstimatorConfig(Settings):
    """What reads the pitch off a mel: one class per `bins`-th part of the range, in equal musical steps."""

    channels: int = Field(128, ge=1)
    hidden_channels: int = Field(256, ge=1)
    num_layers: int = Field(3, ge=0)
    bins: int = Field(160, ge=2)
    floor_hz: float = Field(50.0, gt=0)
    ceiling_hz: float = Field(600.0, gt=0)

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.ceiling_hz <= self.floor_hz:
            raise ValueError(f"ceiling_hz {self.ceiling_hz:g} is not above floor_hz {self.floor_hz:g}")
        return self


class SourceFilterConfig(Settings):
    """A source-filter vocoder: filters at the frame rate shape pulses and noise (Wang et al. 2019; Siuzdak 2023)."""

    hop_length: int = Field(256, ge=1, description="samples per mel frame")
    channels: int = Field(256, ge=1)
    hidden_channels: int = Field(768, ge=1)
    num_layers: int = Field(6, ge=0)
    kernel: OddKernel = 7
    pitch: PitchEstimatorConfig = PitchEstimatorConfig()

    def check_n_fft(self, n_fft: int) -> None:
        """Refuse the Fourier transform of a mel whose frames this vocoder could not add up again.

        Raises:
            ValueError: It is not even, or not twice the hop or another multiple.
        """
        if n_fft % 2 or n_fft % self.hop_length or n_fft < 2 * self.hop_length:
            raise ValueError(
                f"n_fft {n_fft} must be even and a multiple, at least the double, of hop_length {self.hop_length}"
            )

    def check_mel(self, mel: MelConfig) -> None:
        """Refuse a mel that this vocoder cannot be for, apart from its hop.

        Raises:
            ValueError: Its frames could not be added up again, or a pitch may lie where it has no frequencies.
        """
        self.check_n_fft(mel.n_fft)
        if self.pitch.ceiling_hz >= mel.sample_rate / 2:
            raise ValueError(
                f"ceiling_hz {self.pitch.ceiling_hz:g} must be below half the sample rate {mel.sample_rate}"
            )


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


class MelDiscriminatorConfig(Settings):
    """The judges of an acoustic model's mels: one of patches, one of all bins at once.

    The first doubles its channels twice on the way.
    """

    patch_channels: int = Field(32, ge=1)
    band_channels: int = Field(128, ge=4, multiple_of=4)
