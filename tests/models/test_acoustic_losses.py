from dataclasses import replace
from itertools import product

import pytest
import torch

from sonorant.config.recipe import FastPitchLoss
from sonorant.models.acoustic_losses import (
    binarization,
    fastpitch_losses,
    forward_sum,
    loss_weights,
    squared_error,
)
from sonorant.models.fastpitch import FastPitchOutput
from sonorant.models.lengths import valid_positions

SYMBOL_LENGTHS = torch.tensor([4, 2])
MEL_LENGTHS = torch.tensor([9, 5])


def a_batch(seed=0):
    """Two utterances, the second of 2 symbols and 5 frames in a batch of 4 and 9."""
    torch.manual_seed(seed)
    log_probs = torch.randn(2, 9, 4)
    log_probs[1, :, 2:] = -torch.inf
    mel = torch.randn(2, 3, 9)
    output = FastPitchOutput(
        mel=torch.randn(2, 3, 9), log_durations=torch.randn(2, 4), pitch=torch.randn(2, 4), energy=torch.randn(2, 4),
        durations=torch.tensor([[2, 3, 1, 3], [4, 1, 0, 0]]), pitch_target=torch.randn(2, 4),
        energy_target=torch.randn(2, 4), attention_logprob=log_probs.requires_grad_(),
    )
    return output, mel


def one_row(output, row):
    """Cut a row out of a batch, without its padding."""
    symbols, frames = SYMBOL_LENGTHS[row], MEL_LENGTHS[row]
    per_symbol = {name: getattr(output, name)[row : row + 1, :symbols]
                  for name in ("log_durations", "pitch", "energy", "durations", "pitch_target", "energy_target")}
    return FastPitchOutput(
        mel=output.mel[row : row + 1, :, :frames],
        attention_logprob=output.attention_logprob[row : row + 1, :frames, :symbols],
        **per_symbol,
    )


def losses(output, mel, step=500):
    return fastpitch_losses(output, mel, MEL_LENGTHS, SYMBOL_LENGTHS, FastPitchLoss(), step)


def test_every_term_of_a_batch_is_the_sum_of_its_rows_alone():
    output, mel = a_batch()
    together = losses(output, mel)
    assert set(together) == {"mel", "duration", "pitch", "energy", "alignment", "binarization"}
    rows = [
        fastpitch_losses(one_row(output, row), mel[row : row + 1, :, : MEL_LENGTHS[row]], MEL_LENGTHS[row : row + 1],
                         SYMBOL_LENGTHS[row : row + 1], FastPitchLoss(), 500)
        for row in (0, 1)
    ]
    for name, term in together.items():
        torch.testing.assert_close(term.sum, rows[0][name].sum + rows[1][name].sum)
        assert term.count == rows[0][name].count + rows[1][name].count


def test_counts_are_of_valid_things():
    counts = {name: term.count.item() for name, term in losses(*a_batch()).items()}
    assert counts == {"mel": 14 * 3, "duration": 6, "pitch": 6, "energy": 6, "alignment": 2, "binarization": 14}


def test_a_mel_value_of_zero_counts_like_any_other():
    output, mel = a_batch()
    term = losses(replace(output, mel=torch.ones_like(mel)), torch.zeros_like(mel))["mel"]
    assert (term.sum.item(), term.count.item()) == (42, 42)


def test_a_value_in_the_padding_never_counts():
    term = squared_error(torch.tensor([1.0, torch.nan]), torch.tensor([3.0, 0.0]), torch.tensor([True, False]))
    assert (term.sum.item(), term.count.item()) == (4, 1)


def test_the_duration_term_compares_logarithms_of_one_more():
    output, mel = a_batch()
    perfect = replace(output, log_durations=(output.durations + 1).float().log())
    assert losses(perfect, mel)["duration"].sum.item() == pytest.approx(0, abs=1e-10)


def all_paths(log_probs, blank):
    """Add up the probabilities of all CTC labellings that spell 1..S, each symbol once or held, blanks anywhere."""
    num_frames, num_symbols = log_probs.shape
    labels = torch.cat([torch.full((num_frames, 1), blank), log_probs], 1).softmax(1)
    total = 0.0
    for path in product(range(num_symbols + 1), repeat=num_frames):
        held = [label for t, label in enumerate(path) if t == 0 or path[t - 1] != label]
        if [label for label in held if label] == list(range(1, num_symbols + 1)):
            total += torch.stack([labels[t, label] for t, label in enumerate(path)]).prod()
    return -torch.log(total)


def test_the_forward_sum_adds_up_all_monotonic_paths():
    log_probs = torch.randn(2, 5, 3)
    log_probs[1, :, 2] = -torch.inf
    term = forward_sum(log_probs, torch.tensor([3, 2]), torch.tensor([5, 4]), blank_logprob=-1.0)
    expected = all_paths(log_probs[0], -1.0) / 3 + all_paths(log_probs[1, :4, :2], -1.0) / 2
    torch.testing.assert_close(term.sum, expected)
    assert term.count == 2


def test_gradients_are_finite_and_stay_out_of_the_padding():
    output, mel = a_batch()
    sum(term.sum for term in losses(output, mel).values()).backward()
    gradient = output.attention_logprob.grad
    assert gradient is not None and gradient.isfinite().all()
    assert gradient[0].any() and gradient[1, :5, :2].any()
    assert not gradient[1, 5:].any() and not gradient[1, :, 2:].any()


def test_binarization_vanishes_when_the_soft_alignment_is_hard():
    output, _ = a_batch()
    valid = valid_positions(MEL_LENGTHS, 9)
    hard = torch.where(output.hard_alignment, 3.0, -torch.inf)
    assert binarization(hard[:1], output.durations[:1], valid[:1]).sum == 0
    even = binarization(torch.zeros(1, 9, 4), output.durations[:1], valid[:1])
    assert even.sum.item() / even.count.item() == pytest.approx(torch.tensor(4.0).log().item())


@pytest.mark.parametrize(("step", "expected"), [(0, 0.0), (100, 0.0), (125, 1.0), (150, 2.0), (10_000, 2.0)])
def test_binarization_warms_up(step, expected):
    weights = FastPitchLoss(binarization=2.0, binarization_start=100, binarization_warmup=50)
    assert loss_weights(weights, step)["binarization"] == expected


def test_the_other_weights_are_the_settings_at_any_step():
    weights = FastPitchLoss(mel=0.5, duration=0.2, pitch=0.3, energy=0.4, alignment=0.6)
    expected = {"mel": 0.5, "duration": 0.2, "pitch": 0.3, "energy": 0.4, "alignment": 0.6}
    assert {name: weight for name, weight in loss_weights(weights, 7).items() if name != "binarization"} == expected


def test_terms_of_weight_zero_are_left_out():
    output, mel = a_batch()
    assert "binarization" not in losses(output, mel, step=0)
    only_mel = FastPitchLoss(duration=0, pitch=0, energy=0, alignment=0, binarization=0)
    assert set(fastpitch_losses(output, mel, MEL_LENGTHS, SYMBOL_LENGTHS, only_mel, 500)) == {"mel"}


def test_a_model_without_energy_has_no_energy_term():
    output, mel = a_batch()
    assert "energy" not in losses(replace(output, energy=None, energy_target=None), mel)


def test_losses_are_in_full_precision_under_autocast():
    output, mel = a_batch()
    with torch.autocast("cpu", torch.bfloat16):
        cast = losses(output, mel)
    for name, term in losses(output, mel).items():
        assert cast[name].sum.dtype == torch.float32
        assert torch.equal(cast[name].sum, term.sum)
