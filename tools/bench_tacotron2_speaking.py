"""Time a decoder step of a full-size Tacotron 2: a voice in fp32, a voice in int8, and a plain eager torch loop.

The voices are packed and speak as they do for users, all work of the driver's loop included; the weights are random.
The three take turns on one thread, whose CPU time is taken: what else the machine does counts little and alike for all.
The step waits for memory. GLIBC_TUNABLES=glibc.malloc.hugetlb=1 in the environment gives all three larger pages.

Run: python tools/bench_tacotron2_speaking.py [--symbols 100 --steps 200 --rounds 5]
"""

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from sonorant.config import FrontendConfig, MelConfig, Tacotron2Config
from sonorant.models.tacotron2 import Tacotron2
from sonorant.synthesis import tacotron2
from sonorant.synthesis.acoustic import make_acoustic
from sonorant.synthesis.reading import Limits
from sonorant.synthesis.runtime import Runtime, load_runtime
from sonorant.synthesis.style import Style
from sonorant.text import symbol_table
from sonorant.voice import Licences, Voice, load_voice
from sonorant.voice.graphs import STEP
from sonorant.voice.pack import pack
from sonorant.voice.trained import TrainedModel

Floats = NDArray[np.float32]
STYLE = Style(speaker_id=0, speed=1.0, pitch_scale=1.0, pitch_offset=0.0, seed=0, denoise=0.0)
TABLE = symbol_table("arpabet").symbols


class StepWatch:
    """A runtime that counts decoder steps and sums the time of all other graphs, which is not the loop's."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self.steps, self.elsewhere_s = 0, 0.0

    def run(self, graph: str, **inputs: NDArray[Any]) -> list[NDArray[Any]]:
        """See `Runtime.run`."""
        if graph == STEP.file:
            self.steps += 1
            return self._runtime.run(graph, **inputs)
        start = time.thread_time()
        outputs = self._runtime.run(graph, **inputs)
        self.elsewhere_s += time.thread_time() - start
        return outputs


def speak(runtime: Runtime, voice: Voice, symbols: NDArray[np.int64]) -> tuple[float, Floats]:
    """Return the seconds per step of speaking with a voice, and the mel."""
    watch = StepWatch(runtime)
    acoustic = make_acoustic(watch, voice.manifest.acoustic)
    start = time.thread_time()
    (spoken,) = acoustic.speak([symbols], STYLE)
    loop_s = time.thread_time() - start - watch.elsewhere_s
    return loop_s / watch.steps, spoken.mel


@torch.no_grad()
def speak_plainly(network: Tacotron2, config: Tacotron2Config, symbols: Tensor, steps: int) -> tuple[float, Floats]:
    """Return the seconds per step of a decoder loop as one writes it down first, and the mel."""
    memory, keys = network.encode(symbols, torch.tensor([symbols.shape[1]]), torch.tensor([0]))
    decoder, attention = network.decoder, network.decoder.attention
    random = np.random.default_rng((STYLE.seed, 0))
    frame, context = torch.zeros(1, network.n_mels), torch.zeros(1, memory.shape[2])
    attention_state = (torch.zeros(1, 1024), torch.zeros(1, 1024))
    decoder_state = (torch.zeros(1, 1024), torch.zeros(1, 1024))
    alignment = cumulative = torch.zeros(1, symbols.shape[1])
    frames: list[Tensor] = []
    start = time.thread_time()
    while len(frames) < steps:
        kept = random.random(sum(config.prenet_channels), dtype=np.float32) >= config.prenet_dropout
        masks = torch.from_numpy(kept).float()[None] / (1 - config.prenet_dropout)
        squeezed = frame
        for layer, mask in zip(decoder.prenet.layers, masks.split(config.prenet_channels, 1), strict=True):
            squeezed = F.relu(layer(squeezed)) * mask
        attention_state = decoder.attention_rnn(torch.cat([squeezed, context], 1), attention_state)
        query = attention.query(attention_state[0]).unsqueeze(1)
        location = attention.location_conv(torch.cat([alignment.unsqueeze(1), cumulative.unsqueeze(1)], 1))
        location = attention.location_projection(location.transpose(1, 2))
        energies = attention.energy(torch.tanh(query + location + keys)).squeeze(2)
        alignment = F.softmax(energies, dim=1)
        context = torch.bmm(alignment.unsqueeze(1), memory).squeeze(1)
        cumulative = cumulative + alignment
        decoder_state = decoder.decoder_rnn(torch.cat([attention_state[0], context], 1), decoder_state)
        spoken = torch.cat([decoder_state[0], context], 1)
        frame = decoder.mel_projection(spoken)
        frames.append(frame)
        if torch.sigmoid(decoder.stop_projection(spoken)).item() > config.stop_threshold:
            break
    loop_s = time.thread_time() - start
    mel = network.postnet(torch.stack(frames, 2), torch.tensor([len(frames)]))
    return loop_s / len(frames), mel[0].numpy()


def make_model(symbols: int, steps: int) -> TrainedModel:
    """Return a model of random weights that never stops, so that every try takes about `steps` steps."""
    config = Tacotron2Config(stop_threshold=1 - 1e-9, max_frames_per_symbol=steps / (symbols + 2))
    torch.manual_seed(0)
    network = Tacotron2(config, len(TABLE))
    return TrainedModel(
        config=config,
        mel=MelConfig(),
        weights=network.state_dict(),
        frontend=FrontendConfig(),
        symbols=TABLE,
        speakers=("nobody",),
        pitch=((200.0, 30.0),),
    )


def difference(mel: Floats, reference: Floats) -> float:
    """Return how far a mel is from another, as a share of the other's deviation from its mean."""
    frames = min(mel.shape[1], reference.shape[1])
    error = mel[:, :frames] - reference[:, :frames]
    return float(np.sqrt(np.mean(error**2)) / reference.std())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--symbols", type=int, default=100)
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    tacotron2.TRIES = 1  # with random weights every try fails
    model = make_model(arguments.symbols, arguments.steps)
    symbols = np.random.default_rng(0).integers(1, len(TABLE), arguments.symbols)
    network = model.network()
    assert isinstance(network, Tacotron2) and isinstance(model.config, Tacotron2Config)
    config = model.config
    ways: dict[str, Callable[[], tuple[float, Floats]]] = {
        "plain eager torch": lambda: speak_plainly(
            network, config, torch.from_numpy(symbols)[None], int(Limits.of(config).cap(np.array(arguments.symbols)))
        )
    }
    with tempfile.TemporaryDirectory() as room:
        for name, int8 in (("voice in fp32", False), ("voice in int8", True)):
            folder = Path(room) / f"int8-{int8}"
            licences = Licences(data="none", weights="none")
            voice = load_voice(
                pack(folder, model, None, name="random", licences=licences, int8=int8, keep_weights=False)
            )
            runtime = load_runtime("onnx", voice, threads=1)
            ways[name] = lambda runtime=runtime, voice=voice: speak(runtime, voice, symbols)  # type: ignore[misc]
        seconds: dict[str, list[float]] = {name: [] for name in ways}
        mels: dict[str, Floats] = {}
        for _ in range(1 + arguments.rounds):  # the first warms up
            for name, way in ways.items():
                step_s, mels[name] = way()
                seconds[name].append(step_s)
    report(seconds, mels)


def report(seconds: dict[str, list[float]], mels: dict[str, Floats]) -> None:
    """Print a line for each way; the first is what the others are compared with."""
    medians = {name: statistics.median(values[1:]) for name, values in seconds.items()}
    plain = next(iter(medians))
    print(f"load of the machine {os.getloadavg()[0]:.1f}, {os.cpu_count()} cores")
    print(f"{'':<18} ms/step   min   faster  mel differs by")
    for name, median_s in medians.items():
        fastest_ms, error = 1e3 * min(seconds[name][1:]), difference(mels[name], mels[plain])
        ratio = medians[plain] / median_s
        print(f"{name:<18} {1e3 * median_s:7.2f} {fastest_ms:5.2f} {ratio:7.1f}x {error:14.2%}")


if __name__ == "__main__":
    main()
