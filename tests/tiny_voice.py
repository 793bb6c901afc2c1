"""A voice of random weights, small enough to pack in seconds and to speak in milliseconds."""

import os
import time
from pathlib import Path

import pytest
import torch
from torch import nn

from sonorant.config import (
    FastPitchConfig,
    FrontendConfig,
    HifiganConfig,
    MelConfig,
    PredictorConfig,
    TransformerConfig,
)
from sonorant.models.fastpitch import FastPitch
from sonorant.models.hifigan import HifiganGenerator
from sonorant.text import symbol_table
from sonorant.voice import Licences
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
    """The folder of a packed voice, made once per test run whatever the number of workers; not to be written to."""
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    folder, claim = shared / "tiny-voice", shared / "tiny-voice.claimed"
    try:
        claim.touch(exist_ok=False)
    except FileExistsError:
        deadline = time.monotonic() + 240
        while not folder.exists():
            assert time.monotonic() < deadline, "the worker that packs the tiny voice did not finish"
            time.sleep(0.05)
        return folder
    return pack(folder, tiny_acoustic(), tiny_vocoder(), name="tiny", licences=LICENCES)
