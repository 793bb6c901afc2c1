import warnings
from dataclasses import fields
from typing import NamedTuple

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from sonorant.config.models import FastPitchConfig, PredictorConfig, TransformerConfig
from sonorant.config.recipe import FastPitchLoss
from sonorant.models.acoustic_losses import fastpitch_losses, loss_weights
from sonorant.models.fastpitch import FastPitch

N_MELS = 10
NUM_SYMBOLS = 20
STACK = TransformerConfig(num_layers=2, num_heads=2, head_channels=8, conv_channels=32, dropout=0, attention_dropout=0)
PREDICTOR = PredictorConfig(channels=16, dropout=0)
TINY = FastPitchConfig(channels=16, encoder=STACK, decoder=STACK, duration_predictor=PREDICTOR,
                       pitch_predictor=PREDICTOR, energy_predictor=PREDICTOR, aligner_channels=8)


class Batch(NamedTuple):
    """The arguments of `FastPitch.forward`."""

    symbols: Tensor
    symbol_lengths: Tensor
    mel: Tensor
    mel_lengths: Tensor
    pitch: Tensor
    voiced: Tensor
    energy: Tensor
    speaker_ids: Tensor

    def rows(self, start, stop):
        """Cut rows out, padded only as far as they need."""
        symbols = int(self.symbol_lengths[start:stop].max())
        frames = int(self.mel_lengths[start:stop].max())
        sizes = (symbols, None, frames, None, frames, frames, frames, None)
        return Batch(*(value[start:stop] if size is None else value[start:stop, ..., :size]
                       for value, size in zip(self, sizes, strict=True)))


def a_batch(symbol_lengths=(9, 5, 7, 1), num_speakers=1, seed=0):
    """Utterances in which a symbol sounds like itself, 4 or more frames each; the padding is filled with junk."""
    torch.manual_seed(seed)
    lengths = torch.tensor(symbol_lengths)
    mel_lengths = 4 * lengths + torch.arange(len(lengths))
    size, frames = int(lengths.max()), int(mel_lengths.max())
    symbols = torch.randint(1, NUM_SYMBOLS, (len(lengths), size))
    sounds = 2 * torch.randn(NUM_SYMBOLS, N_MELS)
    spoken = symbols.gather(1, (torch.arange(frames) // 4).clamp(max=size - 1).expand(len(lengths), -1))
    return Batch(
        symbols, lengths, sounds[spoken].transpose(1, 2), mel_lengths, torch.randn(len(lengths), frames),
        torch.rand(len(lengths), frames) < 0.7, 10 * torch.rand(len(lengths), frames),
        torch.arange(len(lengths)) % num_speakers,
    )


def a_model(config=TINY, num_speakers=1, seed=0):
    torch.manual_seed(seed)
    return FastPitch(config, NUM_SYMBOLS, num_speakers, N_MELS)


def total_loss(model, batch, step=2000, counts=None):
    """Weigh and add the terms' means; `counts` are those of a larger batch that this one is a part of."""
    weights = FastPitchLoss()
    terms = fastpitch_losses(model(*batch), batch.mel, batch.mel_lengths, batch.symbol_lengths, weights, step)
    factors = loss_weights(weights, step)
    counts = counts or {name: term.count for name, term in terms.items()}
    return sum(factors[name] * term.sum / counts[name] for name, term in terms.items()), counts


def count(*modules):
    return sum(parameter.numel() for module in modules for parameter in module.parameters())


def test_the_default_configuration_counts_the_published_parameters():
    """NVIDIA's FastPitch 1.1 with 148 symbols and energy conditioning."""
    with torch.device("meta"):
        model = FastPitch(FastPitchConfig(), num_symbols=148)
    assert count(model) == 46_266_420
    assert count(model) - count(model.aligner) == 45_261_395
    assert count(model.embedding, model.encoder) == 21_902_208
    assert count(model.decoder) == 21_845_376
    for predictor in (model.duration_predictor, model.pitch_predictor, model.energy_predictor):
        assert count(predictor) == 493_313


def test_padding_never_leaks_in_training():
    model, batch = a_model(num_speakers=3).eval(), a_batch(num_speakers=3)
    together = model(*batch)
    for row in range(4):
        alone = model(*batch.rows(row, row + 1))
        symbols, frames = batch.symbol_lengths[row], batch.mel_lengths[row]
        for field in fields(alone):
            inside = {"mel": (slice(None), slice(frames)), "attention_logprob": (slice(frames), slice(symbols))}
            part = getattr(together, field.name)[row][inside.get(field.name, slice(symbols))]
            torch.testing.assert_close(part, getattr(alone, field.name)[0], atol=1e-5, rtol=0)


def speaking_model(config=TINY, num_speakers=1):
    """An untrained model in evaluation mode whose symbols last about 10 frames each."""
    model = a_model(config, num_speakers).eval()
    nn.init.constant_(model.duration_predictor.output.bias, np.log(11.0))
    return model


def test_padding_never_leaks_in_speaking():
    model, batch = speaking_model(num_speakers=3), a_batch(num_speakers=3)
    together = model.infer(batch.symbols, batch.symbol_lengths, batch.speaker_ids, 0.9, 1.2, 0.3)
    for row, length in enumerate(batch.symbol_lengths.tolist()):
        own = slice(row, row + 1)
        symbols, lengths, speakers = batch.symbols[own, :length], batch.symbol_lengths[own], batch.speaker_ids[own]
        alone = model.infer(symbols, lengths, speakers, 0.9, 1.2, 0.3)
        assert torch.equal(together.durations[own, :length], alone.durations)
        assert not together.durations[row, length:].any()
        assert together.mel_lengths[row] == alone.mel_lengths[0] == alone.mel.shape[2]
        inside, outside = together.mel[row].split([alone.mel.shape[2], together.mel.shape[2] - alone.mel.shape[2]], 1)
        torch.testing.assert_close(inside, alone.mel[0], atol=1e-5, rtol=0)
        assert not outside.any()


def test_encodings_are_zero_in_the_padding():
    batch, ones = a_batch(), torch.ones(4)
    for values in a_model().eval().encode(batch.symbols, batch.symbol_lengths, batch.speaker_ids, ones, ones):
        for row, length in enumerate(batch.symbol_lengths):
            assert values[row, :length].all()
            assert not values[row, length:].any()


def test_alignments_are_monotonic_and_cover_every_frame():
    batch = a_batch()
    output = a_model()(*batch)
    assert torch.equal(output.durations.sum(1), batch.mel_lengths)
    assert torch.equal(output.hard_alignment.sum(1), output.durations)
    for row, frames in enumerate(batch.mel_lengths):
        path = output.hard_alignment[row, :frames].int().argmax(1)
        assert path.diff().min() >= 0 if frames > 1 else True
        assert not output.hard_alignment[row, frames:].any()
    torch.testing.assert_close(output.attention.sum(2), torch.ones(output.attention.shape[:2]))


def test_voiced_frames_go_to_sounds_and_not_to_the_marks_between_them():
    """Symbol 1 is a mark and 2 the space; two voiced stretches with a pause, as in "Oh, I"."""
    symbols, lengths = torch.tensor([[5, 1, 2, 7]]), torch.tensor([4])
    voiced = torch.tensor([[True] * 8 + [False] * 6 + [True] * 6])
    mel, frames = torch.randn(1, N_MELS, 20), torch.tensor([20])

    def in_marks(penalty):
        torch.manual_seed(0)
        config = TINY.model_copy(update={"mark_penalty": penalty})
        model = FastPitch(config, NUM_SYMBOLS, n_mels=N_MELS, marks=(1,), spaces=(2,)).eval()
        output = model(symbols, lengths, mel, frames, torch.zeros(1, 20), voiced, torch.ones(1, 20), torch.tensor([0]))
        assert not any("is_mark" in name for name in model.state_dict())
        start, _, _, end = output.durations[0].cumsum(0).tolist()
        return int(voiced[0, start : end - int(output.durations[0, 3])].sum()), output.durations[0].tolist()

    assert in_marks(0.0)[0] > 2
    marked, durations = in_marks(50.0)
    assert marked == 0 and durations[0] >= 8 and durations[3] >= 6


def test_training_is_taught_the_recordings_pitch_and_energy():
    model, batch = a_model().eval(), a_batch()
    before = model(*batch).mel
    with torch.no_grad():
        model.pitch_predictor.output.bias.add_(5)
        model.energy_predictor.output.bias.add_(5)
    assert torch.equal(model(*batch).mel, before)
    assert not torch.equal(model(*batch._replace(pitch=batch.pitch + 1)).mel, before)
    assert not torch.equal(model(*batch._replace(energy=batch.energy + 1)).mel, before)


def test_pitch_targets_average_the_voiced_frames_and_energy_targets_all():
    batch = a_batch()
    output = a_model()(*batch)
    inside = output.hard_alignment[0, :, 2]
    voiced = inside & batch.voiced[0]
    assert output.pitch_target[0, 2].item() == pytest.approx(batch.pitch[0, voiced].mean().item(), abs=1e-6)
    assert output.energy_target[0, 2].item() == pytest.approx(batch.energy[0, inside].mean().log1p().item(), abs=1e-6)
    silent = a_model()(*batch._replace(voiced=torch.zeros_like(batch.voiced)))
    assert not silent.pitch_target.any()


def test_fewer_frames_than_symbols_are_refused():
    batch = a_batch()
    with pytest.raises(ValueError, match=r"row 1: 4 frames cannot be aligned to 5 symbols"):
        a_model()(*batch._replace(mel_lengths=torch.tensor([36, 4, 30, 7])))


def test_one_step_changes_every_parameter_and_none_is_nan():
    model, batch = a_model(num_speakers=3), a_batch(num_speakers=3)
    before = {name: value.detach().clone() for name, value in model.named_parameters()}
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    total_loss(model, batch)[0].backward()
    optimizer.step()
    for name, value in model.named_parameters():
        assert value.isfinite().all(), name
        assert not torch.equal(value, before[name]), name
    assert not model.embedding.weight[0].any(), "the padding symbol learned something"


def test_the_gradient_does_not_depend_on_how_the_batch_is_split():
    batch = a_batch()
    whole, parts = a_model(), a_model()
    loss, counts = total_loss(whole, batch)
    loss.backward()
    for start in (0, 2):
        total_loss(parts, batch.rows(start, start + 2), counts=counts)[0].backward()
    for (name, one), two in zip(whole.named_parameters(), parts.parameters(), strict=True):
        torch.testing.assert_close(two.grad, one.grad, atol=2e-6, rtol=1e-4, msg=name)


def test_one_batch_can_be_overfitted():
    model, batch = a_model(), a_batch()
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    history = []
    for _ in range(80):
        terms = fastpitch_losses(
            model(*batch), batch.mel, batch.mel_lengths, batch.symbol_lengths, FastPitchLoss(), 500)
        means = {name: term.sum / term.count for name, term in terms.items()}
        history.append({name: mean.item() for name, mean in means.items()})
        optimizer.zero_grad()
        sum(means.values()).backward()
        optimizer.step()
    for name in ("mel", "duration", "pitch", "energy", "binarization"):
        assert history[-1][name] < 0.2 * history[0][name], name
    assert history[-1]["alignment"] < 0.7 * history[0]["alignment"]


def test_a_batch_of_one_trains():
    model = a_model()
    loss, _ = total_loss(model, a_batch(symbol_lengths=(6,)))
    loss.backward()
    assert loss.isfinite()


def test_bfloat16_autocast_trains_with_a_full_precision_aligner():
    model, batch = a_model(), a_batch()
    with torch.autocast("cpu", torch.bfloat16):
        output = model(*batch)
        loss, _ = total_loss(model, batch)
    reference, _ = total_loss(model, batch)
    assert torch.equal(output.attention_logprob, model(*batch).attention_logprob)
    assert loss.item() == pytest.approx(reference.item(), rel=0.02)
    loss.backward()
    assert all(value.grad.isfinite().all() for value in model.parameters())


def test_speakers_sound_different_and_one_speaker_needs_no_embedding():
    assert a_model(num_speakers=1).speaker_embedding is None
    model, batch = speaking_model(num_speakers=2), a_batch()
    first, second = (model.infer(batch.symbols[:1], batch.symbol_lengths[:1], torch.tensor([speaker]))
                     for speaker in (0, 1))
    default = model.infer(batch.symbols[:1], batch.symbol_lengths[:1])
    assert torch.equal(default.mel, first.mel)
    assert not torch.equal(first.durations, second.durations) or not torch.allclose(first.mel, second.mel)


def controlled(model, **controls):
    batch = a_batch()
    return model.infer(batch.symbols, batch.symbol_lengths, **controls)


def test_speed_two_halves_durations():
    model = speaking_model()
    nn.init.zeros_(model.duration_predictor.output.weight)
    normal, fast = controlled(model), controlled(model, speed=2.0)
    inside = normal.durations > 0
    assert (normal.durations[inside] == 10).all()
    assert (fast.durations[inside] == 5).all()


def test_durations_never_exceed_the_longest_allowed():
    assert controlled(speaking_model(), speed=0.01).durations.max() == TINY.max_duration_frames


@pytest.mark.parametrize("speed", [0.0, -1.0, float("nan")])
def test_a_speed_that_is_not_positive_is_refused(speed):
    with pytest.raises(ValueError, match=r"speed must be positive, found"):
        controlled(speaking_model(), speed=speed)


def test_pitch_controls_act_on_the_predicted_pitch():
    base = controlled(speaking_model(), pitch_scale=1.5, pitch_offset=0.25)
    model = speaking_model()
    with torch.no_grad():
        model.pitch_predictor.output.weight.mul_(1.5)
        model.pitch_predictor.output.bias.mul_(1.5).add_(0.25)
    torch.testing.assert_close(base.mel, controlled(model).mel)
    assert not torch.allclose(base.mel, controlled(speaking_model()).mel, atol=1e-3)


def test_a_pitch_scale_of_zero_makes_the_voice_monotonous():
    model = speaking_model()
    flat = controlled(model, pitch_scale=0.0)
    with torch.no_grad():
        model.pitch_predictor.output.bias.add_(3)
    torch.testing.assert_close(controlled(model, pitch_scale=0.0).mel, flat.mel)


def test_a_text_may_last_no_frame_at_all():
    model = a_model().eval()
    nn.init.constant_(model.duration_predictor.output.bias, -9.0)
    spoken = controlled(model)
    assert spoken.mel.shape == (4, N_MELS, 0)
    assert spoken.mel_lengths.tolist() == [0, 0, 0, 0]


def test_a_row_without_frames_does_not_harm_its_batch():
    model, frames = a_model().eval(), torch.randn(2, 6, 16)
    mel = model.decode(frames, torch.tensor([6, 0]))
    assert not mel[1].any()
    torch.testing.assert_close(mel[:1], model.decode(frames[:1], torch.tensor([6])), atol=1e-5, rtol=0)


def test_energy_can_be_left_out():
    model, batch = speaking_model(TINY.model_copy(update={"energy_predictor": None})), a_batch()
    output = model(*batch)
    assert output.energy is None and output.energy_target is None
    assert not any("energy" in name for name, _ in model.named_parameters())
    assert torch.equal(model(*batch._replace(energy=batch.energy + 1)).mel, output.mel)
    assert controlled(model).mel.isfinite().all()


class Encoder(nn.Module):
    """The first graph of a voice."""

    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, symbols, symbol_lengths, speaker_ids, pitch_scale, pitch_offset):
        return self.model.encode(symbols, symbol_lengths, speaker_ids, pitch_scale, pitch_offset)


class Decoder(nn.Module):
    """The second graph of a voice."""

    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, frames, mel_lengths):
        return self.model.decode(frames, mel_lengths)


def onnx_session(module, arguments, path):
    """Export with every batch axis and every length dynamic."""
    import onnxruntime

    batch, length = torch.export.Dim("batch"), torch.export.Dim("length")
    shapes = tuple({0: batch, 1: length} if value.dim() > 1 else {0: batch} for value in arguments)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter's own, about itself
        torch.onnx.export(module.eval(), arguments, path, dynamo=True, dynamic_shapes=shapes, opset_version=20,
                          external_data=False, verbose=False)
    return onnxruntime.InferenceSession(path)


@pytest.mark.slow
def test_encode_and_decode_export_to_onnx_for_any_batch_and_length(tmp_path):
    model = a_model(num_speakers=3).eval()
    symbols, lengths = torch.randint(1, NUM_SYMBOLS, (2, 7)), torch.tensor([7, 5])
    encoder = onnx_session(
        Encoder(model), (symbols, lengths, torch.tensor([0, 2]), torch.ones(2), torch.zeros(2)), tmp_path / "e.onnx")
    decoder = onnx_session(Decoder(model), (torch.randn(2, 9, 16), torch.tensor([9, 4])), tmp_path / "d.onnx")
    for batch, length in ((1, 1), (3, 13), (2, 40)):
        lengths = torch.randint(1, length + 1, (batch,))
        encoder_inputs = (torch.randint(1, NUM_SYMBOLS, (batch, length)), lengths, torch.randint(0, 3, (batch,)),
                          torch.rand(batch) + 0.5, torch.randn(batch))
        decoder_inputs = (torch.randn(batch, length, 16), lengths)
        with torch.no_grad():
            expected = [*model.encode(*encoder_inputs), model.decode(*decoder_inputs)]
        found = []
        for session, values in ((encoder, encoder_inputs), (decoder, decoder_inputs)):
            names = [node.name for node in session.get_inputs()]
            found += session.run(None, {name: value.numpy() for name, value in zip(names, values, strict=True)})
        for one, two in zip(found, expected, strict=True):
            np.testing.assert_allclose(one, two.numpy(), atol=1e-4, rtol=0)
