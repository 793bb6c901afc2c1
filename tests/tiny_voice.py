"""Voices of random weights, small enough to pack in seconds and to speak in milliseconds."""

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from sonorant.audio.mel import mel_filterbank
from sonorant.config import (
    FastPitchConfig,
    FrontendConfig,
    HifiganConfig,
    MelConfig,
    PitchEstimatorConfig,
    PredictorConfig,
    SourceFilterConfig,
    Tacotron2Config,
    TransformerConfig,
    WaveglowConfig,
)
from sonorant.config.models import DynamicConvolutionAttentionConfig
from sonorant.models.fastpitch import FastPitch
from sonorant.models.hifigan import HifiganGenerator
from sonorant.models.source_filter import SourceFilterVocoder
from sonorant.models.tacotron2 import Tacotron2
from sonorant.models.waveglow import Waveglow
from sonorant.text import symbol_table
from sonorant.voice import Licences
from sonorant.voice import pack as pack_module
from sonorant.voice.export import export
from sonorant.voice.graphs import GRAPHS
from sonorant.voice.pack import pack
from sonorant.voice.trained import TrainedModel

MEL = MelConfig(sample_rate=8000, n_fft=64, hop_length=16, win_length=64, n_mels=8, f_max=4000)
TRANSFORMER = TransformerConfig(num_layers=1, head_channels=8, conv_channels=16)
PREDICTOR = PredictorConfig(num_layers=1, channels=8)
FASTPITCH = FastPitchConfig(
    channels=16,
    encoder=TRANSFORMER,
    decoder=TRANSFORMER,
    duration_predictor=PREDICTOR,
    pitch_predictor=PREDICTOR,
    energy_predictor=PREDICTOR,
    aligner_channels=8,
)
HIFIGAN = HifiganConfig(
    upsample_rates=(4,),
    upsample_kernels=(8,),
    channels=8,
    resblock="2",
    resblock_kernels=(3,),
    resblock_dilations=((1, 3),),
    istft_n_fft=16,
    istft_hop=4,
)
TACOTRON2 = Tacotron2Config(
    embedding_channels=8,
    encoder_layers=1,
    encoder_channels=8,
    prenet_channels=(8, 8),
    attention=DynamicConvolutionAttentionConfig(channels=8, prior_taps=2, prior_alpha=0.9, prior_beta=0.1),
    attention_rnn_channels=16,
    decoder_rnn_channels=16,
    reduction_factor=2,
    postnet_layers=2,
    postnet_channels=8,
    max_frames_per_symbol=8.0,
)
WAVEGLOW = WaveglowConfig(
    hop_length=16, upsample_kernel=64, num_flows=3, group_size=4, early_every=2, wn_layers=2, wn_channels=8, sigma=0.1
)
SOURCE_FILTER = SourceFilterConfig(
    hop_length=16,
    channels=8,
    hidden_channels=16,
    num_layers=1,
    kernel=3,
    pitch=PitchEstimatorConfig(channels=8, hidden_channels=16, num_layers=1, bins=24),
)
LICENCES = Licences(data="CC0-1.0", weights="Apache-2.0")


def tiny_acoustic(mel: MelConfig = MEL, speakers: tuple[str, ...] = ("ada", "bob")) -> TrainedModel:
    symbols = symbol_table("arpabet").symbols
    torch.manual_seed(1)
    network = FastPitch(FASTPITCH, len(symbols), len(speakers), mel.n_mels)
    with torch.no_grad():
        last_bias = list(network.duration_predictor.parameters())[-1]
        last_bias.fill_(2.0)  # about exp(2) - 1 = 6 frames per symbol
    return TrainedModel(
        config=FASTPITCH,
        mel=mel,
        weights=network.state_dict(),
        frontend=FrontendConfig(),
        symbols=symbols,
        speakers=speakers,
        pitch=((210.0, 30.0), (110.0, 20.0))[: len(speakers)],
        facts={"step": 0, "recipe": "tiny"},
    )


def tiny_vocoder(mel: MelConfig = MEL) -> TrainedModel:
    torch.manual_seed(2)
    generator = HifiganGenerator(HIFIGAN, mel.n_mels)
    make_loud(generator)
    return TrainedModel(config=HIFIGAN, mel=mel, weights=generator.state_dict(), facts={"step": 0})


def tiny_tacotron2(config: Tacotron2Config = TACOTRON2, speakers: tuple[str, ...] = ("ada", "bob")) -> TrainedModel:
    """Make a Tacotron 2 whose attention walks along the text whatever it says, and rests at its end."""
    symbols = symbol_table("arpabet").symbols
    torch.manual_seed(3)
    network = Tacotron2(config, len(symbols), len(speakers), MEL.n_mels)
    with torch.no_grad():
        network.decoder.attention.energy.weight.mul_(0.01)
        network.decoder.stop_projection.bias.fill_(-20.0)
        network.decoder.mel_projection.weight.mul_(5.0)
    return TrainedModel(
        config=config,
        mel=MEL,
        weights=network.state_dict(),
        frontend=FrontendConfig(),
        symbols=symbols,
        speakers=speakers,
        pitch=((210.0, 30.0), (110.0, 20.0))[: len(speakers)],
        facts={"step": 0},
    )


def tiny_waveglow() -> TrainedModel:
    """Make a WaveGlow whose couplings do something, unlike freshly made ones."""
    torch.manual_seed(4)
    network = Waveglow(WAVEGLOW, MEL.n_mels)
    with torch.no_grad():
        for parameter in network.parameters():
            if not parameter.any():
                parameter.normal_(0.0, 0.2)
    return TrainedModel(config=WAVEGLOW, mel=MEL, weights=network.state_dict(), facts={"step": 0})


def tiny_source_filter(mel: MelConfig = MEL) -> TrainedModel:
    """Make a source-filter vocoder whose filters and whose pitch change with the mel, and that voices some of it."""
    torch.manual_seed(5)
    network = SourceFilterVocoder(SOURCE_FILTER, mel_filterbank(mel))
    with torch.no_grad():
        network.network.output.weight.normal_(0.0, 0.1)
        network.network.output.bias.fill_(-7.0)  # soft: the mels of the tiny acoustic models are loud
        network.estimator.network.output.weight.mul_(5.0)
    return TrainedModel(config=SOURCE_FILTER, mel=mel, weights=network.state_dict(), facts={"step": 0})


def make_loud(generator: nn.Module) -> None:
    """Draw weights that give audible sound: as initialised the generator is so quiet that any error would pass."""
    with torch.no_grad():
        for name, parameter in generator.named_parameters():
            if name.endswith("original0"):
                parameter.fill_(1.0)
            else:
                parameter.normal_(0.0, 0.3)


@pytest.fixture(scope="session")
def tiny_voice(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a packed voice of FastPitch and HiFi-GAN; not to be written to."""
    return _shared(
        tmp_path_factory,
        "tiny-voice",
        lambda folder: pack(folder, tiny_acoustic(), tiny_vocoder(), name="tiny", licences=LICENCES),
    )


@pytest.fixture(scope="session")
def tiny_flow_voice(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a packed voice of Tacotron 2 and WaveGlow; not to be written to."""
    return _shared(
        tmp_path_factory,
        "tiny-flow-voice",
        lambda folder: pack(folder, tiny_tacotron2(), tiny_waveglow(), name="tiny_flow", licences=LICENCES),
    )


@pytest.fixture(scope="session")
def tiny_filter_voice(tiny_voice: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a packed voice of FastPitch and a source-filter vocoder; not to be written to."""

    def graphs(model: TrainedModel, *settings: Any, **named: Any) -> dict[str, bytes]:
        if model.kind == "fastpitch":
            return {graph.file: (tiny_voice / graph.file).read_bytes() for graph in GRAPHS[model.kind]}
        return export(model, *settings, **named)

    def make(folder: Path) -> Path:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(pack_module, "export", graphs)
            return pack(folder, tiny_acoustic(), tiny_source_filter(), name="tiny_filter", licences=LICENCES)

    return _shared(tmp_path_factory, "tiny-filter-voice", make)


def _shared(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], Path]) -> Path:
    """Make a folder once per test run, whatever the number of workers."""
    base = factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    folder, claim = shared / name, shared / f"{name}.claimed"
    try:
        claim.touch(exist_ok=False)
    except FileExistsError:
        deadline = time.monotonic() + 240
        while not folder.exists():
            assert time.monotonic() < deadline, f"the worker that makes {name} did not finish"
            time.sleep(0.05)
        return folder
    return make(folder)
