"""Features become padded batches, and segments that are cut where mel and waveform agree."""

import numpy as np
import pytest
import torch

from sonorant.audio.mel import log_mel
from sonorant.config import VocoderRecipe, load_recipe
from sonorant.features.batch import acoustic_batch, normalize_pitch, vocoder_batch
from sonorant.features.store import FeatureStore

HOP = 256


def recipe_of(segment_frames: int, name: str = "tiny_hifigan") -> VocoderRecipe:
    recipe = load_recipe(name)
    assert isinstance(recipe, VocoderRecipe)
    return recipe.model_copy(update={"segment_frames": segment_frames})


def test_rows_of_an_acoustic_batch_hold_their_utterance_and_then_zeros(store: FeatureStore) -> None:
    entries = store.entries[:4]
    batch = acoustic_batch(store, entries)
    assert batch.utterance_ids == tuple(entry.utterance_id for entry in entries)
    assert batch.mel.shape == (4, 80, max(entry.num_frames for entry in entries))
    assert len(set(batch.mel_lengths.tolist())) > 1, "nothing is padded"
    for row, entry in enumerate(entries):
        features, frames, symbols = store.read(entry), entry.num_frames, entry.num_symbols
        assert (batch.mel_lengths[row], batch.symbol_lengths[row]) == (frames, symbols)
        np.testing.assert_array_equal(batch.symbols[row, :symbols], features.ids)
        np.testing.assert_array_equal(batch.mel[row, :, :frames], features.mel)
        np.testing.assert_array_equal(batch.energy[row, :frames], features.energy)
        np.testing.assert_array_equal(batch.voiced[row, :frames], features.pitch_hz > 0)
        for padded in (batch.mel[row, :, frames:], batch.pitch[row, frames:], batch.energy[row, frames:]):
            assert not padded.any()
        assert not batch.symbols[row, symbols:].any() and not batch.voiced[row, frames:].any()


def test_dtypes_are_those_that_models_take(store: FeatureStore) -> None:
    batch = acoustic_batch(store, store.entries[:2])
    assert {batch.mel.dtype, batch.pitch.dtype, batch.energy.dtype} == {torch.float32}
    lengths = {batch.symbols.dtype, batch.symbol_lengths.dtype, batch.mel_lengths.dtype, batch.speaker_ids.dtype}
    assert lengths == {torch.int64} and batch.voiced.dtype == torch.bool


def test_pitch_has_mean_0_and_deviation_1_over_the_voiced_frames_and_is_0_elsewhere(store: FeatureStore) -> None:
    batch = acoustic_batch(store, store.split("train"))
    voiced = batch.pitch[batch.voiced]
    assert abs(voiced.mean()) < 1e-3 and abs(voiced.std() - 1) < 1e-2
    assert not batch.pitch[~batch.voiced].any()


def test_normalised_pitch_is_turned_back_by_the_statistics(store: FeatureStore) -> None:
    features, statistics = store.read(store.entries[0]), store.pitch[0]
    normal, voiced = normalize_pitch(features, statistics), features.pitch_hz > 0
    np.testing.assert_allclose(
        normal[voiced] * statistics.std_hz + statistics.mean_hz, features.pitch_hz[voiced], rtol=1e-5
    )


def test_a_row_does_not_depend_on_its_company(store: FeatureStore) -> None:
    alone, together = (vocoder_batch(recipe_of(16), store, store.entries[first:5], 0, 3) for first in (4, 0))
    torch.testing.assert_close(alone.mel[0], together.mel[4], rtol=0, atol=0)
    torch.testing.assert_close(alone.waveform[0], together.waveform[4], rtol=0, atol=0)


def test_a_segment_is_the_stored_mel_over_its_very_samples(store: FeatureStore) -> None:
    batch = vocoder_batch(recipe_of(32), store, store.entries[:3], seed=1, epoch=2)
    assert batch.mel.shape == (3, 80, 32) and batch.waveform.shape == (3, 32 * HOP)
    for mel, waveform in zip(batch.mel.numpy(), batch.waveform.numpy(), strict=True):
        again = log_mel(waveform, store.config.mel)
        np.testing.assert_allclose(again[:, 3:-3], mel[:, 3:-3], atol=1e-3)  # the ends see samples beyond the cut


def test_another_epoch_cuts_elsewhere(store: FeatureStore) -> None:
    recipe = recipe_of(32)
    first, again, second = (vocoder_batch(recipe, store, store.entries[:3], 1, epoch).waveform for epoch in (0, 0, 1))
    assert torch.equal(first, again) and not torch.equal(first, second)


def test_an_utterance_shorter_than_the_segment_is_followed_by_silence(store: FeatureStore) -> None:
    entry = store.entries[0]
    batch = vocoder_batch(recipe_of(entry.num_frames + 20), store, [entry], 0, 0)
    features = store.read(entry)
    np.testing.assert_array_equal(batch.mel[0, :, :-20], features.mel)
    np.testing.assert_array_equal(batch.waveform[0, : -20 * HOP] * 32768, features.waveform)
    assert not batch.waveform[0, -20 * HOP :].any()
    np.testing.assert_allclose(batch.mel[0, :, -20:], np.log(store.config.mel.floor), rtol=1e-6)


@pytest.mark.parametrize("acoustic", [True, False])
def test_a_batch_moves_as_a_whole(acoustic: bool, store: FeatureStore) -> None:
    entries = store.entries[:1]
    batch = acoustic_batch(store, entries) if acoustic else vocoder_batch(recipe_of(8), store, entries, 0, 0)
    moved = batch.to("meta")
    tensors = [value for value in vars(moved).values() if isinstance(value, torch.Tensor)]
    assert len(tensors) >= 2 and all(tensor.is_meta for tensor in tensors)
    assert moved.utterance_ids == batch.utterance_ids
