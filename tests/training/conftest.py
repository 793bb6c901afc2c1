"""A store of generated sound: every symbol is a tone, so that there is something to learn in seconds."""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.numpy import save_file
from torch import Tensor

from sonorant.audio.mel import log_mel
from sonorant.config import FastPitchRecipe, FeatureConfig, HifiganRecipe, load_recipe
from sonorant.features.store import Entry, FeatureIndex, Features, FeatureStore, PitchStatistics
from sonorant.training.task import Task
from sonorant.training.updater import Updater

NUM_TRAINING, NUM_VALIDATION = 10, 3


def generated_features(seed: int, config: FeatureConfig, num_symbols: int | None = None) -> Features:
    """Speak symbols, 5 to 8 if not told, of 4 to 8 frames: symbol k is a tone of 100 + 20 k Hz, three harmonics."""
    generator = np.random.default_rng(seed)
    ids = generator.integers(1, 20, num_symbols or generator.integers(5, 9)).astype(np.int32)
    durations = generator.integers(4, 9, len(ids))
    hz = np.repeat(100.0 + 20.0 * ids, durations).astype(np.float32)
    phase = 2 * np.pi * np.cumsum(np.repeat(hz, config.mel.hop_length)) / config.mel.sample_rate
    samples = sum(0.2 / k * np.sin(k * phase) for k in (1, 2, 3)) + 0.001 * generator.standard_normal(len(phase))
    waveform = (samples * 32767).astype(np.int16)
    mel = log_mel(waveform.astype(np.float32) / 32768, config.mel)
    energy = np.linalg.norm(mel, axis=0).astype(np.float32)
    return Features(mel=mel, pitch_hz=hz, energy=energy, ids=ids, waveform=waveform)


def write_store(path: Path, config: FeatureConfig, num_symbols: Callable[[int], int | None] = lambda _: None) -> Path:
    (path / "utterances").mkdir(parents=True)
    entries = []
    for number in range(NUM_TRAINING + NUM_VALIDATION):
        features, name = generated_features(number, config, num_symbols(number)), f"utterance-{number:02}"
        save_file(dict(features.__dict__), path / "utterances" / f"{name}.safetensors")
        split = "train" if number < NUM_TRAINING else "validation"
        size = len(features.ids), features.mel.shape[1]
        entries.append(Entry(name, f"utterances/{name}.safetensors", split, 0, name, *size, key=name))
    manifest = "".join(json.dumps(entry.__dict__) + "\n" for entry in entries).encode()
    index = FeatureIndex(config, ("someone",), (PitchStatistics(300.0, 110.0),), False, None,
                         hashlib.sha256(manifest).hexdigest())
    (path / "manifest.jsonl").write_bytes(manifest)
    (path / "features.json").write_text(json.dumps(index.to_json()))
    return path


@pytest.fixture(scope="session")
def store_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_store(tmp_path_factory.mktemp("features") / "store", FeatureConfig())


@pytest.fixture
def store(store_path: Path) -> FeatureStore:
    return FeatureStore(store_path)


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture
def fastpitch_recipe() -> FastPitchRecipe:
    recipe = load_recipe("tiny_fastpitch")
    assert isinstance(recipe, FastPitchRecipe)
    return recipe


@pytest.fixture
def hifigan_recipe() -> HifiganRecipe:
    recipe = load_recipe("tiny_hifigan")
    assert isinstance(recipe, HifiganRecipe)
    return recipe


def step_gradients(task: Task[Any], batches: Sequence[Any], step: int) -> dict[str, Tensor]:
    """Take one training step, and return the gradients that each updater was given, as one vector per network."""
    seen: dict[str, Tensor] = {}

    def watch(name: str, updater: Updater) -> None:
        apply = updater.apply

        def watched(losses: Mapping[str, Tensor], learning_rate_factor: float) -> tuple[dict[str, Tensor], Tensor]:
            gradients = [p.grad for p in updater.parameters if p.grad is not None]
            seen[name] = torch.cat([gradient.flatten().clone() for gradient in gradients])
            return apply(losses, learning_rate_factor)

        updater.apply = watched  # type: ignore[method-assign]

    for name, updater in task.updaters.items():
        watch(name, updater)
    task.step(batches, step, 1.0)
    return seen


def differences(a: Any, b: Any, where: str = "") -> list[str]:
    """Name every place in which two checkpoints differ by so much as a bit."""
    if isinstance(a, Tensor):
        return [] if torch.equal(a, b) else [where]
    if isinstance(a, dict):
        keys = [where] if set(a) != set(b) else []
        return keys + [place for key in a if key in b for place in differences(a[key], b[key], f"{where}.{key}")]
    return [] if a == b else [where]


@pytest.fixture
def gradients() -> Callable[[Task[Any], Sequence[Any], int], dict[str, Tensor]]:
    return step_gradients
