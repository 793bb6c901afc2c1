"""The pitch of a voice, read off its mel."""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sonorant.config import PitchEstimatorConfig
from sonorant.models.convnext import ConvNext
from sonorant.models.precision import in_float32

MEL_CENTRE, MEL_SPREAD = -5.0, 2.0
"""About the mean and the standard deviation of the log-mels of speech."""

KERNEL = 7
NEAR_BINS = 4
"""The pitch is the mean over the likeliest bin and so many on each side, weighed by their probabilities, as CREPE's
authors compute it."""

TARGET_BINS = 1.5
"""Standard deviation of the target, a Gaussian about the true pitch instead of one bin, in bins (Kim et al. 2018)."""

NOWHERE = 1e-12
"""Added to every bin of the target."""


class PitchEstimator(nn.Module):
    """A classifier of pitch, in equal musical steps, and of voicing: CREPE (Kim et al. 2018), but from mels.

    What becomes of its logits is computed in float32.
    """

    log_hz: Tensor

    def __init__(self, config: PitchEstimatorConfig, n_mels: int) -> None:
        super().__init__()
        self.network = ConvNext(
            n_mels, config.channels, config.hidden_channels, KERNEL, config.num_layers, config.bins + 1
        )
        log_hz = torch.linspace(math.log(config.floor_hz), math.log(config.ceiling_hz), config.bins)
        self.register_buffer("log_hz", log_hz, persistent=False)

    @property
    def reach(self) -> int:
        """Frames to each side that a frame's pitch depends on."""
        return self.network.reach

    def forward(self, mel: Tensor) -> tuple[Tensor, Tensor]:
        """Return the logits of each bin and of there being a voice.

        Shape:
            mel: (B, n_mels, T) -> (B, T, bins), (B, T)
        """
        logits = self.network(normalized(mel))
        return logits[..., :-1], logits[..., -1]

    def pitch(self, mel: Tensor) -> Tensor:
        """Return the pitch in Hz, 0 where there is no voice.

        Shape:
            mel: (B, n_mels, T) -> (B, T)
        """
        logits, voicing = self(mel)
        return self._decode(logits, voicing)

    @in_float32
    def _decode(self, logits: Tensor, voicing: Tensor) -> Tensor:
        bins = torch.arange(len(self.log_hz), device=logits.device)
        near = (bins - logits.argmax(dim=-1, keepdim=True)).abs() <= NEAR_BINS
        weights = torch.where(near, logits, logits.new_full((), -1e4)).softmax(dim=-1)
        pitch_hz: Tensor = (weights * self.log_hz).sum(dim=-1).exp() * (voicing > 0)
        return pitch_hz

    def loss(self, mel: Tensor, pitch_hz: Tensor) -> Tensor:
        """Return the cross-entropy of the pitch of voiced frames, as a mean over all frames, plus that of voicing.

        A pitch outside of the bins counts as the nearest one.

        Shape:
            mel: (B, n_mels, T), pitch_hz: (B, T), 0 where unvoiced -> ()
        """
        logits, voicing = self(mel)
        return self._cross_entropy(logits, voicing, pitch_hz)

    @in_float32
    def _cross_entropy(self, logits: Tensor, voicing: Tensor, pitch_hz: Tensor) -> Tensor:
        voiced = pitch_hz > 0
        step = self.log_hz[1] - self.log_hz[0]
        course = pitch_hz.clamp(min=1.0).log().clamp(self.log_hz[0], self.log_hz[-1])
        distance = (self.log_hz - course[..., None]) / step
        target = torch.exp(-0.5 * (distance / TARGET_BINS).square()) + NOWHERE
        target = target / target.sum(dim=-1, keepdim=True)
        entropy = -(target * logits.log_softmax(dim=-1)).sum(dim=-1)
        loss: Tensor = (entropy * voiced).mean() + F.binary_cross_entropy_with_logits(voicing, voiced.float())
        return loss


def normalized(mel: Tensor) -> Tensor:
    """Bring log-mels to about zero mean and unit variance."""
    return (mel - MEL_CENTRE) / MEL_SPREAD
