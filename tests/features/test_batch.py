"""Features become padded batches, and segments that are cut where mel and waveform agree."""

from collections.abc import Sequence

import numpy as np
import pytest
import torch

from sonorant.audio.excitation import make_excitation
from sonorant.audio.mel import log_mel
from sonorant.config import VocoderRecipe, load_recipe
from sonorant.features.batch import SourceFilterBatch, acoustic_batch, normalize_pitch, vocoder_batch
from sonorant.features.order import crop_start
from sonorant.features.store import Entry, FeatureStore

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


@pytest.mark.parametrize("name", ["tiny_fastpitch", "tiny_hifigan", "tiny_source_filter"])
def test_a_batch_moves_as_a_whole(name: str, store: FeatureStore) -> None:
    entries = store.entries[:1]
    acoustic = name == "tiny_fastpitch"
    batch = acoustic_batch(store, entries) if acoustic else vocoder_batch(recipe_of(8, name), store, entries, 0, 0)
    moved = batch.to("meta")
    assert type(moved) is type(batch)
    tensors = [value for value in vars(moved).values() if isinstance(value, torch.Tensor)]
    assert len(tensors) >= 2 and all(tensor.is_meta for tensor in tensors)
    assert moved.utterance_ids == batch.utterance_ids


def source_filter_batch(
    store: FeatureStore, entries: Sequence[Entry], seed: int = 0, epoch: int = 0, segment_frames: int = 24
) -> SourceFilterBatch:
    batch = vocoder_batch(recipe_of(segment_frames, "tiny_source_filter"), store, entries, seed, epoch)
    assert isinstance(batch, SourceFilterBatch)
    return batch


def test_a_source_filter_vocoder_is_given_the_same_segments_as_others(store: FeatureStore) -> None:
    ours, others = (
        source_filter_batch(store, store.entries[:3]),
        vocoder_batch(recipe_of(24), store, store.entries[:3], 0, 0),
    )
    assert torch.equal(ours.mel, others.mel) and torch.equal(ours.waveform, others.waveform)
    assert not isinstance(others, SourceFilterBatch)


def test_the_pitch_is_that_of_the_very_frames(store: FeatureStore) -> None:
    batch = source_filter_batch(store, store.entries[:3], seed=1, epoch=2)
    for row, entry in enumerate(store.entries[:3]):
        start = crop_start(1, 2, entry.utterance_id, entry.num_frames, 24)
        np.testing.assert_array_equal(batch.pitch_hz[row], store.read(entry).pitch_hz[start : start + 24])
    assert (batch.pitch_hz > 0).any()


def test_pulses_lie_under_the_voice_at_its_pitch(store: FeatureStore) -> None:
    batch = source_filter_batch(store, store.entries[:3])
    assert batch.excitation.shape == (3, 2, 24 * HOP)
    for pitch_hz, (pulses, noise) in zip(batch.pitch_hz.numpy(), batch.excitation.numpy(), strict=True):
        again, _ = make_excitation(pitch_hz, store.config.mel, np.random.default_rng(0))
        frames, expected = (np.square(part).reshape(24, HOP).mean(axis=1) for part in (pulses, again))
        np.testing.assert_allclose(frames, expected, atol=1.0)
        assert (frames > 0).tolist() == (expected > 0).tolist()
        assert noise.std() == pytest.approx(1.0, abs=0.1)


def test_a_rows_excitation_does_not_depend_on_its_company(store: FeatureStore) -> None:
    alone, together = (source_filter_batch(store, store.entries[first:5], epoch=3) for first in (4, 0))
    assert torch.equal(alone.excitation[0], together.excitation[4])
    assert torch.equal(alone.pitch_hz[0], together.pitch_hz[4])


def test_another_epoch_or_seed_or_utterance_has_other_noise(store: FeatureStore) -> None:
    whole = max(entry.num_frames for entry in store.entries) + 8  # no crop, so that only the draw differs
    batches = [source_filter_batch(store, store.entries[:2], *at, whole) for at in ((0, 0), (0, 1), (1, 0))]
    noises = [row[1] for batch in batches for row in batch.excitation]
    assert len({noise.numpy().tobytes() for noise in noises}) == 6
    pulses = [batch.excitation[0, 0] for batch in batches]
    assert not torch.allclose(pulses[0], pulses[1], atol=0.1)  # the first pulse is elsewhere
    again = source_filter_batch(store, store.entries[:2], 0, 0, whole)
    assert torch.equal(again.excitation, batches[0].excitation)


def test_behind_a_short_utterance_there_is_noise_and_no_voice(store: FeatureStore) -> None:
    entry = store.entries[0]
    batch = source_filter_batch(store, [entry], segment_frames=entry.num_frames + 20)
    assert not batch.pitch_hz[0, -20:].any()
    pulses, noise = batch.excitation[0]
    assert not pulses[-19 * HOP :].any() and noise[-19 * HOP :].std() > 0.9
