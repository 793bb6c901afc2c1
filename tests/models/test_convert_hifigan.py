import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch
from torch import Tensor

from sonorant.audio.mel import log_mel
from sonorant.errors import VoiceError
from sonorant.models.convert import hifigan_name, read_hifigan_checkpoint
from sonorant.models.hifigan import HifiganGenerator

PAIRED = {
    "resblock": "1",
    "upsample_rates": [4, 2],
    "upsample_kernel_sizes": [8, 4],
    "upsample_initial_channel": 8,
    "resblock_kernel_sizes": [3, 5],
    "resblock_dilation_sizes": [[1, 3], [1, 3]],
}
SINGLE = {**PAIRED, "resblock": "2"}
MEL = {"sampling_rate": 16000, "n_fft": 64, "hop_size": 8, "win_size": 64, "num_mels": 20, "fmin": 0, "fmax": 8000}
NVIDIA_MEL = {
    "sampling_rate": 16000,
    "filter_length": 64,
    "hop_length": 8,
    "win_length": 64,
    "num_mels": 20,
    "mel_fmin": 0.0,
    "mel_fmax": 8000.0,
}


def layers(settings: dict[str, Any]) -> dict[str, tuple[int, ...]]:
    """The authors' names of the layers above, with the shapes of their weights."""
    shapes: dict[str, tuple[int, ...]] = {"conv_pre": (8, 20, 7), "ups.0": (8, 4, 8), "ups.1": (4, 2, 4)}
    for block, (channels, kernel) in enumerate([(4, 3), (4, 5), (2, 3), (2, 5)]):
        for group in ("convs1", "convs2") if settings["resblock"] == "1" else ("convs",):
            for unit in range(2):
                shapes[f"resblocks.{block}.{group}.{unit}"] = (channels, channels, kernel)
    return {**shapes, "conv_post": (1, 2, 7)}


def tensors(settings: dict[str, Any]) -> dict[str, Tensor]:
    torch.manual_seed(0)
    state = {}
    for name, shape in layers(settings).items():
        state[f"{name}.weight_v"] = torch.randn(shape)
        state[f"{name}.weight_g"] = torch.rand(shape[0], 1, 1)
        state[f"{name}.bias"] = torch.randn(shape[1] if name.startswith("ups") else shape[0])
    return state


def write(folder: Path, state: Any, settings: dict[str, Any]) -> tuple[Path, Path]:
    torch.save({"generator": state}, folder / "generator")
    (folder / "config.json").write_text(json.dumps({**settings, **MEL, "num_workers": 4}))
    return folder / "generator", folder / "config.json"


@pytest.mark.parametrize("settings", [PAIRED, SINGLE], ids=["resblock1", "resblock2"])
def test_the_authors_format_fills_the_generator_strictly(settings: dict[str, Any], tmp_path: Path) -> None:
    theirs = tensors(settings)
    config, mel, state = read_hifigan_checkpoint(*write(tmp_path, theirs, settings))
    assert (config.hop_length, config.resblock, mel.n_mels) == (8, settings["resblock"], 20)
    HifiganGenerator(config, mel.n_mels).load_state_dict(state, strict=True)
    assert len(state) == len(theirs)
    assert sorted(float(value.sum()) for value in state.values()) == sorted(float(v.sum()) for v in theirs.values())


def test_nvidias_format_is_the_same_generator(tmp_path: Path) -> None:
    """Residual blocks numbered by stage and block, the settings in the file, a trailing dimension of 1."""
    theirs = tensors(PAIRED)
    _, _, expected = read_hifigan_checkpoint(*write(tmp_path, theirs, PAIRED))
    renamed = {}
    for name, value in theirs.items():
        parts = name.split(".")
        if parts[0] == "resblocks":
            parts[1:2] = [str(int(parts[1]) // 2), str(int(parts[1]) % 2)]
        renamed[".".join(parts)] = value if value.dim() == 1 else value[..., None]
    path = tmp_path / "hifigan_gen_checkpoint_10.pt"
    torch.save({"generator": renamed, "gen_ema": None, "config": PAIRED, "train_setup": NVIDIA_MEL}, path)
    config, mel, state = read_hifigan_checkpoint(path)
    assert (config.channels, mel.sample_rate) == (8, 16000)
    assert state.keys() == expected.keys()
    assert all(torch.equal(state[name], expected[name]) for name in state)


def test_every_weight_lands_in_the_layer_that_plays_its_part() -> None:
    weight = "parametrizations.weight.original1"
    assert hifigan_name("conv_pre.weight_v", 3) == f"input_conv.{weight}"
    assert hifigan_name("ups.2.weight_v", 3) == f"stages.2.upsample.{weight}"
    assert hifigan_name("resblocks.7.convs1.2.weight_v", 3) == f"stages.2.blocks.1.units.2.1.{weight}"
    assert hifigan_name("resblocks.7.convs2.2.weight_v", 3) == f"stages.2.blocks.1.units.2.3.{weight}"
    assert hifigan_name("resblocks.7.convs.1.weight_v", 3) == f"stages.2.blocks.1.units.1.1.{weight}"
    assert hifigan_name("conv_post.weight_g", 3) == "head.conv.parametrizations.weight.original0"
    assert hifigan_name("conv_post.weight", 3) is None
    assert hifigan_name("mpd.convs.0.bias", 3) is None


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"ups.0.bias": None}, "missing: stages.0.upsample.bias"),
        ({"ups.7.bias": torch.zeros(4)}, "unknown: ups.7.bias"),
        ({"attention.bias": torch.zeros(4)}, "unknown: attention.bias"),
        ({"ups.0.bias": torch.zeros(5)}, "right shape: ups.0.bias"),
        ({"ups.0.bias": torch.full((4,), float("nan"))}, "not finite numbers of the right shape: ups.0.bias"),
        ({"ups.0.bias": torch.zeros(4, dtype=torch.int64)}, "right shape: ups.0.bias"),
        ({"ups.0.bias": 3}, "right shape: ups.0.bias"),
    ],
)
def test_tensors_that_do_not_match_are_named(change: dict[str, Any], said: str, tmp_path: Path) -> None:
    state = {name: value for name, value in {**tensors(PAIRED), **change}.items() if value is not None}
    with pytest.raises(VoiceError, match=said):
        read_hifigan_checkpoint(*write(tmp_path, state, PAIRED))


def test_a_config_of_another_size_names_what_does_not_fit(tmp_path: Path) -> None:
    with pytest.raises(VoiceError, match=r"conv_pre.weight_g.* and \d+ more"):
        read_hifigan_checkpoint(*write(tmp_path, tensors(PAIRED), {**PAIRED, "upsample_initial_channel": 16}))


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"upsample_rates": [4, 4]}, "16 samples per frame of 8"),
        ({"upsample_initial_channel": "wide"}, "wrong settings: channels"),
        ({"resblock_kernel_sizes": []}, "at least one entry"),
    ],
)
def test_wrong_settings_are_refused(settings: dict[str, Any], said: str, tmp_path: Path) -> None:
    with pytest.raises(VoiceError, match=said):
        read_hifigan_checkpoint(*write(tmp_path, tensors(PAIRED), {**PAIRED, **settings}))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "cannot be read as JSON"),
        ("[" * 100_000, "cannot be read as JSON"),
        ("[]", "list instead of a mapping"),
        ("{}", "settings are missing: fmax"),
    ],
)
def test_a_damaged_config_is_refused(text: str, said: str, tmp_path: Path) -> None:
    generator, config = write(tmp_path, tensors(PAIRED), PAIRED)
    config.write_text(text)
    with pytest.raises(VoiceError, match=said):
        read_hifigan_checkpoint(generator, config)


class Trap:
    """Unpickled carelessly, it makes a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return (open, (str(self.path), "w"))


def test_a_hostile_pickle_is_refused_and_does_nothing(tmp_path: Path) -> None:
    generator, config = write(tmp_path, {"ups.0.bias": Trap(tmp_path / "sprung")}, PAIRED)
    with pytest.raises(VoiceError, match="not a checkpoint of tensors and plain data"):
        read_hifigan_checkpoint(generator, config)
    generator.write_bytes(pickle.dumps(Trap(tmp_path / "sprung")))
    with pytest.raises(VoiceError, match="not a checkpoint of tensors and plain data"):
        read_hifigan_checkpoint(generator, config)
    assert not (tmp_path / "sprung").exists()


@pytest.mark.parametrize("content", [b"", b"RIFF", b"PK\x03\x04", b"\x80\x05", b"\x00" * 1000])
def test_a_file_that_is_no_checkpoint_is_refused(content: bytes, tmp_path: Path) -> None:
    generator, config = write(tmp_path, tensors(PAIRED), PAIRED)
    generator.write_bytes(content)
    with pytest.raises(VoiceError, match="not a checkpoint"):
        read_hifigan_checkpoint(generator, config)


def test_a_truncated_checkpoint_is_refused(tmp_path: Path) -> None:
    generator, config = write(tmp_path, tensors(PAIRED), PAIRED)
    generator.write_bytes(generator.read_bytes()[:-500])
    with pytest.raises(VoiceError, match="not a checkpoint"):
        read_hifigan_checkpoint(generator, config)


def test_other_files_are_refused_in_words(tmp_path: Path) -> None:
    generator, config = write(tmp_path, tensors(PAIRED), PAIRED)
    with pytest.raises(VoiceError, match="cannot be read: No such file"):
        read_hifigan_checkpoint(tmp_path / "absent", config)
    with pytest.raises(VoiceError, match=r"cannot be read"):
        read_hifigan_checkpoint(tmp_path, config)
    with pytest.raises(VoiceError, match="holds no settings"):
        read_hifigan_checkpoint(generator)
    torch.save({"mpd": {}, "msd": {}}, generator)
    with pytest.raises(VoiceError, match="no generator in it"):
        read_hifigan_checkpoint(generator, config)
    torch.save([1, 2], generator)
    with pytest.raises(VoiceError, match="found a list"):
        read_hifigan_checkpoint(generator, config)


def test_copy_synthesis_with_the_published_v2_generator_keeps_the_mel(shared: Path) -> None:
    weights = shared / "weights/hifigan_v2_ljspeech"
    config, mel_config, state = read_hifigan_checkpoint(weights / "generator_v2", weights / "config.json")
    generator = HifiganGenerator(config, mel_config.n_mels)
    generator.load_state_dict(state, strict=True)
    generator.remove_weight_norm()
    errors = []
    for path in sorted((shared / "data/LJSpeech-1.1/wavs").iterdir())[:100:10]:
        samples, _ = soundfile.read(path, frames=2 * mel_config.sample_rate, dtype="float32")
        mel = log_mel(samples, mel_config)
        with torch.no_grad():
            spoken = generator(torch.from_numpy(mel)[None])[0].numpy()
        errors.append(float(np.abs(log_mel(spoken, mel_config) - mel).mean()))
    assert len(errors) == 10
    assert np.mean(errors) <= 0.33
