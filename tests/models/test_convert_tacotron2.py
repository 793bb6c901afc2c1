from pathlib import Path
from typing import Any

import pytest
import torch
from tests.published import Tensors, random_tensors, tacotron2_shapes
from torch import Tensor
from torch.nn import functional as F

from sonorant.config import Tacotron2Config
from sonorant.errors import VoiceError
from sonorant.models.convert import read_tacotron2_checkpoint, tacotron2_name
from sonorant.models.tacotron2 import Tacotron2

SYMBOLS, N_MELS, ENCODER, PRENET, ATTENTION, DECODER = 20, 5, 6, 8, 9, 10
CONFIG = {"n_mel_channels": N_MELS, "gate_threshold": 0.6, "p_attention_dropout": 0.2, "max_decoder_steps": 2000}


@pytest.fixture(scope="module")
def published() -> Tensors:
    return random_tensors(tacotron2_shapes(), scale=0.6)


def write(folder: Path, content: Any) -> Path:
    torch.save(content, folder / "tacotron2.pt")
    return folder / "tacotron2.pt"


class Plain:
    """The published forward pass of one utterance, from NVIDIA's tensors; sequences are (L, C)."""

    def __init__(self, theirs: Tensors) -> None:
        self.theirs = theirs

    def linear(self, name: str, values: Tensor) -> Tensor:
        return F.linear(
            values, self.theirs[f"{name}.linear_layer.weight"], self.theirs.get(f"{name}.linear_layer.bias")
        )

    def normed_conv(self, name: str, sequence: Tensor) -> Tensor:
        convolved = F.conv1d(
            sequence.T[None], self.theirs[f"{name}.0.conv.weight"], self.theirs[f"{name}.0.conv.bias"], padding=2
        )
        mean, variance, weight, bias = (
            self.theirs[f"{name}.1.{tensor}"] for tensor in ("running_mean", "running_var", "weight", "bias")
        )
        return F.batch_norm(convolved, mean, variance, weight, bias)[0].T

    def lstm_step(self, name: str, end: str, inputs: Tensor, hidden: Tensor, cell: Tensor) -> tuple[Tensor, Tensor]:
        gates = F.linear(inputs, self.theirs[f"{name}.weight_ih{end}"], self.theirs[f"{name}.bias_ih{end}"])
        gates = gates + F.linear(hidden, self.theirs[f"{name}.weight_hh{end}"], self.theirs[f"{name}.bias_hh{end}"])
        keep_in, keep_old, candidate, keep_out = gates.chunk(4)
        cell = keep_old.sigmoid() * cell + keep_in.sigmoid() * candidate.tanh()
        return keep_out.sigmoid() * cell.tanh(), cell

    def encode(self, symbols: Tensor) -> Tensor:
        sequence = self.theirs["embedding.weight"][symbols]
        for layer in range(3):
            sequence = self.normed_conv(f"encoder.convolutions.{layer}", sequence).relu()
        sides = []
        for end, order in (("_l0", range(len(symbols))), ("_l0_reverse", reversed(range(len(symbols))))):
            hidden = cell = torch.zeros(ENCODER // 2)
            read = {}
            for position in order:
                hidden, cell = self.lstm_step("encoder.lstm", end, sequence[position], hidden, cell)
                read[position] = hidden
            sides.append(torch.stack([read[position] for position in range(len(symbols))]))
        return torch.cat(sides, dim=1)

    def attend(self, memory: Tensor, query: Tensor, alignment: Tensor, cumulative: Tensor) -> Tensor:
        name = "decoder.attention_layer"
        location = F.conv1d(
            torch.stack([alignment, cumulative]), self.theirs[f"{name}.location_layer.location_conv.conv.weight"],
            padding=3,
        )
        seen = self.linear(f"{name}.query_layer", query) + self.linear(f"{name}.memory_layer", memory)
        seen = seen + self.linear(f"{name}.location_layer.location_dense", location.T)
        return self.linear(f"{name}.v", seen.tanh())[:, 0].softmax(dim=0)

    def decode(self, memory: Tensor, masks: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        frame, context = torch.zeros(N_MELS), torch.zeros(ENCODER)
        attention_hidden = attention_cell = torch.zeros(ATTENTION)
        decoder_hidden = decoder_cell = torch.zeros(DECODER)
        alignment = cumulative = torch.zeros(len(memory))
        frames, stops, alignments = [], [], []
        for first, second in masks:
            squeezed = self.linear("decoder.prenet.layers.0", frame).relu() * first
            squeezed = self.linear("decoder.prenet.layers.1", squeezed).relu() * second
            attention_hidden, attention_cell = self.lstm_step(
                "decoder.attention_rnn", "", torch.cat([squeezed, context]), attention_hidden, attention_cell
            )
            alignment = self.attend(memory, attention_hidden, alignment, cumulative)
            cumulative = cumulative + alignment
            context = alignment @ memory
            decoder_hidden, decoder_cell = self.lstm_step(
                "decoder.decoder_rnn", "", torch.cat([attention_hidden, context]), decoder_hidden, decoder_cell
            )
            spoken = torch.cat([decoder_hidden, context])
            frame = self.linear("decoder.linear_projection", spoken)
            frames.append(frame)
            stops.append(self.linear("decoder.gate_layer", spoken)[0])
            alignments.append(alignment)
        return torch.stack(frames), torch.stack(stops), torch.stack(alignments)

    def refine(self, frames: Tensor) -> Tensor:
        residual = frames
        for layer in range(4):
            residual = self.normed_conv(f"postnet.convolutions.{layer}", residual).tanh()
        return frames + self.normed_conv("postnet.convolutions.4", residual)


def filled(path: Path) -> Tacotron2:
    config, mel, state = read_tacotron2_checkpoint(path)
    network = Tacotron2(config, len(state["embedding.weight"]), n_mels=mel.n_mels)
    network.load_state_dict(state, strict=True)
    return network.eval()


LAYOUTS: dict[str, Any] = {
    "nvidia/tacotron2": lambda theirs: {"iteration": 9, "state_dict": theirs, "optimizer": {}, "learning_rate": 1e-3},
    "DeepLearningExamples": lambda theirs: {
        "state_dict": {f"module.{name}": value for name, value in theirs.items()}, "config": CONFIG, "epoch": 1500,
    },
    "with counters": lambda theirs: {
        **theirs, **{f"encoder.convolutions.{layer}.1.num_batches_tracked": torch.tensor(7) for layer in range(3)},
    },
}  # fmt: skip


@pytest.mark.parametrize("layout", LAYOUTS)
@torch.no_grad()
def test_every_layout_speaks_as_published(layout: str, published: Tensors, tmp_path: Path) -> None:
    network, plain = filled(write(tmp_path, LAYOUTS[layout](published))), Plain(published)
    generator = torch.Generator().manual_seed(1)
    symbols = torch.randint(0, SYMBOLS, (9,), generator=generator)
    masks = 2.0 * torch.randint(0, 2, (6, 2, PRENET), generator=generator)
    memory = plain.encode(symbols)
    frames, stops, alignment = plain.decode(memory, masks)

    ours, keys = network.encode(symbols[None], torch.tensor([9]), torch.tensor([0]))
    torch.testing.assert_close(ours[0], memory, rtol=1e-4, atol=1e-4)
    state, frame = list(network.initial_state(ours)), torch.zeros(1, N_MELS)
    for step, mask in enumerate(masks):
        said, stop, *state = network.step(
            ours, keys, torch.ones(1, 9, dtype=torch.bool), frame, mask.flatten()[None], *state
        )
        frame = said[:, :, 0]
        torch.testing.assert_close(frame[0], frames[step], rtol=1e-3, atol=1e-4)
        torch.testing.assert_close(stop[0], stops[step], rtol=1e-3, atol=1e-4)
        torch.testing.assert_close(state[5][0], alignment[step], rtol=1e-3, atol=1e-4)
    assert not torch.allclose(alignment[0], alignment[-1], atol=0.01)
    refined = network.postnet(frames.T[None], torch.tensor([6]))[0].T
    torch.testing.assert_close(refined, plain.refine(frames), rtol=1e-4, atol=1e-4)


def test_sizes_come_from_the_tensors_and_the_rest_from_the_config(published: Tensors, tmp_path: Path) -> None:
    config, mel, _ = read_tacotron2_checkpoint(write(tmp_path, {"state_dict": published, "config": CONFIG}))
    assert (config.embedding_channels, config.encoder_channels, config.encoder_layers) == (ENCODER, ENCODER, 3)
    assert (config.prenet_channels, config.postnet_layers, config.reduction_factor) == ((PRENET, PRENET), 5, 1)
    assert (config.stop_threshold, config.rnn_dropout) == (0.6, 0.2)
    assert (mel.n_mels, mel.padding, mel.power_epsilon, mel.sample_rate) == (N_MELS, "centered", 0.0, 22050)
    config, _, _ = read_tacotron2_checkpoint(write(tmp_path, published))
    assert (config.stop_threshold, config.rnn_dropout) == (0.5, 0.1)


def test_the_published_sizes_fill_the_network() -> None:
    named = tacotron2_shapes(148, 80, 512, 512, 256, 1024, 1024, attention=128, filters=32, kernel=31)
    with torch.device("meta"):
        network = Tacotron2(Tacotron2Config(), num_symbols=148)
    wanted = {name: tuple(value.shape) for name, value in network.state_dict().items()}
    assert {tacotron2_name(name): shape for name, shape in named.items()} == wanted
    parameters = (shape for name, shape in named.items() if "running" not in name)
    assert sum(torch.Size(shape).numel() for shape in parameters) == 28_193_153


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"encoder.lstm.bias_hh_l0_reverse": None}, "missing: encoder.lstm.backwards.bias_hh_l0"),
        ({"encoder.convolutions.1.1.running_var": None}, "missing: encoder.convs.1.norm.running_var"),
        ({"embedding.weight": None}, "tensors are missing: embedding.weight"),
        ({"decoder.prenet.layers.0.linear_layer.weight": None}, "tensors are missing: decoder.prenet.layers.0"),
        ({"speaker_embedding.weight": torch.zeros(2, 6)}, "unknown: speaker_embedding.weight"),
        ({"decoder.prenet.layers.0.linear_layer.bias": torch.zeros(8)}, "unknown: decoder.prenet.layers.0.linear_lay"),
        ({"decoder.gate_layer.linear_layer.bias": torch.zeros(2)}, "right shape: decoder.gate_layer.linear_layer.bias"),
        ({"decoder.gate_layer.linear_layer.bias": torch.tensor([1])}, "right shape: decoder.gate_layer"),
        ({"embedding.weight": torch.zeros(20)}, r"embedding.weight has the shape \(20,\); it needs 2 dimensions"),
        ({"decoder.prenet.layers.0.linear_layer.weight": torch.zeros(8, 10)}, "only networks of one frame per step"),
        ({"postnet.convolutions.5.0.conv.bias": torch.zeros(5)}, "right shape: postnet.convolutions.4.0.conv.weight"),
    ],
)
def test_tensors_that_do_not_match_are_named(
    change: dict[str, Any], said: str, published: Tensors, tmp_path: Path
) -> None:
    theirs = {name: value for name, value in {**published, **change}.items() if value is not None}
    with pytest.raises(VoiceError, match=said):
        read_tacotron2_checkpoint(write(tmp_path, {"state_dict": theirs}))


def test_a_setting_that_cannot_be_is_refused(published: Tensors, tmp_path: Path) -> None:
    content = {"state_dict": published, "config": {**CONFIG, "gate_threshold": "high"}}
    with pytest.raises(VoiceError, match="wrong settings: stop_threshold"):
        read_tacotron2_checkpoint(write(tmp_path, content))


def test_a_whole_pickled_network_is_refused(tmp_path: Path) -> None:
    with pytest.raises(VoiceError, match="save the network's state_dict"):
        read_tacotron2_checkpoint(write(tmp_path, {"state_dict": torch.nn.LSTMCell(2, 2)}))
