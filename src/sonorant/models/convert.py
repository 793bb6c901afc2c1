"""Published checkpoints to ours: what each setting, layer and tensor is called on both sides.

Nothing is guessed and nothing is left over: every tensor of the file is used and every parameter of ours is filled.
"""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import torch
from pydantic import ValidationError
from torch import Tensor

from sonorant.config import HifiganConfig, MelConfig
from sonorant.errors import VoiceError
from sonorant.models.hifigan import HifiganGenerator

HIFIGAN_SETTINGS = {
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

HIFIGAN_LAYERS = (
    (r"conv_pre", r"input_conv"),
    (r"ups\.(\d+)", r"stages.\1.upsample"),
    (r"resblocks\.(\d+)\.(\d+)\.convs1\.(\d+)", r"stages.\1.blocks.\2.units.\3.1"),
    (r"resblocks\.(\d+)\.(\d+)\.convs2\.(\d+)", r"stages.\1.blocks.\2.units.\3.3"),
    (r"resblocks\.(\d+)\.(\d+)\.convs\.(\d+)", r"stages.\1.blocks.\2.units.\3.1"),
    (r"conv_post", r"head.conv"),
)
"""Layers: theirs, as NVIDIA numbers residual blocks (stage, block) -> ours."""

WEIGHT_NORM = {
    "bias": "bias",
    "weight_g": "parametrizations.weight.original0",
    "weight_v": "parametrizations.weight.original1",
}
"""Tensors of a layer: theirs -> ours."""

NAMED_IN_MESSAGES = 5


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
    content = _load(generator_path)
    tensors = content.get("generator")
    if not isinstance(tensors, Mapping):
        raise VoiceError(f"{generator_path}: no generator in it; give the generator's file, not the discriminators'")
    if config_path is None:
        model, setup = _mapping(content, "config", generator_path), _mapping(content, "train_setup", generator_path)
        config, mel = _settings(model, setup, NVIDIA_MEL_SETTINGS, generator_path)
    else:
        settings = _read_json(config_path)
        config, mel = _settings(settings, settings, MEL_SETTINGS, config_path)
    return HifiganCheckpoint(config, mel, _converted(tensors, config, mel, generator_path))


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
    for pattern, ours in HIFIGAN_LAYERS:
        if tensor in WEIGHT_NORM and (match := re.fullmatch(pattern, layer)):
            return f"{match.expand(ours)}.{WEIGHT_NORM[tensor]}"
    return None


def _load(path: Path) -> Mapping[str, Any]:
    try:
        file = path.open("rb")
    except OSError as error:
        raise VoiceError(f"{path}: cannot be read: {error.strerror}") from None
    with file:
        try:
            content = torch.load(file, map_location="cpu", weights_only=True)
        except Exception as error:  # a damaged or hostile pickle can raise anything
            reason = f"{type(error).__name__}: {' '.join(str(error).split())}".partition(". ")[0]
            raise VoiceError(f"{path}: damaged, or not a checkpoint of tensors and plain data: {reason}") from None
    if not isinstance(content, Mapping):
        raise VoiceError(f"{path}: not a checkpoint: found a {type(content).__name__} instead of a mapping")
    return content


def _read_json(path: Path) -> Mapping[str, Any]:
    try:
        settings = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise VoiceError(f"{path}: cannot be read as JSON: {error}") from None
    if not isinstance(settings, dict):
        raise VoiceError(f"{path}: not a config: found a {type(settings).__name__} instead of a mapping")
    return settings


def _mapping(content: Mapping[str, Any], name: str, path: Path) -> Mapping[str, Any]:
    value = content.get(name)
    if not isinstance(value, Mapping):
        raise VoiceError(f"{path}: holds no settings ({name}); give the authors' config.json as well")
    return value


def _settings(
    model: Mapping[str, Any], setup: Mapping[str, Any], mel_names: Mapping[str, str], path: Path
) -> tuple[HifiganConfig, MelConfig]:
    missing = sorted((HIFIGAN_SETTINGS.keys() - model.keys()) | (mel_names.keys() - setup.keys()))
    if missing:
        raise VoiceError(f"{path}: settings are missing: {', '.join(missing)}")
    try:
        config = HifiganConfig.model_validate({ours: model[theirs] for theirs, ours in HIFIGAN_SETTINGS.items()})
        mel = MelConfig.model_validate({ours: setup[theirs] for theirs, ours in mel_names.items()})
    except ValidationError as error:
        problems = (f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors(include_url=False))
        raise VoiceError(f"{path}: wrong settings: {'; '.join(problems)}") from None
    if config.hop_length != mel.hop_length:
        raise VoiceError(f"{path}: the generator makes {config.hop_length} samples per frame of {mel.hop_length}")
    return config, mel


def _converted(theirs: Mapping[str, Any], config: HifiganConfig, mel: MelConfig, path: Path) -> dict[str, Tensor]:
    """Rename and reshape every tensor, or say all that does not match."""
    with torch.device("meta"):
        wanted = HifiganGenerator(config, mel.n_mels).state_dict()
    state: dict[str, Tensor] = {}
    unknown, unfit = [], []
    for name, value in theirs.items():
        ours = hifigan_name(str(name), len(config.resblock_kernels))
        if ours not in wanted:
            unknown.append(str(name))
        elif not _fits(value, wanted[ours]):
            unfit.append(str(name))
        else:
            state[ours] = value.detach().float().reshape(wanted[ours].shape)
    missing = [name for name in wanted if name not in state] if not unfit else []
    problems = [("unknown", unknown), ("not finite numbers of the right shape", unfit), ("missing", missing)]
    if any(names for _, names in problems):
        said = "; ".join(f"{problem}: {_listed(names)}" for problem, names in problems if names)
        raise VoiceError(f"{path}: tensors do not match the settings: {said}")
    return state


def _fits(value: Any, wanted: Tensor) -> bool:
    """Tell whether a tensor is ours but for dimensions of 1: our layers are two-dimensional, theirs may not be."""
    if not (isinstance(value, Tensor) and value.is_floating_point() and value.layout == torch.strided):
        return False
    same_shape = [n for n in value.shape if n != 1] == [n for n in wanted.shape if n != 1]
    return same_shape and bool(value.isfinite().all())


def _listed(names: list[str]) -> str:
    more = len(names) - NAMED_IN_MESSAGES
    return ", ".join(names[:NAMED_IN_MESSAGES]) + (f" and {more} more" if more > 0 else "")
