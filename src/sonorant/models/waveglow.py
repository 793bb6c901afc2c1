"""WaveGlow (Prenger et al. 2019): an invertible network between waveforms and Gaussian noise, given the mel."""

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from sonorant.config import WaveglowConfig
from sonorant.models.acoustic_losses import LossTerm
from sonorant.models.waveglow_layers import CouplingNetwork, InvertibleMix, inverses, mixed


class WaveglowOutput(NamedTuple):
    """What the flow makes of recordings.

    Attributes:
        z: (B, group_size, L), as `Waveglow.infer` takes noise; normally distributed if the network is perfect.
        log_s_sum: (B,), the sum of all log-scales of a row's couplings.
        log_det_w: Scalar, the log-determinants of the mixtures, summed over the L time steps of one row.
    """

    z: Tensor
    log_s_sum: Tensor
    log_det_w: Tensor


def waveglow_loss(output: WaveglowOutput, sigma: float) -> LossTerm:
    """Compute the negative log-likelihood of recordings, short of a constant (equation 3), and count their samples.

    Shape:
        -> scalars
    """
    z = output.z
    misfit = z.square().sum() / (2 * sigma**2)
    loss = misfit - output.log_s_sum.sum() - len(z) * output.log_det_w
    return LossTerm(loss, torch.tensor(z.numel(), device=z.device))


class FlowStep(nn.Module):
    """Mixes the channels, then scales and shifts one half as the other half and the mel say (section 2.1, figure 1)."""

    def __init__(self, config: WaveglowConfig, num_channels: int, condition_channels: int) -> None:
        super().__init__()
        self.mix = InvertibleMix(num_channels)
        self.coupling = CouplingNetwork(
            num_channels // 2, condition_channels, config.wn_channels, config.wn_layers, config.wn_kernel
        )

    def forward(self, audio: Tensor, condition: Tensor) -> tuple[Tensor, Tensor]:
        """Go one step from sound to noise; return the log-scales as well.

        Shape:
            audio: (B, C, 1, L), condition: (B, condition channels, 1, L) -> (B, C, 1, L), (B, C / 2, 1, L)
        """
        kept, changed = self.mix(audio).chunk(2, dim=1)
        shift, log_scale = self.coupling(kept, condition)
        return torch.cat([kept, changed * log_scale.exp() + shift], dim=1), log_scale

    def infer(self, audio: Tensor, condition: Tensor, unmixing: Tensor) -> Tensor:
        """Undo `forward`, given the inverse of the mixture's matrix."""
        kept, changed = audio.chunk(2, dim=1)
        shift, log_scale = self.coupling(kept, condition)
        return mixed(torch.cat([kept, (changed - shift) * (-log_scale).exp()], dim=1), unmixing)


class Waveglow(nn.Module):
    """A mel spectrogram and noise to a waveform, and back.

    Every `group_size` samples are the channels of one time step; there are L = N / group_size of them. After each
    `early_every` steps of the flow the first `early_channels` channels are noise enough and take no further part.

    Frame k of the mel conditions the samples from k * hop_length on, `upsample_kernel` of them; what reaches beyond the
    last frame's hop is cut, as published. The published mels are centred on sample k * hop_length, those with padding
    "same" half a hop later; the learned kernel fits itself to either, and a network moved from one to the other speaks
    half a hop shifted.

    Only the convolutions inside the couplings run in the precision of an autocast; everything else is float32.

    Example:
        >>> network = Waveglow(WaveglowConfig(num_flows=5, wn_layers=2, wn_channels=8))
        >>> mel, waveform = torch.randn(1, 80, 3), torch.randn(1, 768)
        >>> again = network.infer(mel, network(mel, waveform).z)
        >>> torch.allclose(again, waveform, atol=1e-4)
        True
    """

    def __init__(self, config: WaveglowConfig, n_mels: int = 80) -> None:
        super().__init__()
        self.config = config
        upsampled = config.upsample_channels or n_mels
        self.upsample = nn.ConvTranspose1d(n_mels, upsampled, config.upsample_kernel, config.hop_length)
        self.flows = nn.ModuleList()
        channels = config.group_size
        for index in range(config.num_flows):
            channels -= self._num_early(index)
            self.flows.append(FlowStep(config, channels, upsampled * config.group_size))

    def forward(self, mel: Tensor, waveform: Tensor) -> WaveglowOutput:
        """Turn recordings into noise.

        Raises:
            ValueError: The waveform is not hop_length times as long as the mel.

        Shape:
            mel: (B, n_mels, T), waveform: (B, T * hop_length)
        """
        if waveform.shape[1] != mel.shape[2] * self.config.hop_length:
            raise ValueError(f"{waveform.shape[1]} samples do not belong to {mel.shape[2]} frames")
        condition = self._condition(mel)
        audio = self._as_image(waveform.reshape(len(mel), -1, self.config.group_size).transpose(1, 2))
        finished, log_s_sum = [], torch.zeros(len(mel), dtype=audio.dtype, device=audio.device)
        log_det_w = torch.zeros((), dtype=audio.dtype, device=audio.device)
        for index, flow in enumerate(self.flows):
            assert isinstance(flow, FlowStep)
            num_early = self._num_early(index)
            finished.append(audio[:, :num_early])
            audio, log_scale = flow(audio[:, num_early:], condition)
            log_s_sum = log_s_sum + log_scale.flatten(1).sum(1)
            log_det_w = log_det_w + flow.mix.log_determinant() * audio.shape[3]
        return WaveglowOutput(torch.cat([*finished, audio], dim=1).squeeze(2), log_s_sum, log_det_w)

    def infer(self, mel: Tensor, noise: Tensor) -> Tensor:
        """Turn noise into sound; fed with the z of `forward` it gives the recording back.

        The last rows of the noise enter before the last flow, the first `early_channels` rows last of all.

        Args:
            mel: What to say, (B, n_mels, T).
            noise: Drawn from a normal distribution and already scaled by sigma, (B, group_size, T * hop / group_size).

        Raises:
            ValueError: The noise has not group_size rows.

        Shape:
            -> (B, T * hop_length)
        """
        if noise.shape[1] != self.config.group_size:
            raise ValueError(f"noise of {noise.shape[1]} rows, group_size is {self.config.group_size}")
        condition = self._condition(mel)
        noise = self._as_image(noise)
        first = noise.shape[1] - self._channels_of_last_flow()
        audio = noise[:, first:]
        unmixing = inverses([flow.mix.weight for flow in self.flows if isinstance(flow, FlowStep)])
        for index in reversed(range(len(self.flows))):
            flow, num_early = self.flows[index], self._num_early(index)
            assert isinstance(flow, FlowStep)
            audio = flow.infer(audio, condition, unmixing[index])
            audio = torch.cat([noise[:, first - num_early : first], audio], dim=1)
            first -= num_early
        return audio.squeeze(2).transpose(1, 2).flatten(1)

    def remove_weight_norm(self) -> None:
        """Fold the weight normalisation into plain weights: same sound, less work, ready to export."""
        for layer in list(self.modules()):
            if parametrize.is_parametrized(layer, "weight"):
                parametrize.remove_parametrizations(layer, "weight")

    def receptive_field_frames(self) -> int:
        """Return how many frames of context on each side make a chunk's inside equal to the whole's in `infer`."""
        couplings = [flow.coupling for flow in self.flows if isinstance(flow, FlowStep)]
        steps = sum(coupling.reach for coupling in couplings)
        mel_samples = (steps - couplings[-1].reach_before_mel) * self.config.group_size
        mel_frames = (mel_samples + self.config.upsample_kernel - 1) // self.config.hop_length
        return max(mel_frames, math.ceil(steps * self.config.group_size / self.config.hop_length))

    def _condition(self, mel: Tensor) -> Tensor:
        """Return the mel's features of each time step: (B, upsampled channels * group_size, 1, L)."""
        upsampled = self.upsample(mel)[:, :, : mel.shape[2] * self.config.hop_length]
        grouped = upsampled.reshape(*upsampled.shape[:2], -1, self.config.group_size).transpose(2, 3)
        return self._as_image(grouped.flatten(1, 2))

    def _as_image(self, sequence: Tensor) -> Tensor:
        layout = torch.channels_last if sequence.device.type == "cpu" else torch.contiguous_format
        return sequence.unsqueeze(2).contiguous(memory_format=layout)

    def _num_early(self, index: int) -> int:
        """Return how many channels take no part from this flow on."""
        return self.config.early_channels if index and index % self.config.early_every == 0 else 0

    def _channels_of_last_flow(self) -> int:
        return self.config.group_size - sum(map(self._num_early, range(len(self.flows))))
