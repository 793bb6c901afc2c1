"""HiFi-GAN's generator (Kong et al. 2020), optionally with the inverse-STFT tail of iSTFTNet (Kaneko et al. 2022).

Inside the generator a sequence is an image one row high, (B, C, 1, T), and on a CPU its channels lie side by side:
training V2 on one core is 1.2 times as fast in fp32 and 1.8 times as fast in bf16 as with one-dimensional convolutions.
"""

import math
from collections.abc import Iterable
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils import parametrize
from torch.nn.utils.parametrizations import weight_norm

from sonorant.config import HifiganConfig
from sonorant.models.precision import in_float32

EDGE_KERNEL = 7
"""Kernel of the first and the last convolution (Kong et al. 2020, appendix A.1)."""

MAGNITUDE_HEADROOM = 16.0
"""The tail's magnitudes end at this many times n_fft; a full-scale sine under a Hann window has n_fft / 4."""

NARROW_CHANNELS, LONG_RATE = 16, 4
"""A transposed convolution to fewer channels, by this rate or a longer one, computes in float32: where a CPU has AMX,
the gradients of its input in bfloat16 are wrong altogether (oneDNN in torch 2.13). Published sizes have none such."""


class Span(NamedTuple):
    """The positions `first` to `last`, both included, of a sequence."""

    first: int
    last: int


class ResidualBlock(nn.Module):
    """Dilated convolutions, each added to its own input (Kong et al. 2020, figure 1).

    With `paired`, each dilated convolution is followed by one of dilation 1 (the paper's ResBlock1); without, it stands
    alone (ResBlock2).

    Shape:
        (B, C, 1, T) -> (B, C, 1, T)
    """

    def __init__(self, channels: int, kernel: int, dilations: Iterable[int], slope: float, paired: bool) -> None:
        super().__init__()
        self.units = nn.ModuleList()
        for dilation in dilations:
            unit = nn.Sequential(nn.LeakyReLU(slope), _same_conv(channels, channels, kernel, dilation))
            if paired:
                unit.extend([nn.LeakyReLU(slope), _same_conv(channels, channels, kernel)])
            self.units.append(unit)

    def forward(self, hidden: Tensor) -> Tensor:
        """Refine `hidden`."""
        for unit in self.units:
            hidden = hidden + unit(hidden)
        return hidden


class UpsampleStage(nn.Module):
    """A transposed convolution, then the mean of several residual blocks (multi-receptive-field fusion, section 2.2).

    The output is exactly `rate` times as long as the input, also where kernel - rate is odd.

    Shape:
        (B, C, 1, T) -> (B, C / 2, 1, T * rate)
    """

    def __init__(self, config: HifiganConfig, channels: int, rate: int, kernel: int) -> None:
        super().__init__()
        excess = kernel - rate
        upsample = nn.ConvTranspose2d(
            channels, channels // 2, (1, kernel), stride=(1, rate),
            padding=(0, (excess + 1) // 2), output_padding=(0, excess % 2),
        )  # fmt: skip
        self.activation = nn.LeakyReLU(config.leaky_slope)
        self.upsample = weight_norm(upsample)
        self.narrow = channels // 2 < NARROW_CHANNELS and rate >= LONG_RATE
        self.blocks = nn.ModuleList(
            ResidualBlock(channels // 2, kernel, dilations, config.leaky_slope, paired=config.resblock == "1")
            for kernel, dilations in zip(config.resblock_kernels, config.resblock_dilations, strict=True)
        )

    def forward(self, hidden: Tensor) -> Tensor:
        """Upsample `hidden` and refine it."""
        activated = self.activation(hidden)
        upsampled = self._upsample_exactly(activated) if self.narrow else self.upsample(activated)
        first, *others = self.blocks
        fused: Tensor = first(upsampled)
        for block in others:
            fused = fused + block(upsampled)
        return fused / len(self.blocks)

    @in_float32
    def _upsample_exactly(self, activated: Tensor) -> Tensor:
        upsampled: Tensor = self.upsample(activated)
        return upsampled

    def inputs_of(self, outputs: Span) -> Span:
        """Return the input positions that the output positions depend on."""
        reach = max(_reach(*block.modules()) for block in self.blocks)
        (_, kernel), (_, rate), (_, padding) = self.upsample.kernel_size, self.upsample.stride, self.upsample.padding
        return _transposed_inputs(_widened(outputs, reach), kernel, rate, int(padding))


class WaveformHead(nn.Module):
    """One convolution to samples in [-1, 1], in float32.

    Shape:
        (B, C, 1, N) -> (B, N)
    """

    def __init__(self, channels: int, slope: float) -> None:
        super().__init__()
        self.activation = nn.LeakyReLU(slope)
        self.conv = _same_conv(channels, 1, EDGE_KERNEL)

    @in_float32
    def forward(self, hidden: Tensor) -> Tensor:
        """Return the waveform."""
        return torch.tanh(self.conv(self.activation(hidden))).flatten(1)

    def inputs_of(self, outputs: Span) -> Span:
        """Return the input positions that the output samples depend on."""
        return _widened(outputs, _reach(self.conv))


class IstftHead(nn.Module):
    """One convolution to a short-time spectrum, then its inverse transform (Kaneko et al. 2022, section 2.2).

    Magnitudes are exponentials, bounded against overflow; phases are sines. A reflected position in front makes the
    T + 1 centred frames whose inverse has exactly T * hop samples. All of it is in float32.

    Shape:
        (B, C, 1, T) -> (B, T * hop_length)
    """

    def __init__(self, channels: int, slope: float, n_fft: int, hop_length: int) -> None:
        super().__init__()
        self.activation = nn.LeakyReLU(slope)
        self.conv = _same_conv(channels, n_fft + 2, EDGE_KERNEL)
        self.istft = InverseStft(n_fft, hop_length)
        self.max_log_magnitude = math.log(MAGNITUDE_HEADROOM * n_fft)

    @in_float32
    def forward(self, hidden: Tensor) -> Tensor:
        """Return the waveform."""
        padded = F.pad(self.activation(hidden), (1, 0, 0, 0), mode="reflect")
        log_magnitude, phase = self.conv(padded).squeeze(2).chunk(2, dim=1)
        magnitude = log_magnitude.clamp(max=self.max_log_magnitude).exp()
        waveform: Tensor = self.istft(magnitude, phase.sin())
        return waveform

    def inputs_of(self, outputs: Span) -> Span:
        """Return the input positions that the output samples depend on."""
        n_fft, hop_length = self.istft.n_fft, self.istft.hop_length
        frames = _widened(_transposed_inputs(outputs, n_fft, hop_length, n_fft // 2), _reach(self.conv))
        return Span(frames.first - 1, frames.last - 1)


class InverseStft(nn.Module):
    """The inverse of a centred STFT with a periodic Hann window, as one transposed convolution.

    The same numbers as `torch.istft`, in operations that every runtime has: each frequency bin's windowed cosine and
    sine are a column of a fixed basis, and the overlapping frames are divided by the sum of their squared windows. It
    computes in float32.

    Shape:
        magnitude, phase: (B, n_fft / 2 + 1, T + 1) -> (B, T * hop_length)
    """

    basis: Tensor
    squared_window: Tensor

    def __init__(self, n_fft: int, hop_length: int) -> None:
        super().__init__()
        self.n_fft, self.hop_length = n_fft, hop_length
        window = torch.hann_window(n_fft, dtype=torch.float64)
        self.register_buffer("basis", _inverse_fourier_basis(n_fft).mul(window).float()[:, None], persistent=False)
        self.register_buffer("squared_window", window.square().float()[None, None], persistent=False)

    @in_float32
    def forward(self, magnitude: Tensor, phase: Tensor) -> Tensor:
        """Return the waveform of a spectrum."""
        spectrum = torch.cat([magnitude * phase.cos(), magnitude * phase.sin()], dim=1)
        overlapped = self._overlap_add(spectrum, self.basis)
        envelope = self._overlap_add(torch.ones_like(spectrum[:, :1]), self.squared_window)
        return (overlapped / envelope).squeeze(1)

    def _overlap_add(self, frames: Tensor, basis: Tensor) -> Tensor:
        waveform = F.conv_transpose1d(frames, basis.to(frames.dtype), stride=self.hop_length)
        return waveform[..., self.n_fft // 2 : -(self.n_fft // 2)]


class HifiganGenerator(nn.Module):
    """A mel spectrogram to a waveform (Kong et al. 2020, section 2.2).

    The last layer is an island of float32: the 8 bits of a bfloat16 would be audible.

    Weights start as torch draws them. So did the published models': their N(0, 0.01) was written to weights that weight
    normalisation computes anew. With N(0, 0.01) in effect V2 learns slower: its log-mel error after 150 steps of 4
    segments at learning rate 5e-4 is 1.44 instead of 1.06.

    Example:
        >>> generator = HifiganGenerator(HifiganConfig(upsample_rates=(4, 2), upsample_kernels=(8, 5), channels=8))
        >>> generator(torch.zeros(3, 80, 10)).shape
        torch.Size([3, 80])
    """

    def __init__(self, config: HifiganConfig, n_mels: int = 80) -> None:
        super().__init__()
        self.config = config
        self.input_conv = _same_conv(n_mels, config.channels, EDGE_KERNEL)
        self.stages = nn.ModuleList()
        channels = config.channels
        for rate, kernel in zip(config.upsample_rates, config.upsample_kernels, strict=True):
            self.stages.append(UpsampleStage(config, channels, rate, kernel))
            channels //= 2
        self.head = _head(config, channels)

    def forward(self, mel: Tensor) -> Tensor:
        """Vocode a batch of log-mel spectrograms.

        Shape:
            mel: (B, n_mels, T) -> (B, T * config.hop_length)
        """
        layout = torch.channels_last if mel.device.type == "cpu" else torch.contiguous_format
        hidden = self.input_conv(mel.unsqueeze(2).contiguous(memory_format=layout))
        for stage in self.stages:
            hidden = stage(hidden)
        waveform: Tensor = self.head(hidden)
        return waveform

    def remove_weight_norm(self) -> None:
        """Fold the weight normalisation into plain weights: same sound, less work, ready to export."""
        for layer in list(self.modules()):
            if parametrize.is_parametrized(layer, "weight"):
                parametrize.remove_parametrizations(layer, "weight")

    def receptive_field_frames(self) -> int:
        """Return how many frames of context on each side make a chunk's inside equal to the whole's."""
        span = self.head.inputs_of(Span(0, self.config.hop_length - 1))
        for stage in reversed(self.stages):
            assert isinstance(stage, UpsampleStage)
            span = stage.inputs_of(span)
        span = _widened(span, _reach(self.input_conv))
        return max(-span.first, span.last)


def _head(config: HifiganConfig, channels: int) -> WaveformHead | IstftHead:
    if config.istft_n_fft is None or config.istft_hop is None:
        return WaveformHead(channels, config.final_leaky_slope)
    return IstftHead(channels, config.final_leaky_slope, config.istft_n_fft, config.istft_hop)


def _same_conv(inputs: int, outputs: int, kernel: int, dilation: int = 1) -> nn.Conv2d:
    padding = dilation * (kernel - 1) // 2
    conv = nn.Conv2d(inputs, outputs, (1, kernel), dilation=(1, dilation), padding=(0, padding))
    normed: nn.Conv2d = weight_norm(conv)
    return normed


def _inverse_fourier_basis(n_fft: int) -> Tensor:
    """Return the rows that real and imaginary parts weigh in a real inverse DFT: (n_fft + 2, n_fft), float64.

    Bins between 0 and n_fft / 2 stand for their mirror image as well, hence count twice.
    """
    bins = torch.arange(n_fft // 2 + 1, dtype=torch.float64)
    angles = 2 * math.pi / n_fft * torch.outer(bins, torch.arange(n_fft, dtype=torch.float64))
    weights = torch.full_like(bins, 2 / n_fft)
    weights[[0, -1]] = 1 / n_fft
    return torch.cat([angles.cos(), -angles.sin()]) * weights.repeat(2)[:, None]


def _reach(*layers: nn.Module) -> int:
    """Return how far to each side an output position looks through same-length convolutions in a row."""
    return sum(int(layer.padding[1]) for layer in layers if isinstance(layer, nn.Conv2d))


def _widened(span: Span, reach: int) -> Span:
    return Span(span.first - reach, span.last + reach)


def _transposed_inputs(outputs: Span, kernel: int, stride: int, padding: int) -> Span:
    """Return the inputs i with an output n = i * stride - padding + j of the span, 0 <= j < kernel."""
    return Span(-((kernel - 1 - padding - outputs.first) // stride), (outputs.last + padding) // stride)
