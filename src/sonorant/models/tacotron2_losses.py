"""The loss terms of Tacotron 2 (Shen et al. 2018, section 2.2), and two that teach its attention to go forward.

As in `sonorant.models.acoustic_losses`, a term is a sum and the number of things summed; padding is in neither.
"""

import torch
from torch import Tensor
from torch.nn import functional as F

from sonorant.config.recipe import Tacotron2Loss
from sonorant.models.acoustic_losses import LossTerm, squared_error
from sonorant.models.lengths import valid_positions
from sonorant.models.precision import in_float32
from sonorant.models.tacotron2 import Tacotron2Output


def tacotron2_loss_weights(config: Tacotron2Loss, step: int) -> dict[str, float]:
    """Return the weight of each term at an optimiser step; guided attention's falls linearly to 0.

    Example:
        >>> config = Tacotron2Loss(guided_attention=5.0, guided_attention_steps=100)
        >>> tacotron2_loss_weights(config, step=80)["guided_attention"]
        1.0
    """
    names = ("mel", "postnet", "stop", "guided_attention", "monotonicity")
    weights = {name: float(getattr(config, name)) for name in names}
    weights["guided_attention"] *= max(config.guided_attention_steps - step, 0) / config.guided_attention_steps
    return weights


def tacotron2_losses(
    output: Tacotron2Output,
    mel: Tensor,
    mel_lengths: Tensor,
    symbol_lengths: Tensor,
    config: Tacotron2Loss,
    step: int,
) -> dict[str, LossTerm]:
    """Compute every term whose weight at this step is not 0, over valid frames, steps and symbols, in float32.

    Counted are mel values for `mel` and `postnet`, decoder steps for `stop` and `monotonicity`, and pairs of a step and
    a symbol for `guided_attention`.

    Shape:
        mel: (B, n_mels, T), mel_lengths: (B,), symbol_lengths: (B,) -> scalars
    """
    wanted = {name for name, weight in tacotron2_loss_weights(config, step).items() if weight > 0}
    valid = valid_positions(mel_lengths, mel.shape[2]).unsqueeze(1).expand_as(mel)
    terms = {}
    if "mel" in wanted:
        terms["mel"] = squared_error(output.mel, mel, valid)
    if "postnet" in wanted:
        terms["postnet"] = squared_error(output.mel_postnet, mel, valid)
    if "stop" in wanted:
        terms["stop"] = stop_error(output.stop_logits, output.steps)
    if "guided_attention" in wanted:
        width = config.guided_attention_width
        terms["guided_attention"] = guided_attention(output.alignment, output.steps, symbol_lengths, width)
    if "monotonicity" in wanted:
        terms["monotonicity"] = backward_movement(output.alignment, output.steps)
    return terms


@in_float32
def stop_error(logits: Tensor, steps: Tensor) -> LossTerm:
    """Sum the binary cross-entropy of the stop logits; each row's last step is the one to stop at.

    Shape:
        logits: (B, steps), steps: (B,) -> scalars

    Example:
        >>> logits = torch.tensor([[-9.0, 9.0, 0.0]])          # sure of the last step; the third is padding
        >>> stop_error(logits, torch.tensor([2])).sum < 1e-3
        tensor(True)
    """
    valid = valid_positions(steps, logits.shape[1])
    target = F.one_hot(steps - 1, logits.shape[1]).float()
    errors = F.binary_cross_entropy_with_logits(logits, target, reduction="none")
    return LossTerm(errors.masked_fill(~valid, 0.0).sum(), valid.sum())


@in_float32
def guided_attention(alignment: Tensor, steps: Tensor, symbol_lengths: Tensor, width: float) -> LossTerm:
    """Sum the attention, weighed by its distance from the diagonal (Tachibana et al. 2018, section 4.1).

    The weight is 1 - exp(-(s / S - t / T)² / (2 g²)), with each row's own number of symbols S and of steps T.

    Shape:
        alignment: (B, steps, S), steps: (B,), symbol_lengths: (B,) -> scalars

    Example:
        >>> diagonal = torch.eye(3).unsqueeze(0)
        >>> guided_attention(diagonal, torch.tensor([3]), torch.tensor([3]), width=0.2)
        LossTerm(sum=tensor(0.), count=tensor(9))
    """
    _, num_steps, num_symbols = alignment.shape
    device = alignment.device
    of_text = torch.arange(num_symbols, device=device) / symbol_lengths.unsqueeze(1)
    of_speech = torch.arange(num_steps, device=device) / steps.unsqueeze(1)
    distance = of_text.unsqueeze(1) - of_speech.unsqueeze(2)
    penalty = 1 - torch.exp(-distance.square() / (2 * width**2))
    valid_steps, valid_symbols = valid_positions(steps, num_steps), valid_positions(symbol_lengths, num_symbols)
    valid = valid_steps.unsqueeze(2) & valid_symbols.unsqueeze(1)
    return LossTerm((alignment * penalty).masked_fill(~valid, 0.0).sum(), valid.sum())


@in_float32
def backward_movement(alignment: Tensor, steps: Tensor) -> LossTerm:
    """Sum how many symbols the expected position moves back from each step to the next; the first has not moved.

    Shape:
        alignment: (B, steps, S), zero in the padding; steps: (B,) -> scalars

    Example:
        >>> position = torch.nn.functional.one_hot(torch.tensor([[0, 2, 1, 1]]), 3)
        >>> backward_movement(position, torch.tensor([4]))
        LossTerm(sum=tensor(1.), count=tensor(4))
    """
    _, num_steps, num_symbols = alignment.shape
    expected = alignment.float() @ torch.arange(num_symbols, device=alignment.device, dtype=torch.float32)
    valid = valid_positions(steps, num_steps)
    moved_back = F.relu(expected[:, :-1] - expected[:, 1:])
    return LossTerm(moved_back.masked_fill(~valid[:, 1:], 0.0).sum(), valid.sum())
