"""WaveGlow of its authors (nvidia/waveglow, its older layout too) and of NVIDIA's DeepLearningExamples."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from sonorant.config import MelConfig, WaveglowConfig
from sonorant.errors import VoiceError
from sonorant.models.convert.checkpoint import (
    checked,
    count_numbered,
    load_checkpoint,
    network_tensors,
    renamed,
    renamed_strictly,
    shape_of,
)
from sonorant.models.waveglow import Waveglow

LAYERS = (
    (r"upsample", r"upsample"),
    (r"convinv\.(\d+)\.conv", r"flows.\1.mix"),
    (r"WN\.(\d+)\.start", r"flows.\1.coupling.start"),
    (r"WN\.(\d+)\.in_layers\.(\d+)", r"flows.\1.coupling.dilated.\2"),
    (r"WN\.(\d+)\.cond_layer", r"flows.\1.coupling.condition"),
    (r"WN\.(\d+)\.res_skip_layers\.(\d+)", r"flows.\1.coupling.residual_skip.\2"),
    (r"WN\.(\d+)\.end", r"flows.\1.coupling.end"),
)
"""Layers: theirs, fused as `fused` leaves them -> ours."""

TENSORS = {
    "weight": "weight",
    "bias": "bias",
    "weight_g": "parametrizations.weight.original0",
    "weight_v": "parametrizations.weight.original1",
}
"""Tensors of a layer: theirs -> ours."""

UNNORMALISED = ("upsample", "conv", "end")
"""The last part of the names of the layers that never had weight normalisation."""

HOP_LENGTH = 256
"""Of all published networks; the weights do not show it."""


class WaveglowCheckpoint(NamedTuple):
    """A published WaveGlow in our terms; `state` fills `Waveglow(config, mel.n_mels)` strictly."""

    config: WaveglowConfig
    mel: MelConfig
    state: dict[str, Tensor]


def read_waveglow_checkpoint(path: Path) -> WaveglowCheckpoint:
    """Read a WaveGlow checkpoint that holds a state dict, with or without weight normalisation.

    All sizes are read off the tensors, so that no setting can disagree with them.

    The very first network that its authors published (waveglow_old.pt) exchanges the two halves in every second flow.
    Nothing in its tensors shows that: read here, it would speak noise.

    Raises:
        VoiceError: The file is missing, damaged or not such a checkpoint; the message names the tensors at fault.
    """
    return convert_waveglow(load_checkpoint(path), path)


def convert_waveglow(content: Mapping[str, Any], path: Path) -> WaveglowCheckpoint:
    """Convert what `load_checkpoint` returned; see `read_waveglow_checkpoint`."""
    tensors = normalised(fused(network_tensors(content, path), path))
    n_mels, _, upsample_kernel = shape_of(tensors, "upsample.weight", 3, path)
    mel = checked(MelConfig, {"padding": "centered", "power_epsilon": 0.0, "n_mels": n_mels}, path)
    config = _config(tensors, upsample_kernel, path)
    with torch.device("meta"):
        network = Waveglow(config, n_mels)
    return WaveglowCheckpoint(config, mel, renamed_strictly(tensors, waveglow_name, network, path))


def waveglow_name(theirs: str) -> str | None:
    """Return our name of one of their tensors, or None where there is no such tensor.

    Example:
        >>> waveglow_name("WN.3.in_layers.0.weight_v")
        'flows.3.coupling.dilated.0.parametrizations.weight.original1'
    """
    layer, _, tensor = theirs.rpartition(".")
    ours = renamed(layer, LAYERS)
    return f"{ours}.{TENSORS[tensor]}" if ours and tensor in TENSORS else None


def fused(tensors: Mapping[str, Tensor], path: Path) -> dict[str, Tensor]:
    """Join the convolutions that other layouts keep apart.

    One convolution of the mel per layer becomes one for all layers, a residual and a skip convolution become one.
    Weight normalisation works by output channel, so its tensors are joined like the others.

    Raises:
        VoiceError: The parts of a convolution do not fit together.

    Example:
        >>> apart = {"WN.0.cond_layers.0.bias": torch.zeros(2), "WN.0.cond_layers.1.bias": torch.ones(2)}
        >>> fused(apart, Path("waveglow.pt"))
        {'WN.0.cond_layer.bias': tensor([0., 0., 1., 1.])}
    """
    parts: dict[str, dict[tuple[int, str], Tensor]] = {}
    for name, value in tensors.items():
        whole, place = _whole_of(name)
        parts.setdefault(whole, {})[place] = value
    try:
        return {whole: _joined([pieces[place] for place in sorted(pieces)]) for whole, pieces in parts.items()}
    except RuntimeError as error:
        raise VoiceError(f"{path}: parts of a convolution do not fit together: {error}") from None


def _whole_of(name: str) -> tuple[str, tuple[int, str]]:
    """Return the fused tensor that a tensor belongs to, and its place in it."""
    match name.split("."):
        case ["WN", flow, "cond_layers", layer, tensor]:
            return f"WN.{flow}.cond_layer.{tensor}", (len(layer), layer)
        case ["WN", flow, ("res_layers" | "skip_layers") as group, layer, tensor]:
            return f"WN.{flow}.res_skip_layers.{layer}.{tensor}", (0, group)
        case _:
            return name, (0, "")


def _joined(pieces: list[Tensor]) -> Tensor:
    return torch.cat(pieces) if len(pieces) > 1 else pieces[0]


def normalised(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Split folded weights into direction and length again, as weight normalisation keeps them."""
    split: dict[str, Tensor] = {}
    for name, value in tensors.items():
        layer, _, tensor = name.rpartition(".")
        if tensor != "weight" or layer.rpartition(".")[2] in UNNORMALISED or value.dim() < 2:
            split[name] = value
            continue
        length = value.float().flatten(1).norm(dim=1).view(-1, *[1] * (value.dim() - 1))
        split[f"{layer}.weight_g"] = length
        split[f"{layer}.weight_v"] = value.float().where(length > 0, 1.0)  # a length of 0 has no direction of its own
    return split


def _config(tensors: Mapping[str, Tensor], upsample_kernel: int, path: Path) -> WaveglowConfig:
    num_flows = count_numbered(tensors, r"convinv\.(\d+)\..*")
    widths = [shape_of(tensors, f"convinv.{flow}.conv.weight", 3, path)[0] for flow in range(num_flows)] or [0]
    channels, _, kernel = shape_of(tensors, "WN.0.in_layers.0.weight_v", 3, path)
    values = {
        "hop_length": HOP_LENGTH,
        "upsample_kernel": upsample_kernel,
        "num_flows": num_flows,
        "group_size": widths[0],
        "wn_layers": count_numbered(tensors, r"WN\.0\.in_layers\.(\d+)\..*"),
        "wn_channels": channels // 2,
        "wn_kernel": kernel,
    }
    narrowed = [flow for flow, width in enumerate(widths) if width != widths[0]]
    if narrowed:
        values |= {"early_every": narrowed[0], "early_channels": widths[0] - widths[narrowed[0]]}
    else:
        values |= {"early_every": max(num_flows, 1)}
    return checked(WaveglowConfig, values, path)
