"""HiFi-GAN generators of their authors (jik876/hifi-gan) and of NVIDIA's DeepLearningExamples."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from sonorant.config import HifiganConfig, MelConfig
from sonorant.errors import VoiceError
from sonorant.models.convert.checkpoint import (
    checked,
    load_checkpoint,
    renamed,
    renamed_settings,
    renamed_strictly,
    settings_mapping,
)
from sonorant.models.hifigan import HifiganGenerator

GENERATOR_KEY = "generator"
"""Where both keep the generator's tensors."""

SETTINGS = {
    "upsample_rates": "upsample_rates",
    "upsample_kernel_sizes": "upsample_kernels",
    "upsample_initial_channel": "channels",
    "resblock": "resblock",
    "resblock_kernel_sizes": "resblock_kernels",
    "resblock_dilation_sizes": "resblock_dilations",
}
"""Settings of the generator: theirs -> ours."""

MEL_SETTINGS = {
    "sampling_rate": "sample_rate",
    "n_fft": "n_fft",
    "hop_size": "hop_length",
    "win_size": "win_length",
    "num_mels": "n_mels",
    "fmin": "f_min",
    "fmax": "f_max",
}
"""Settings of the mel in the authors' config.json: theirs -> ours."""

NVIDIA_MEL_SETTINGS = {
    "sampling_rate": "sample_rate",
    "filter_length": "n_fft",
    "hop_length": "hop_length",
    "win_length": "win_length",
    "num_mels": "n_mels",
    "mel_fmin": "f_min",
    "mel_fmax": "f_max",
}
"""Settings of the mel in the `train_setup` of NVIDIA's checkpoints: theirs -> ours."""

LAYERS = (
    (r"conv_pre", r"input_conv"),
    (r"ups\.(\d+)", r"stages.\1.upsample"),
    (r"resblocks\.(\d+)\.(\d+)\.convs1\.(\d+)", r"stages.\1.blocks.\2.units.\3.1"),
    (r"resblocks\.(\d+)\.(\d+)\.convs2\.(\d+)", r"stages.\1.blocks.\2.units.\3.3"),
    (r"resblocks\.(\d+)\.(\d+)\.convs\.(\d+)", r"stages.\1.blocks.\2.units.\3.1"),
    (r"conv_post", r"head.conv"),
)
"""Layers: theirs, as NVIDIA numbers residual blocks (stage, block) -> ours."""

TENSORS = {
    "bias": "bias",
    "weight_g": "parametrizations.weight.original0",
    "weight_v": "parametrizations.weight.original1",
}
"""Tensors of a layer: theirs -> ours."""


class HifiganCheckpoint(NamedTuple):
    """A published generator in our terms; `state` fills `HifiganGenerator(config, mel.n_mels)` strictly."""

    config: HifiganConfig
    mel: MelConfig
    state: dict[str, Tensor]


def read_hifigan_checkpoint(generator_path: Path, config_path: Path | None = None) -> HifiganCheckpoint:
    """Read a HiFi-GAN generator in its authors' format, or in that of NVIDIA's DeepLearningExamples.

    Args:
        generator_path: The generator's file; only tensors and plain data are unpickled.
        config_path: The authors' config.json. NVIDIA's files hold their settings themselves: leave it out.

    Raises:
        VoiceError: A file is missing, damaged or not such a checkpoint, or its tensors do not match its settings; the
            message names them.
    """
    return convert_hifigan(load_checkpoint(generator_path), generator_path, config_path)


def convert_hifigan(content: Mapping[str, Any], path: Path, config_path: Path | None = None) -> HifiganCheckpoint:
    """Convert what `load_checkpoint` returned; see `read_hifigan_checkpoint`."""
    tensors = content.get(GENERATOR_KEY)
    if not isinstance(tensors, Mapping):
        raise VoiceError(f"{path}: no generator in it; give the generator's file, not the discriminators'")
    if config_path is None:
        advice = "give the authors' config.json as well"
        model, setup = (settings_mapping(content, name, advice, path) for name in ("config", "train_setup"))
        config, mel = _settings(model, setup, NVIDIA_MEL_SETTINGS, path)
    else:
        settings = _read_json(config_path)
        config, mel = _settings(settings, settings, MEL_SETTINGS, config_path)
    with torch.device("meta"):
        network = HifiganGenerator(config, mel.n_mels)
    num_blocks = len(config.resblock_kernels)
    return HifiganCheckpoint(
        config, mel, renamed_strictly(tensors, lambda name: hifigan_name(name, num_blocks), network, path)
    )


def hifigan_name(theirs: str, blocks_per_stage: int) -> str | None:
    """Return our name of one of their tensors, or None where there is no such tensor.

    The authors number residual blocks through all stages, NVIDIA by stage and block.

    Example:
        >>> hifigan_name("resblocks.4.convs2.0.weight_v", blocks_per_stage=3)
        'stages.1.blocks.1.units.0.3.parametrizations.weight.original1'
        >>> hifigan_name("resblocks.1.1.convs2.0.bias", blocks_per_stage=3)
        'stages.1.blocks.1.units.0.3.bias'
    """
    layer, _, tensor = theirs.rpartition(".")
    if numbered := re.fullmatch(r"resblocks\.(\d+)\.(convs\d?\.\d+)", layer):
        stage, block = divmod(int(numbered[1]), blocks_per_stage)
        layer = f"resblocks.{stage}.{block}.{numbered[2]}"
    ours = renamed(layer, LAYERS)
    return f"{ours}.{TENSORS[tensor]}" if ours and tensor in TENSORS else None


def _read_json(path: Path) -> Mapping[str, Any]:
    try:
        settings = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise VoiceError(f"{path}: cannot be read as JSON: {error}") from None
    if not isinstance(settings, dict):
        raise VoiceError(f"{path}: not a config: found a {type(settings).__name__} instead of a mapping")
    return settings


def _settings(
    model: Mapping[str, Any], setup: Mapping[str, Any], mel_names: Mapping[str, str], path: Path
) -> tuple[HifiganConfig, MelConfig]:
    values, mel_values = renamed_settings([(model, SETTINGS), (setup, mel_names)], path)
    config, mel = checked(HifiganConfig, values, path), checked(MelConfig, mel_values, path)
    if config.hop_length != mel.hop_length:
        raise VoiceError(f"{path}: the generator makes {config.hop_length} samples per frame of {mel.hop_length}")
    return config, mel
