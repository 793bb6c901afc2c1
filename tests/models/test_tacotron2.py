from dataclasses import fields

import pytest
import torch
from tests.models.tacotron2_cases import ATTENTIONS, N_MELS, a_batch, a_config, a_model
from torch import nn

from sonorant.config.models import Tacotron2Config
from sonorant.config.recipe import Tacotron2Loss
from sonorant.models.lengths import valid_positions
from sonorant.models.tacotron2 import Tacotron2
from sonorant.models.tacotron2_losses import tacotron2_loss_weights, tacotron2_losses

LOSS = Tacotron2Loss(monotonicity=0.1)

kinds = pytest.mark.parametrize("attention", ATTENTIONS, ids=lambda attention: attention.kind)


def count(module):
    return sum(parameter.numel() for parameter in module.parameters())


def total_loss(output, batch, step=0):
    terms = tacotron2_losses(output, batch.mel, batch.mel_lengths, batch.symbol_lengths, LOSS, step)
    weights = tacotron2_loss_weights(LOSS, step)
    return sum(weights[name] * term.sum / term.count for name, term in terms.items())


def test_the_default_configuration_counts_the_published_parameters():
    """NVIDIA's Tacotron 2 with 148 symbols."""
    with torch.device("meta"):
        model = Tacotron2(Tacotron2Config(), num_symbols=148)
    assert count(model) == 28_193_153
    assert count(model.embedding) == 75_776
    assert count(model.encoder) == 5_513_728
    assert count(model.decoder) == 18_255_505
    assert count(model.postnet) == 4_348_144


def test_parameters_begin_as_published():
    torch.manual_seed(0)
    model = Tacotron2(Tacotron2Config(prenet_channels=(64, 96), postnet_channels=64), num_symbols=148)

    def is_uniform(weight, bound):
        return weight.abs().max() <= bound and weight.std().item() == pytest.approx(bound / 3**0.5, rel=0.05)

    assert is_uniform(model.embedding.weight, (6 / (148 + 512)) ** 0.5)
    fan = 512 * 5
    assert is_uniform(model.encoder.convs[0].conv.weight, 2**0.5 * (6 / (fan + fan)) ** 0.5)
    assert is_uniform(model.postnet.convs[1].conv.weight, 5 / 3 * (6 / (320 + 320)) ** 0.5)
    assert is_uniform(model.postnet.convs[-1].conv.weight, (6 / (80 * 5 + 64 * 5)) ** 0.5)
    assert is_uniform(model.decoder.prenet.layers[1].weight, (6 / (64 + 96)) ** 0.5)
    assert is_uniform(model.decoder.attention.query.weight, 5 / 3 * (6 / (1024 + 128)) ** 0.5)
    assert is_uniform(model.decoder.mel_projection.weight, (6 / (1536 + 80)) ** 0.5)
    norm = model.encoder.convs[0].norm.weight
    assert 0 <= norm.min() < 0.05 and 0.95 < norm.max() <= 1


@kinds
@pytest.mark.parametrize("reduction_factor", [1, 2, 3])
def test_what_a_row_says_does_not_depend_on_its_batch(attention, reduction_factor):
    config = a_config(attention, prenet_dropout=0.0, reduction_factor=reduction_factor)
    model, batch = a_model(config, num_speakers=3).eval(), a_batch(num_speakers=3)
    together = model(*batch)
    for row in range(3):
        alone = model(*batch.row(row))
        symbols, frames, steps = batch.symbol_lengths[row], batch.mel_lengths[row], alone.steps[0]
        assert steps == together.steps[row] == -(-frames // reduction_factor)
        parts = {"mel": (..., slice(frames)), "mel_postnet": (..., slice(frames)), "stop_logits": slice(steps),
                 "alignment": (slice(steps), slice(symbols))}
        for name, inside in parts.items():
            whole = getattr(together, name)[row]
            torch.testing.assert_close(whole[inside], getattr(alone, name)[0], atol=1e-5, rtol=0, msg=name)
            whole = whole.clone()
            whole[inside] = 0
            assert not whole.any(), f"{name} is not zero in the padding"


def test_the_encoder_does_not_see_the_padding():
    """NVIDIA's does: its convolutions run over the padding symbol's embedding."""
    model, batch = a_model().eval(), a_batch()
    memory, _ = model.encode(batch.symbols, batch.symbol_lengths, batch.speaker_ids)
    other = torch.where(valid_positions(batch.symbol_lengths, 6), batch.symbols, 0)
    assert not torch.equal(other, batch.symbols)
    assert torch.equal(model.encode(other, batch.symbol_lengths, batch.speaker_ids)[0], memory)
    longer = nn.functional.pad(batch.symbols, (0, 5), value=3)
    padded, _ = model.encode(longer, batch.symbol_lengths, batch.speaker_ids)
    torch.testing.assert_close(padded[:, :6], memory, atol=1e-6, rtol=0)
    assert not padded[:, 6:].any()


def test_padding_changes_neither_losses_nor_gradients_nor_statistics_in_training():
    batch = a_batch()
    padded = batch._replace(symbols=nn.functional.pad(batch.symbols, (0, 3), value=2),
                            mel=nn.functional.pad(batch.mel, (0, 4), value=9.0))
    config = a_config(prenet_dropout=0.0, rnn_dropout=0.0)
    one, two = a_model(config), a_model(config)
    for model, utterances in ((one, batch), (two, padded)):
        total_loss(model(*utterances), utterances).backward()
    for (name, a), b in zip(one.named_parameters(), two.parameters(), strict=True):
        torch.testing.assert_close(b.grad, a.grad, atol=1e-5, rtol=1e-4, msg=name)
    for (name, a), b in zip(one.named_buffers(), two.buffers(), strict=True):
        torch.testing.assert_close(b, a, msg=name)


@kinds
def test_stepping_says_what_teacher_forcing_says(attention):
    torch.manual_seed(1)
    model, batch = a_model(a_config(attention, reduction_factor=2), num_speakers=3).eval(), a_batch(num_speakers=3)
    memory, processed = model.encode(batch.symbols, batch.symbol_lengths, batch.speaker_ids)
    valid = valid_positions(batch.symbol_lengths, memory.shape[1])
    torch.manual_seed(2)
    taught = model(*batch)
    torch.manual_seed(2)
    masks = model.decoder.draw_masks(taught.alignment.shape[1], 3).prenet
    state, frame, said, stops = model.initial_state(memory), torch.zeros(3, N_MELS), [], []
    mel = batch.mel.masked_fill(~valid_positions(batch.mel_lengths, batch.mel.shape[2]).unsqueeze(1), 0.0)
    mel = nn.functional.pad(mel, (0, 1))
    for step, mask in enumerate(masks):
        frames, stop, *tensors = model.step(memory, processed, valid, frame, mask, *state)
        state = type(state)(*tensors)
        frame = mel[:, :, 2 * step + 1]
        said.append(frames)
        stops.append(stop)
    inside = valid_positions(batch.mel_lengths, taught.mel.shape[2]).unsqueeze(1)
    torch.testing.assert_close(torch.cat(said, 2)[:, :, : taught.mel.shape[2]] * inside, taught.mel)
    torch.testing.assert_close(torch.stack(stops, 1) * valid_positions(taught.steps, len(stops)), taught.stop_logits)
    torch.testing.assert_close(state.cumulative.sum(1), torch.full((3,), float(len(masks))))
    torch.testing.assert_close(model.postnet(taught.mel, batch.mel_lengths), taught.mel_postnet)


def test_the_prenet_never_stops_dropping_and_the_seed_decides_what():
    model, batch = a_model().eval(), a_batch()
    mels = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        mels.append(model(*batch).mel)
    assert torch.equal(mels[0], mels[1])
    assert not torch.allclose(mels[0], mels[2], atol=1e-3)


def test_the_frame_before_a_step_is_the_last_of_the_group_before():
    model, batch = a_model(a_config(reduction_factor=3, prenet_dropout=0.0)).eval(), a_batch()
    before = model(*batch).mel
    for frame, changes in ((2, True), (3, False)):
        mel = batch.mel.clone()
        mel[0, :, frame] += 1
        after = model(*batch._replace(mel=mel)).mel
        assert torch.equal(after[:, :, :3], before[:, :, :3])
        assert (not torch.allclose(after[0, :, 3:6], before[0, :, 3:6], atol=1e-4)) == changes


@kinds
def test_every_parameter_learns(attention):
    model, batch = a_model(a_config(attention), num_speakers=3), a_batch(num_speakers=3)
    total_loss(model(*batch), batch).backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None and parameter.grad.isfinite().all(), name
        # A bias before a batch normalisation is subtracted again.
        assert parameter.grad.any() or name.endswith("conv.bias"), name


@kinds
def test_one_batch_can_be_overfitted(attention):
    sizes = {"attention_rnn_channels": 32, "decoder_rnn_channels": 32}
    config = a_config(attention, prenet_dropout=0.0, rnn_dropout=0.0, **sizes)
    model, batch = a_model(config), a_batch((4, 3))
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    losses = []
    for _ in range(60):
        loss = total_loss(model(*batch), batch)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.25 * losses[0]


@pytest.mark.parametrize("symbols", [5, 1])
def test_a_batch_of_one_trains(symbols):
    """NVIDIA's squeezes the batch away and fails."""
    batch = a_batch((symbols,))
    model = a_model()
    output = model(*batch)
    assert output.stop_logits.shape == (1, 3 * symbols)
    loss = total_loss(output, batch)
    loss.backward()
    assert loss.isfinite() and all(value.grad.isfinite().all() for value in model.parameters())


def test_one_symbol_of_one_frame_trains():
    batch = a_batch((1,))
    batch = batch._replace(mel=batch.mel[:, :, :1], mel_lengths=torch.tensor([1]))
    model = a_model()
    total_loss(model(*batch), batch).backward()
    assert all(value.grad.isfinite().all() for value in model.parameters())


@kinds
def test_bfloat16_autocast_trains_with_a_full_precision_attention(attention):
    config = a_config(attention, prenet_dropout=0.0, rnn_dropout=0.0)
    batch = a_batch()
    half, full = a_model(config), a_model(config)
    with torch.autocast("cpu", torch.bfloat16):
        output = half(*batch)
    loss, reference = total_loss(output, batch), total_loss(full(*batch), batch)
    assert output.mel.dtype == torch.bfloat16 and output.alignment.dtype == torch.float32
    torch.testing.assert_close(output.alignment.sum(2)[0], torch.ones(18))
    assert loss.item() == pytest.approx(reference.item(), rel=0.05)
    loss.backward()
    reference.backward()
    for name in ("decoder.attention_rnn.weight_hh", "decoder.attention.query.weight", "embedding.weight"):
        one, two = half.get_parameter(name).grad, full.get_parameter(name).grad
        assert one.dtype == torch.float32
        assert nn.functional.cosine_similarity(one.flatten(), two.flatten(), dim=0) > 0.98, name


def test_speakers_sound_different_and_one_speaker_needs_no_embedding():
    assert a_model(num_speakers=1).speaker_embedding is None
    model, batch = a_model(num_speakers=2).eval(), a_batch()
    memories = [model.encode(batch.symbols, batch.symbol_lengths, torch.full((3,), speaker))[0] for speaker in (0, 1)]
    difference = memories[1] - memories[0]
    expected = model.speaker_embedding.weight[1] - model.speaker_embedding.weight[0]
    torch.testing.assert_close(difference[0], expected.expand(6, -1), atol=1e-6, rtol=0)
    assert not difference[2, 1:].any(), "the padding has a speaker"


@kinds
def test_each_valid_step_attends_to_its_own_symbols(attention):
    batch = a_batch()
    output = a_model(a_config(attention))(*batch)
    inside = valid_positions(output.steps, output.alignment.shape[1])
    torch.testing.assert_close(output.alignment.sum(2), inside.float())
    assert not output.alignment[2, :, 1:].any()


def test_the_output_names_its_shapes():
    output = a_model(a_config(reduction_factor=2))(*a_batch((3, 2)))
    shapes = {field.name: tuple(getattr(output, field.name).shape) for field in fields(output)}
    assert shapes == {"mel": (2, N_MELS, 9), "mel_postnet": (2, N_MELS, 9), "stop_logits": (2, 5),
                      "alignment": (2, 5, 3), "steps": (2,)}
