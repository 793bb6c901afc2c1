"""An acoustic model's mels of the recordings: as long as those, not the same, and good to train a vocoder on."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from tests.training.conftest import write_store

from sonorant.config import FastPitchRecipe, FeatureConfig, FrontendConfig, MelConfig, load_recipe
from sonorant.errors import CorpusError, RequestError, VoiceError
from sonorant.features.batch import acoustic_batch
from sonorant.features.store import FeatureStore
from sonorant.training import teacher_forced
from sonorant.training.adversarial_task import AdversarialTask
from sonorant.training.fastpitch_task import FastPitchTask
from sonorant.training.fit import fit
from sonorant.training.processes import Processes
from sonorant.training.run import make_task
from sonorant.training.samples import Samples
from sonorant.training.source import Source
from sonorant.training.task import evaluating
from sonorant.training.teacher_forced import TeacherForcing, write_mels
from sonorant.voice.trained import TrainedModel


@pytest.fixture(autouse=True)
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(teacher_forced, "BATCH", 4)


def source_of(kind: str, store: FeatureStore, **changes: object) -> Source:
    """Make a model of random weights that reads a store."""
    recipe = load_recipe(f"tiny_{kind}")
    torch.manual_seed(1)
    task = make_task(recipe, store, Processes())
    spoken = kind in ("fastpitch", "tacotron2")
    model = TrainedModel(
        config=recipe.model,
        mel=store.config.mel,
        weights=task.networks[task.trained].state_dict(),
        frontend=store.config.frontend if spoken else None,
        symbols=task.table.symbols if spoken else (),  # type: ignore[attr-defined]
        speakers=store.speakers if spoken else (),
        pitch=tuple((each.mean_hz, each.std_hz) for each in store.pitch) if spoken else (),
    )
    return Source(kind, replace(model, **changes))  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", ["fastpitch", "tacotron2"])
def test_mels_are_as_long_as_the_recordings_and_not_theirs(kind: str, store: FeatureStore, tmp_path: Path) -> None:
    made = write_mels(TeacherForcing(source_of(kind, store), store), tmp_path / "mels")
    assert [entry.utterance_id for entry in made.entries] == [entry.utterance_id for entry in store.entries]
    for before, after in zip(store.entries, made.entries, strict=True):
        old, new = store.read(before), made.read(after)  # which checks every shape against the manifest
        assert (after.split, after.num_frames) == (before.split, before.num_frames)
        assert np.array_equal(old.waveform, new.waveform) and np.array_equal(old.ids, new.ids)
        assert np.abs(old.mel - new.mel).mean() > 0.1
    assert made.signature() != store.signature()
    assert made.index.mels_from is not None and made.index.mels_from["name"] == kind


@pytest.mark.parametrize("kind", ["fastpitch", "tacotron2"])
def test_the_same_model_makes_the_same_mels(kind: str, store: FeatureStore, tmp_path: Path) -> None:
    for name in ("a", "b"):
        torch.manual_seed(len(name))
        write_mels(TeacherForcing(source_of(kind, store), store), tmp_path / name)
    a, b = FeatureStore(tmp_path / "a"), FeatureStore(tmp_path / "b")
    assert a.signature() == b.signature()
    for entry in a.entries:
        assert (a.path / entry.file).read_bytes() == (b.path / entry.file).read_bytes()


def test_fastpitch_is_shown_durations_pitch_and_energy_as_in_training(store: FeatureStore) -> None:
    source = source_of("fastpitch", store)
    recipe = load_recipe("tiny_fastpitch")
    assert isinstance(recipe, FastPitchRecipe)
    task, network = FastPitchTask(recipe, store, Processes()), source.model.network()
    entries = store.split("validation")
    batch = acoustic_batch(store, entries)
    with torch.no_grad(), evaluating(network):
        expected = task.predicted_mel(task.forward(network, batch))
    for row, mel in enumerate(TeacherForcing(source, store).mels(entries)):
        assert torch.allclose(mel, expected[row, :, : mel.shape[1]], atol=1e-5)


def test_pitch_is_measured_by_the_models_speaker(store: FeatureStore) -> None:
    entries = store.split("validation")
    own, other = (
        torch.cat(list(TeacherForcing(source_of("fastpitch", store, pitch=(pitch,)), store).mels(entries)), dim=1)
        for pitch in ((300.0, 110.0), (200.0, 30.0))
    )
    assert not torch.allclose(own, other, atol=1e-3)


def test_what_was_interrupted_goes_on_and_is_no_store_until_then(
    store: FeatureStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    forcing, out = TeacherForcing(source_of("tacotron2", store), store), tmp_path / "mels"

    def stop(done: int, total: int) -> None:
        if done >= 8:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_mels(forcing, out, stop)
    with pytest.raises(CorpusError, match="no finished features here"):
        FeatureStore(out)
    written = {path.name: path.stat().st_mtime_ns for path in (out / "utterances").iterdir()}
    assert len(written) == 8
    made = write_mels(forcing, out)
    assert {name: (out / "utterances" / name).stat().st_mtime_ns for name in written} == written
    assert made.signature() == write_mels(forcing, tmp_path / "whole").signature()


@pytest.mark.parametrize("vocoder", ["tiny_hifigan", "tiny_source_filter"])
def test_a_vocoder_trains_on_the_mels_and_an_acoustic_model_does_not(
    vocoder: str, store: FeatureStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(AdversarialTask, "samples", lambda self, network: Samples())
    write_mels(TeacherForcing(source_of("fastpitch", store), store), tmp_path / "mels")
    fit(load_recipe(vocoder, ["run.steps=2"]), tmp_path / "mels", tmp_path / "run", progress=False)
    lines = [json.loads(line) for line in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()]
    assert any(line["kind"] == "validation" for line in lines)
    with pytest.raises(CorpusError, match="mels: made by fastpitch for a vocoder"):
        fit(load_recipe("tiny_fastpitch"), tmp_path / "mels", tmp_path / "other", progress=False)
    with pytest.raises(CorpusError, match="mels of recordings are wanted"):
        TeacherForcing(source_of("fastpitch", store), FeatureStore(tmp_path / "mels"))


@pytest.mark.parametrize(("config", "message"), [
    (FeatureConfig(mel=MelConfig(f_max=7000)), "mel f_max 8000.0 and 7000.0"),
    (FeatureConfig(mel=MelConfig(padding="centered")), "mel padding same and centered"),
    (FeatureConfig(frontend=FrontendConfig(symbols="characters")), "symbols arpabet and characters"),
])  # fmt: skip
def test_features_that_the_model_does_not_read_are_refused(
    config: FeatureConfig, message: str, store: FeatureStore, tmp_path: Path
) -> None:
    other = FeatureStore(write_store(tmp_path / "other", config))
    with pytest.raises(CorpusError, match=message):
        TeacherForcing(source_of("fastpitch", store), other)


def test_speakers_that_the_model_does_not_know_are_refused(store: FeatureStore) -> None:
    source = source_of("fastpitch", store, speakers=("ada", "bob"), pitch=((200.0, 50.0), (100.0, 30.0)))
    with pytest.raises(CorpusError, match="speakers ada, bob, and someone unknown to it"):
        TeacherForcing(source, store)


def test_a_vocoder_makes_no_mels(store: FeatureStore) -> None:
    with pytest.raises(VoiceError, match="hifigan is a hifigan; mels are made by a fastpitch or a tacotron2"):
        TeacherForcing(source_of("hifigan", store), store)


def test_mels_too_short_or_not_finite_are_refused(store: FeatureStore, monkeypatch: pytest.MonkeyPatch) -> None:
    forcing, (entry, *_) = TeacherForcing(source_of("fastpitch", store), store), store.entries
    true = forcing._mel
    for spoilt in (lambda batch: true(batch)[:, :, :-1], lambda batch: true(batch) * float("nan")):
        monkeypatch.setattr(forcing, "_mel", spoilt)
        with pytest.raises(VoiceError, match=f"{entry.utterance_id}: .* frames of a recording of {entry.num_frames}"):
            list(forcing.mels([entry]))


def test_prepared_features_and_other_things_are_not_written_over(store: FeatureStore, tmp_path: Path) -> None:
    forcing = TeacherForcing(source_of("fastpitch", store), store)
    with pytest.raises(RequestError, match="holds features that were prepared"):
        write_mels(forcing, store.path)
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(RequestError, match="holds other things than features"):
        write_mels(forcing, tmp_path)
