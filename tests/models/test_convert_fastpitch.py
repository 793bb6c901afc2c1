from pathlib import Path
from typing import Any

import pytest
import torch
from tests.published import FASTPITCH_CONFIG as CONFIG
from tests.published import FASTPITCH_SETUP as SETUP
from tests.published import Tensors, fastpitch_shapes, random_tensors
from torch import Tensor
from torch.nn import functional as F

from sonorant.errors import VoiceError
from sonorant.models.aligner import beta_binomial_prior
from sonorant.models.convert import read_fastpitch_checkpoint
from sonorant.models.fastpitch import FastPitch

SYMBOLS, CHANNELS, HEADS, HEAD, N_MELS = 148, 8, 2, 3, 80


@pytest.fixture(scope="module")
def published() -> Tensors:
    theirs = random_tensors(fastpitch_shapes(), scale=0.5)
    theirs["duration_predictor.fc.bias"] += 1.0
    return {**theirs, "pitch_mean": torch.tensor([214.72203]), "pitch_std": torch.tensor([65.72038])}


def write(folder: Path, theirs: Tensors, **changes: Any) -> Path:
    content = {"state_dict": theirs, "config": CONFIG, "train_setup": SETUP, "epoch": 1, "optimizer": {}, **changes}
    torch.save({key: value for key, value in content.items() if value is not None}, folder / "fastpitch.pt")
    return folder / "fastpitch.pt"


class Plain:
    """The published forward pass of one utterance, from NVIDIA's tensors; sequences are (L, C)."""

    def __init__(self, theirs: Tensors) -> None:
        self.theirs = theirs

    def conv(self, name: str, sequence: Tensor) -> Tensor:
        weight = self.theirs[f"{name}.weight"]
        return F.conv1d(sequence.T[None], weight, self.theirs[f"{name}.bias"], padding=weight.shape[2] // 2)[0].T

    def norm(self, name: str, sequence: Tensor) -> Tensor:
        return F.layer_norm(sequence, sequence.shape[1:], self.theirs[f"{name}.weight"], self.theirs[f"{name}.bias"])

    def transformer(self, side: str, sequence: Tensor) -> Tensor:
        rates = 1 / 10000 ** (torch.arange(0.0, CHANNELS, 2.0) / CHANNELS)
        angles = torch.arange(float(len(sequence)))[:, None] * rates
        sequence = sequence + torch.cat([angles.sin(), angles.cos()], dim=1)
        for layer in range(2):
            attention, feed_forward = f"{side}.layers.{layer}.dec_attn", f"{side}.layers.{layer}.pos_ff"
            projected = F.linear(
                sequence, self.theirs[f"{attention}.qkv_net.weight"], self.theirs[f"{attention}.qkv_net.bias"]
            )
            heads = []
            for head in range(HEADS):
                query, key, value = (part[:, head * HEAD : (head + 1) * HEAD] for part in projected.chunk(3, dim=1))
                heads.append((query @ key.T / HEAD**0.5).softmax(dim=1) @ value)
            attended = torch.cat(heads, dim=1) @ self.theirs[f"{attention}.o_net.weight"].T
            sequence = self.norm(f"{attention}.layer_norm", sequence + attended)
            hidden = self.conv(f"{feed_forward}.CoreNet.0", sequence).relu()
            hidden = self.conv(f"{feed_forward}.CoreNet.2", hidden)
            sequence = self.norm(f"{feed_forward}.layer_norm", sequence + hidden)
        return sequence

    def predict(self, kind: str, encodings: Tensor) -> Tensor:
        for layer in range(2):
            hidden = self.conv(f"{kind}_predictor.layers.{layer}.conv", encodings).relu()
            encodings = self.norm(f"{kind}_predictor.layers.{layer}.norm", hidden)
        return F.linear(
            encodings, self.theirs[f"{kind}_predictor.fc.weight"], self.theirs[f"{kind}_predictor.fc.bias"]
        )

    def infer(self, symbols: Tensor, speaker: Tensor | float = 0.0) -> tuple[Tensor, Tensor]:
        encodings = self.transformer("encoder", self.theirs["encoder.word_emb.weight"][symbols] + speaker)
        durations = (self.predict("duration", encodings)[:, 0].exp() - 1).clamp(0, 75).round().long()
        encodings = encodings + self.conv("pitch_emb", self.predict("pitch", encodings))
        if "energy_emb.weight" in self.theirs:
            encodings = encodings + self.conv("energy_emb", self.predict("energy", encodings))
        frames = self.transformer("decoder", encodings.repeat_interleave(durations, dim=0))
        return F.linear(frames, self.theirs["proj.weight"], self.theirs["proj.bias"]).T, durations


def speak(path: Path, symbols: Tensor, speaker: int = 0) -> tuple[Tensor, Tensor]:
    config, mel, state, _, _ = read_fastpitch_checkpoint(path)
    speakers = state.get("speaker_embedding.weight", torch.zeros(1))
    network = FastPitch(config, SYMBOLS, len(speakers), mel.n_mels).eval()
    network.load_state_dict(state, strict=True)
    spoken = network.infer(symbols[None], torch.tensor([len(symbols)]), torch.tensor([speaker]))
    return spoken.mel[0], spoken.durations[0]


@pytest.fixture
def symbols() -> Tensor:
    return torch.randint(1, SYMBOLS, (12,), generator=torch.Generator().manual_seed(3))


@pytest.mark.parametrize("prefix", ["", "module."], ids=["plain", "parallel"])
def test_it_speaks_as_published(prefix: str, published: Tensors, symbols: Tensor, tmp_path: Path) -> None:
    path = write(tmp_path, {prefix + name: value for name, value in published.items()})
    mel, durations = speak(path, symbols)
    expected, expected_durations = Plain(published).infer(symbols)
    assert len(set(expected_durations.tolist())) > 2
    assert durations.tolist() == expected_durations.tolist()
    torch.testing.assert_close(mel, expected, rtol=1e-4, atol=1e-4)


def test_without_energy_it_speaks_as_published(published: Tensors, symbols: Tensor, tmp_path: Path) -> None:
    theirs = {name: value for name, value in published.items() if not name.startswith("energy_")}
    path = write(tmp_path, theirs, config={**CONFIG, "energy_conditioning": False})
    torch.testing.assert_close(speak(path, symbols)[0], Plain(theirs).infer(symbols)[0], rtol=1e-4, atol=1e-4)


def test_speakers_keep_the_weight_of_their_embedding(published: Tensors, symbols: Tensor, tmp_path: Path) -> None:
    speakers = torch.randn(3, CHANNELS)
    path = write(
        tmp_path, {**published, "speaker_emb.weight": speakers}, config={**CONFIG, "speaker_emb_weight": 0.5}
    )
    expected, _ = Plain(published).infer(symbols, 0.5 * speakers[2])
    torch.testing.assert_close(speak(path, symbols, speaker=2)[0], expected, rtol=1e-4, atol=1e-4)


def test_the_aligner_measures_the_published_distance(published: Tensors, symbols: Tensor, tmp_path: Path) -> None:
    """The projection that the published aligner never calls must not scale ours."""
    config, mel_config, state, _, _ = read_fastpitch_checkpoint(write(tmp_path, published))
    network = FastPitch(config, SYMBOLS, 1, mel_config.n_mels)
    network.load_state_dict(state, strict=True)
    plain, mel = Plain(published), torch.randn(20, N_MELS)
    keys = plain.conv("attention.key_proj.0.conv", published["encoder.word_emb.weight"][symbols]).relu()
    keys = plain.conv("attention.key_proj.2.conv", keys)
    queries = plain.conv("attention.query_proj.0.conv", mel).relu()
    queries = plain.conv("attention.query_proj.2.conv", queries).relu()
    queries = plain.conv("attention.query_proj.4.conv", queries)
    prior = beta_binomial_prior(torch.tensor([12]), torch.tensor([20]), 12, 20)[0]
    expected = (-0.0005 * torch.cdist(queries, keys).square()).log_softmax(dim=1) + (prior + 1e-8).log()
    with torch.no_grad():
        embeddings = network.embedding(symbols)[None]
        ours = network.aligner(embeddings, torch.tensor([12]), mel.T[None], torch.tensor([20]))[0]
    torch.testing.assert_close(ours, expected, rtol=1e-4, atol=1e-4)


def test_the_published_sizes_fill_the_network() -> None:
    from sonorant.config import FastPitchConfig
    from sonorant.models.convert.fastpitch import UNREAD, ZERO, fastpitch_name

    named = fastpitch_shapes(384, 64, 1, 1536, layers=6, width=256)
    with torch.device("meta"):
        wanted = FastPitch(FastPitchConfig(), SYMBOLS).state_dict()
    read = {fastpitch_name(name): shape for name, shape in named.items() if name not in UNREAD}
    assert read.keys() | set(ZERO) == wanted.keys()
    assert all(tuple(wanted[name or ""].shape) == shape for name, shape in read.items())


def test_mel_text_and_pitch_are_what_the_training_says(published: Tensors, tmp_path: Path) -> None:
    _, mel, _, frontend, pitch = read_fastpitch_checkpoint(write(tmp_path, published))
    assert (mel.sample_rate, mel.n_mels, mel.padding, mel.power_epsilon) == (22050, 80, "centered", 0.0)
    assert (frontend.symbols, frontend.grapheme_words) == ("english_basic", "heteronyms")
    assert pitch == pytest.approx((214.72203, 65.72038))
    setup = {**SETUP, "p_arpabet": 0.0, "hop_length": 512, "filter_length": 2048, "win_length": 2048}
    theirs = {**published, "pitch_std": torch.zeros(1)}
    _, mel, _, frontend, pitch = read_fastpitch_checkpoint(write(tmp_path, theirs, train_setup=setup))
    assert (mel.hop_length, frontend.grapheme_words, pitch) == (512, "all", None)
    theirs = {**published, "pitch_mean": torch.tensor([torch.nan])}
    assert read_fastpitch_checkpoint(write(tmp_path, theirs)).pitch is None


def test_without_a_setup_the_published_training_is_taken(published: Tensors, tmp_path: Path) -> None:
    _, mel, _, frontend, _ = read_fastpitch_checkpoint(write(tmp_path, published, train_setup=None))
    assert (mel.sample_rate, mel.hop_length, mel.padding) == (22050, 256, "centered")
    assert frontend.grapheme_words == "heteronyms"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"proj.bias": None}, "missing: projection.bias"),
        ({"attention.key_proj.0.conv.weight": None}, "missing: aligner.key_convs.0.0.weight"),
        ({"decoder.word_emb.weight": torch.zeros(1)}, "unknown: decoder.word_emb.weight"),
        ({"encoder.layers.2.pos_ff.layer_norm.bias": torch.zeros(8)}, "unknown: encoder.layers.2"),
        ({"pitch_emb.weight": torch.zeros(8, 1, 5)}, "right shape: pitch_emb.weight"),
        ({"encoder.word_emb.weight": None}, "tensors are missing: encoder.word_emb.weight"),
    ],
)
def test_tensors_that_do_not_match_are_named(
    change: dict[str, Tensor], said: str, published: Tensors, tmp_path: Path
) -> None:
    theirs = {name: value for name, value in {**published, **change}.items() if value is not None}
    with pytest.raises(VoiceError, match=said):
        read_fastpitch_checkpoint(write(tmp_path, theirs))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"config": None}, r"holds no settings \(config\); the number of heads"),
        ({"config": {"n_mel_channels": 80}}, "settings are missing: dur_predictor_filter_size"),
        ({"config": {**CONFIG, "in_fft_n_heads": 0}}, "wrong settings: encoder.num_heads"),
        ({"config": {**CONFIG, "in_fft_conv1d_filter_size": 12}}, "right shape: encoder.layers.0.pos_ff.CoreNet.0"),
        ({"train_setup": 3}, "train_setup is a int"),
        ({"train_setup": {**SETUP, "symbol_set": "english_mandarin_basic"}}, "only english_basic can be read"),
        ({"train_setup": {"symbol_set": "english_basic"}}, "settings are missing: filter_length"),
    ],
)
def test_settings_that_do_not_fit_are_refused(
    changes: dict[str, Any], said: str, published: Tensors, tmp_path: Path
) -> None:
    with pytest.raises(VoiceError, match=said):
        read_fastpitch_checkpoint(write(tmp_path, published, **changes))
