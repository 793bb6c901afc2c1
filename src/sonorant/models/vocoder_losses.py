"""What a vocoder and its judges minimise (Kong et al. 2020, equations 1 to 8; Yamamoto et al. 2020, section 2.2)."""

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from sonorant.models.discriminators import DiscriminatorOutput
from sonorant.models.precision import in_float32

SPECTRAL_RESOLUTIONS = ((512, 128), (1024, 256), (2048, 512))
"""(n_fft, hop_length) of each STFT of the spectral loss; the window is n_fft long."""

MAGNITUDE_FLOOR = 1e-5
"""Magnitudes below this count as this: keeps logarithms and ratios of silence finite."""


def discriminator_loss(real: Sequence[DiscriminatorOutput], fake: Sequence[DiscriminatorOutput]) -> Tensor:
    """Pull the judges' logits to 1 for recordings and to 0 for generated sound (LSGAN; equations 1 and 7).

    The sum over sub-discriminators of means over the batch. `fake` comes from a detached waveform.
    """
    pairs = zip(real, fake, strict=True)
    return _sum((r.logits.float() - 1).square().mean() + f.logits.float().square().mean() for r, f in pairs)


def generator_adversarial_loss(fake: Iterable[DiscriminatorOutput]) -> Tensor:
    """Pull the judges' logits to 1 for generated sound (equations 2 and 8)."""
    return _sum((output.logits.float() - 1).square().mean() for output in fake)


def feature_loss(real: Sequence[DiscriminatorOutput], fake: Sequence[DiscriminatorOutput]) -> Tensor:
    """Compare the outputs of every layer of every judge (equation 4): the sum of mean absolute differences.

    What the judges make of the recording is the target: no gradient flows there.
    """
    pairs = zip(real, fake, strict=True)
    return _sum(
        F.l1_loss(fake_layer.float(), real_layer.detach().float())
        for r, f in pairs
        for real_layer, fake_layer in zip(r.features, f.features, strict=True)
    )


@in_float32
def spectral_loss(real: Tensor, fake: Tensor, resolutions: Sequence[tuple[int, int]] = SPECTRAL_RESOLUTIONS) -> Tensor:
    """Compare magnitudes at several resolutions: spectral convergence plus log-magnitude distance, averaged.

    Spectral convergence is taken row by row, so that the loss does not depend on how a batch is split.

    Shape:
        real, fake: (B, N) -> ()
    """
    return _sum(_resolution_loss(real, fake, n_fft, hop) for n_fft, hop in resolutions) / len(resolutions)


def _resolution_loss(real: Tensor, fake: Tensor, n_fft: int, hop_length: int) -> Tensor:
    real, fake = _magnitudes(real, n_fft, hop_length), _magnitudes(fake, n_fft, hop_length)
    convergence = torch.linalg.vector_norm(real - fake, dim=(1, 2)) / torch.linalg.vector_norm(real, dim=(1, 2))
    distance: Tensor = convergence.mean() + F.l1_loss(fake.log(), real.log())
    return distance


def _magnitudes(waveform: Tensor, n_fft: int, hop_length: int) -> Tensor:
    window = torch.hann_window(n_fft, device=waveform.device)
    spectrum: Tensor = torch.stft(waveform, n_fft, hop_length, window=window, normalized=True, return_complex=True)
    return torch.clamp(spectrum.abs(), min=MAGNITUDE_FLOOR)


def _sum(terms: Iterable[Tensor]) -> Tensor:
    return torch.stack(list(terms)).sum()
