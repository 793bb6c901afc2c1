from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.published import Tensors, random_tensors, waveglow_shapes
from torch import Tensor
from torch.nn import functional as F

from sonorant.errors import VoiceError
from sonorant.models.convert import read_waveglow_checkpoint
from sonorant.models.waveglow import Waveglow

FLOWS, LAYERS, CHANNELS, N_MELS = 5, 3, 6, 4


@pytest.fixture(scope="module")
def published() -> Tensors:
    return random_tensors(waveglow_shapes(), scale=0.3)


def one_condition(theirs: Tensors) -> Tensors:
    """The layout of nvidia/waveglow: one convolution of the mel for all layers."""
    changed = {name: value for name, value in theirs.items() if ".cond_layers." not in name}
    for flow in range(FLOWS):
        for tensor in ("weight_g", "weight_v", "bias"):
            parts = [theirs[f"WN.{flow}.cond_layers.{layer}.{tensor}"] for layer in range(LAYERS)]
            changed[f"WN.{flow}.cond_layer.{tensor}"] = torch.cat(parts)
    return changed


def apart(theirs: Tensors) -> Tensors:
    """The older layout of nvidia/waveglow: residual and skip convolutions apart."""
    changed = {name: value for name, value in theirs.items() if ".res_skip_layers." not in name}
    for name in theirs.keys() - changed.keys():
        flow, layer, tensor = name.split(".")[1], name.split(".")[3], name.split(".")[4]
        residual, skip = theirs[name][:-CHANNELS], theirs[name][-CHANNELS:]
        changed[f"WN.{flow}.skip_layers.{layer}.{tensor}"] = skip
        if len(residual):
            changed[f"WN.{flow}.res_layers.{layer}.{tensor}"] = residual
    return changed


def folded(theirs: Tensors) -> Tensors:
    """Weight normalisation removed, as in networks that were published for use."""
    changed = {name: value for name, value in theirs.items() if not name.endswith(("weight_g", "weight_v"))}
    for name in theirs:
        if name.endswith("weight_v"):
            changed[name.removesuffix("_v")] = weight_of(theirs, name.removesuffix(".weight_v"))
    return changed


def parallel(theirs: Tensors) -> Tensors:
    return {f"module.{name}": value for name, value in theirs.items()}


def weight_of(theirs: Tensors, layer: str) -> Tensor:
    direction = theirs[f"{layer}.weight_v"]
    return theirs[f"{layer}.weight_g"] * direction / direction.norm(dim=(1, 2), keepdim=True)


def plain_coupling(theirs: Tensors, flow: int, kept: Tensor, condition: Tensor) -> tuple[Tensor, Tensor]:
    """Shift and log-scale as the published WN computes them."""

    def conv(layer: str, sequence: Tensor, **options: int) -> Tensor:
        return F.conv1d(sequence, weight_of(theirs, f"WN.{flow}.{layer}"), theirs[f"WN.{flow}.{layer}.bias"], **options)

    hidden = conv("start", kept)
    output = torch.zeros_like(hidden)
    for layer in range(LAYERS):
        dilated = conv(f"in_layers.{layer}", hidden, dilation=2**layer, padding=2**layer)
        activation = dilated + conv(f"cond_layers.{layer}", condition)
        gated = activation[:, :CHANNELS].tanh() * activation[:, CHANNELS:].sigmoid()
        made = conv(f"res_skip_layers.{layer}", gated)
        if layer < LAYERS - 1:
            hidden = hidden + made[:, :CHANNELS]
        output = output + made[:, -CHANNELS:]
    shift_and_scale = F.conv1d(output, theirs[f"WN.{flow}.end.weight"], theirs[f"WN.{flow}.end.bias"])
    half = shift_and_scale.shape[1] // 2
    return shift_and_scale[:, :half], shift_and_scale[:, half:]


def plain_infer(theirs: Tensors, mel: Tensor, noises: list[Tensor]) -> Tensor:
    """Speak as the published network does; it draws the noises in this order: the last flow's, then the early ones."""
    upsampled = F.conv_transpose1d(mel, theirs["upsample.weight"], theirs["upsample.bias"], stride=256)[:, :, :-768]
    grouped = upsampled.unfold(2, 8, 8)  # (B, n_mels, L, 8)
    condition = grouped.permute(0, 1, 3, 2).reshape(len(mel), -1, grouped.shape[2])
    audio, *early = noises
    for flow in reversed(range(FLOWS)):
        kept, changed = audio.chunk(2, dim=1)
        shift, log_scale = plain_coupling(theirs, flow, kept, condition)
        audio = torch.cat([kept, (changed - shift) / log_scale.exp()], dim=1)
        audio = F.conv1d(audio, theirs[f"convinv.{flow}.conv.weight"].squeeze(2).inverse().unsqueeze(2))
        if flow % 2 == 0 and flow > 0:
            audio = torch.cat([early.pop(0), audio], dim=1)
    return audio.transpose(1, 2).reshape(len(mel), -1)


def write(folder: Path, content: Any) -> Path:
    torch.save(content, folder / "waveglow.pt")
    return folder / "waveglow.pt"


LAYOUTS: dict[str, Callable[[Tensors], Any]] = {
    "DeepLearningExamples": lambda theirs: {"state_dict": parallel(theirs), "config": {"n_flows": 12}, "epoch": 1},
    "fused condition": lambda theirs: {"model": one_condition(theirs), "iteration": 5},
    "residual and skip apart": lambda theirs: {"state_dict": apart(theirs)},
    "apart and fused": lambda theirs: apart(one_condition(theirs)),
    "folded": lambda theirs: {"state_dict": folded(theirs)},
    "folded and fused": lambda theirs: folded(one_condition(theirs)),
    "half precision": lambda theirs: {name: value.half() for name, value in theirs.items()},
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_speaks_as_published(layout: str, published: Tensors, tmp_path: Path) -> None:
    config, mel_config, state = read_waveglow_checkpoint(write(tmp_path, LAYOUTS[layout](published)))
    network = Waveglow(config, mel_config.n_mels)
    network.load_state_dict(state, strict=True)
    torch.manual_seed(1)
    mel = torch.randn(2, N_MELS, 2)
    last, second, first = (torch.randn(2, rows, 64) for rows in (4, 2, 2))
    theirs = {name: value.half().float() for name, value in published.items()} if "half" in layout else published
    expected = plain_infer(theirs, mel, [last, second, first])
    with torch.no_grad():
        spoken = network.infer(mel, torch.cat([first, second, last], dim=1))
    assert expected.std() > 0.1
    torch.testing.assert_close(spoken, expected, rtol=1e-3, atol=1e-3)


def test_the_sizes_are_read_off_the_tensors(published: Tensors, tmp_path: Path) -> None:
    config, mel, _ = read_waveglow_checkpoint(write(tmp_path, published))
    assert (config.num_flows, config.early_every, config.early_channels, config.group_size) == (FLOWS, 2, 2, 8)
    assert (config.wn_layers, config.wn_channels, config.wn_kernel) == (LAYERS, CHANNELS, 3)
    assert (config.hop_length, config.upsample_kernel) == (256, 1024)
    assert (mel.n_mels, mel.padding, mel.power_epsilon, mel.hop_length) == (N_MELS, "centered", 0.0, 256)


def test_a_network_without_early_outputs_is_read(tmp_path: Path) -> None:
    theirs = random_tensors(waveglow_shapes(flows=(8, 8)), scale=0.3)
    config, mel, state = read_waveglow_checkpoint(write(tmp_path, theirs))
    Waveglow(config, mel.n_mels).load_state_dict(state, strict=True)
    assert config.num_flows == 2


@pytest.mark.parametrize("channels", [256, 512])
def test_the_published_sizes_fill_the_network(channels: int) -> None:
    """Names and shapes of a full-size checkpoint against ours, without its 88 or 268 million weights."""
    from sonorant.config import WaveglowConfig
    from sonorant.models.convert.waveglow import fused, waveglow_name

    named = waveglow_shapes(flows=(8,) * 4 + (6,) * 4 + (4,) * 4, layers=8, channels=channels, n_mels=80)
    with torch.device("meta"):
        wanted = Waveglow(WaveglowConfig(wn_channels=channels)).state_dict()
        given = fused({name: torch.empty(shape) for name, shape in named.items()}, Path("published"))
    assert {waveglow_name(name) for name in given} == wanted.keys()
    assert all(value.numel() == wanted[waveglow_name(name) or ""].numel() for name, value in given.items())
    assert sum(value.numel() for value in given.values()) == {256: 87_879_272, 512: 268_294_760}[channels]


def test_a_folded_channel_of_zeros_stays_zero(published: Tensors, tmp_path: Path) -> None:
    theirs = folded(published)
    theirs["WN.1.in_layers.0.weight"][3] = 0.0
    config, mel, state = read_waveglow_checkpoint(write(tmp_path, theirs))
    network = Waveglow(config, mel.n_mels)
    network.load_state_dict(state, strict=True)
    network.remove_weight_norm()
    weight = network.state_dict()["flows.1.coupling.dilated.0.weight"].squeeze(2)
    torch.testing.assert_close(weight, theirs["WN.1.in_layers.0.weight"])


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"WN.2.in_layers.1.bias": None}, "missing: flows.2.coupling.dilated.1.bias"),
        ({"WN.2.cond_layers.1.bias": None}, "right shape: WN.2.cond_layer.bias"),
        ({"WN.9.end.bias": torch.zeros(4)}, "unknown: WN.9.end.bias"),
        ({"WN.0.cond_layer.bias": torch.zeros(36)}, "right shape: WN.0.cond_layer.bias"),
        ({"convinv.1.conv.weight": torch.eye(6)[..., None]}, "wrong settings: .* 4 early outputs of 2 channels"),
        ({"convinv.3.conv.weight": torch.eye(4)[..., None]}, "right shape: convinv.3.conv.weight"),
        ({"convinv.1.conv.weight": torch.eye(7)[..., None]}, "wrong settings: early_channels"),
        ({"WN.0.cond_layers.1.weight_v": torch.zeros(3)}, "do not fit together"),
        ({"WN.0.start.weight_v": torch.full((CHANNELS, 4, 1), torch.inf)}, "not finite"),
        ({"upsample.weight": None}, "tensors are missing: upsample.weight"),
        ({"upsample.weight": torch.zeros(4, 1024)}, "upsample.weight has the shape .* it needs 3 dimensions"),
        ({"W_inverse": 3}, "not plain tensors: W_inverse"),
        ({"WN.0.start.weight_v": torch.zeros(1).expand(10**6, 10**6)}, "not plain tensors: WN.0.start.weight_v"),
        ({"WN.0.start.weight_v": torch.eye(6).to_sparse()}, "not plain tensors: WN.0.start.weight_v"),
    ],
)
def test_tensors_that_do_not_match_are_named(
    change: dict[str, Any], said: str, published: Tensors, tmp_path: Path
) -> None:
    theirs = {name: value for name, value in {**published, **change}.items() if value is not None}
    with pytest.raises(VoiceError, match=said):
        read_waveglow_checkpoint(write(tmp_path, theirs))


@pytest.mark.parametrize("legacy", [False, True], ids=["zip", "legacy"])
def test_a_whole_pickled_network_is_refused_with_the_way_out(legacy: bool, tmp_path: Path) -> None:
    path = tmp_path / "waveglow_256channels.pt"
    content = {"model": torch.nn.Conv1d(1, 1, 1), "iteration": 1}
    torch.save(content, path, _use_new_zipfile_serialization=not legacy)
    with pytest.raises(VoiceError, match=r"holds a torch\.nn\.modules\.conv\.Conv1d.* save the network's state_dict"):
        read_waveglow_checkpoint(path)


@pytest.mark.parametrize("content", [{}, {"state_dict": {}}, {"state_dict": None}, {"optimizer": {"lr": 0.1}}])
def test_a_file_without_a_network_is_refused(content: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(VoiceError, match="no network in it"):
        read_waveglow_checkpoint(write(tmp_path, content))
