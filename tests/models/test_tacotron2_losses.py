import math

import pytest
import torch

from sonorant.config.recipe import Tacotron2Loss
from sonorant.models.tacotron2 import Tacotron2Output
from sonorant.models.tacotron2_losses import (
    backward_movement,
    guided_attention,
    stop_error,
    tacotron2_loss_weights,
    tacotron2_losses,
)

MEL_LENGTHS, SYMBOL_LENGTHS = torch.tensor([8, 5]), torch.tensor([5, 2])
ALL = Tacotron2Loss(monotonicity=1.0)


def an_output(padding=0.0):
    """What a model with two frames a step might say; `padding` fills what nobody should look at."""
    torch.manual_seed(0)
    steps = torch.tensor([4, 3])
    alignment = torch.rand(2, 4, 5)
    alignment[1, :, 2:] = 0
    alignment = alignment / alignment.sum(2, keepdim=True)
    output = Tacotron2Output(torch.randn(2, 3, 8), torch.randn(2, 3, 8), torch.randn(2, 4), alignment, steps)
    for values in (output.mel, output.mel_postnet):
        values[1, :, 5:] = padding
    output.stop_logits[1, 3:] = padding
    output.alignment[1, 3:] = padding
    return output


def test_padding_is_in_no_sum_and_no_count():
    """NVIDIA's losses are means over the padding too."""
    mel = torch.randn(2, 3, 8)
    clean = tacotron2_losses(an_output(), mel, MEL_LENGTHS, SYMBOL_LENGTHS, ALL, step=0)
    mel[1, :, 5:] = 7
    dirty = tacotron2_losses(an_output(padding=9.0), mel, MEL_LENGTHS, SYMBOL_LENGTHS, ALL, step=0)
    assert set(clean) == {"mel", "postnet", "stop", "guided_attention", "monotonicity"}
    for name, term in clean.items():
        assert torch.equal(term.sum, dirty[name].sum), name
    counts = {name: term.count.item() for name, term in dirty.items()}
    assert counts == {"mel": 39, "postnet": 39, "stop": 7, "guided_attention": 4 * 5 + 3 * 2, "monotonicity": 7}


def test_a_batch_is_the_sum_of_its_rows():
    output, mel = an_output(), torch.randn(2, 3, 8)
    together = tacotron2_losses(output, mel, MEL_LENGTHS, SYMBOL_LENGTHS, ALL, step=0)
    rows = []
    for row, (steps, symbols, frames) in enumerate(((4, 5, 8), (3, 2, 5))):
        own = slice(row, row + 1)
        alone = Tacotron2Output(output.mel[own, :, :frames], output.mel_postnet[own, :, :frames],
                                output.stop_logits[own, :steps], output.alignment[own, :steps, :symbols],
                                output.steps[own])
        rows.append(tacotron2_losses(alone, mel[own, :, :frames], MEL_LENGTHS[own], SYMBOL_LENGTHS[own], ALL, step=0))
    for name, term in together.items():
        torch.testing.assert_close(rows[0][name].sum + rows[1][name].sum, term.sum, msg=name)
        assert rows[0][name].count + rows[1][name].count == term.count, name


def test_mel_terms_are_squared_errors():
    output, mel = an_output(), torch.randn(2, 3, 8)
    terms = tacotron2_losses(output, mel, torch.tensor([8, 8]), SYMBOL_LENGTHS, ALL, step=0)
    for name, predicted in (("mel", output.mel), ("postnet", output.mel_postnet)):
        torch.testing.assert_close(terms[name].sum / terms[name].count, (predicted - mel).square().mean())


def test_the_last_step_of_each_row_is_the_one_to_stop_at():
    logits = torch.tensor([[-1.0, -2.0, 3.0], [-1.0, 3.0, 5.0]])
    term = stop_error(logits, torch.tensor([3, 2]))

    def surprise(logit, target):
        return -math.log(1 / (1 + math.exp(-logit if target else logit)))

    expected = surprise(-1, 0) + surprise(-2, 0) + surprise(3, 1) + surprise(-1, 0) + surprise(3, 1)
    assert term.sum.item() == pytest.approx(expected, rel=1e-5)
    assert term.count == 5


def test_guided_attention_is_the_papers_formula():
    """Tachibana et al. 2018, section 4.1: 3 steps, 2 symbols, g = 0.3."""
    alignment = torch.tensor([[[0.9, 0.1], [0.4, 0.6], [0.2, 0.8]]])
    expected = sum(
        alignment[0, t, s].item() * (1 - math.exp(-((s / 2 - t / 3) ** 2) / (2 * 0.3**2)))
        for t in range(3) for s in range(2)
    )  # fmt: skip
    term = guided_attention(alignment, torch.tensor([3]), torch.tensor([2]), width=0.3)
    assert term.sum.item() == pytest.approx(expected, rel=1e-5)
    assert term.count == 6


def test_guided_attention_prefers_the_diagonal():
    steps, symbols = torch.tensor([6]), torch.tensor([6])
    diagonal, reversed_, flat = torch.eye(6), torch.eye(6).flip(0), torch.full((6, 6), 1 / 6)
    errors = [guided_attention(a.unsqueeze(0), steps, symbols, 0.2).sum for a in (diagonal, flat, reversed_)]
    assert errors[0] == 0
    assert 0 < errors[1] < errors[2]


def test_only_backward_movement_counts():
    def path(*symbols):
        return torch.nn.functional.one_hot(torch.tensor([symbols]), 6)

    steps = torch.tensor([5])
    assert backward_movement(path(0, 1, 1, 3, 5), steps).sum == 0
    assert backward_movement(path(0, 4, 1, 3, 2), steps).sum == 4
    assert backward_movement(path(0, 4, 1, 3, 2), torch.tensor([2])).sum == 0
    assert backward_movement(path(3), torch.tensor([1])) == (0, 1)


def test_a_weight_of_nothing_costs_nothing():
    config = Tacotron2Loss(mel=0.0, guided_attention_steps=100)
    output, mel = an_output(), torch.randn(2, 3, 8)
    for step, names in ((99, {"postnet", "stop", "guided_attention"}), (100, {"postnet", "stop"})):
        assert set(tacotron2_losses(output, mel, MEL_LENGTHS, SYMBOL_LENGTHS, config, step)) == names


def test_guided_attention_fades_linearly():
    config = Tacotron2Loss(guided_attention=4.0, guided_attention_steps=200)
    weights = [tacotron2_loss_weights(config, step)["guided_attention"] for step in (0, 50, 200, 1000)]
    assert weights == [4.0, 3.0, 0.0, 0.0]
    assert tacotron2_loss_weights(config, 0)["mel"] == 1.0
