"""Time WaveGlow's way from mel to sound on a CPU, against a plain one with one-dimensional convolutions in float32.

    python tools/bench_waveglow.py [--channels 256 --frames 40 --threads 1 --repeats 3]

The weights are random; the last layers, which start at zero, are drawn as well, so that the couplings change the sound.
All ways speak in turn, and the time is the processor's, so that neighbours on a busy machine count little. SNR compares
with the plain sound.
"""

import argparse
import time
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sonorant.config import WaveglowConfig
from sonorant.models.waveglow import Waveglow

SAMPLE_RATE = 22050


def plain_infer(weights: dict[str, Tensor], config: WaveglowConfig, mel: Tensor, noise: Tensor) -> Tensor:
    """Speak as the paper's code does: (B, C, L), a convolution of the mel per layer, sums of skips, cached inverses."""
    group = config.group_size
    upsampled = F.conv_transpose1d(mel, weights["upsample.weight"], weights["upsample.bias"], config.hop_length)
    upsampled = upsampled[..., : mel.shape[2] * config.hop_length]
    condition = upsampled.unfold(2, group, group).permute(0, 2, 1, 3).flatten(2).transpose(1, 2).contiguous()
    early = [flow for flow in range(1, config.num_flows) if flow % config.early_every == 0]
    taken = config.early_channels * len(early)
    audio = noise[:, taken:]
    for flow in reversed(range(config.num_flows)):
        half = audio.shape[1] // 2
        kept, altered = audio[:, :half], audio[:, half:]
        shift, log_scale = plain_coupling(weights, f"flows.{flow}.coupling", config, kept, condition).chunk(2, dim=1)
        audio = torch.cat([kept, (altered - shift) / torch.exp(log_scale)], dim=1)
        audio = F.conv1d(audio, weights[f"flows.{flow}.inverse"])
        if flow in early:
            audio = torch.cat([noise[:, taken - config.early_channels : taken], audio], dim=1)
            taken -= config.early_channels
    return audio.transpose(1, 2).flatten(1)


def plain_coupling(
    weights: dict[str, Tensor], name: str, config: WaveglowConfig, audio: Tensor, condition: Tensor
) -> Tensor:
    width = config.wn_channels
    hidden = F.conv1d(audio, weights[f"{name}.start.weight"], weights[f"{name}.start.bias"])
    total = torch.zeros_like(hidden)
    for layer in range(config.wn_layers):
        reach = 2**layer * (config.wn_kernel - 1) // 2
        gates = F.conv1d(
            hidden, weights[f"{name}.dilated.{layer}.weight"], weights[f"{name}.dilated.{layer}.bias"],
            padding=reach, dilation=2**layer,
        )  # fmt: skip
        gates = gates + F.conv1d(condition, weights[f"{name}.mel.{layer}.weight"], weights[f"{name}.mel.{layer}.bias"])
        gated = torch.tanh(gates[:, :width]) * torch.sigmoid(gates[:, width:])
        both = F.conv1d(
            gated, weights[f"{name}.residual_skip.{layer}.weight"], weights[f"{name}.residual_skip.{layer}.bias"]
        )
        if layer < config.wn_layers - 1:
            hidden = hidden + both[:, :width]
        total = total + both[:, -width:]
    return F.conv1d(total, weights[f"{name}.end.weight"], weights[f"{name}.end.bias"])


def plain_weights(network: Waveglow) -> dict[str, Tensor]:
    """Return the weights of a folded network as one-dimensional convolutions take them, inverses ready made."""
    weights = {}
    for name, value in network.state_dict().items():
        value = value.squeeze(2).contiguous() if value.dim() == 4 else value
        owner, _, kind = name.rpartition(".")
        if owner.endswith(".condition"):
            parts = value.chunk(network.config.wn_layers)
            named = {f"{owner.removesuffix('condition')}mel.{layer}.{kind}": part for layer, part in enumerate(parts)}
            weights.update(named)
        elif owner.endswith(".mix"):
            weights[f"{owner.removesuffix('mix')}inverse"] = torch.linalg.inv(value)[:, :, None]
        else:
            weights[name] = value
    return weights


def build(channels: int) -> Waveglow:
    torch.manual_seed(0)
    network = Waveglow(WaveglowConfig(wn_channels=channels)).eval().requires_grad_(False)
    for name, parameter in network.named_parameters():
        if name.endswith("end.weight"):
            nn.init.normal_(parameter, std=0.02)
    network.remove_weight_norm()
    return network


def in_turn(ways: dict[str, Callable[[], Tensor]], repeats: int) -> tuple[dict[str, float], dict[str, Tensor]]:
    """Return the best time of each way, and what it said."""
    sounds = {name: way() for name, way in ways.items()}
    times = dict.fromkeys(ways, float("inf"))
    for _ in range(repeats):
        for name, way in ways.items():
            start = time.process_time()
            way()
            times[name] = min(times[name], (time.process_time() - start) / torch.get_num_threads())
    return times, sounds


@torch.no_grad()
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--channels", type=int, default=256)
    parser.add_argument("--frames", type=int, default=40)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    network = build(arguments.channels)
    config, weights = network.config, plain_weights(network)
    mel = 2.0 * torch.randn(1, 80, arguments.frames) - 5.0
    steps = arguments.frames * config.hop_length // config.group_size
    noise = config.sigma * torch.randn(1, config.group_size, steps)

    def coarse() -> Tensor:
        with torch.autocast("cpu", torch.bfloat16):
            return network.infer(mel, noise)

    ways = {
        "plain float32": lambda: plain_infer(weights, config, mel, noise),
        "ours float32": lambda: network.infer(mel, noise),
        "ours bfloat16": coarse,
    }
    times, sounds = in_turn(ways, arguments.repeats)
    exact, length_s = sounds["plain float32"], arguments.frames * config.hop_length / SAMPLE_RATE
    print(f"{arguments.channels} channels, {arguments.frames} frames, {arguments.threads} thread(s)")
    for name, seconds in times.items():
        error = (sounds[name] - exact).norm() / exact.norm()
        snr = f", SNR {-20 * error.log10():.0f} dB" if error > 0 else ""
        ratio = times["plain float32"] / seconds
        print(f"{name}: {seconds:.2f} s, {seconds / length_s:.2f} s per second of sound, {ratio:.2f} times plain{snr}")


if __name__ == "__main__":
    main()
