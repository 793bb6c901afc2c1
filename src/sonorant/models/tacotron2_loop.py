"""What a recurrent loop over many steps needs to train fast: products whose weight gradients wait for its end.

Left to itself, autograd adds to the gradient of a weight at every step at which the weight is used. For a recurrent
weight of six million values and 400 steps that is most of the work, all of it memory traffic. The sum over steps is one
product of matrices; it only takes to remember what went in at each step, and to wait until the gradients of what came
out are known for all of them.
"""

from typing import Any

import torch
from torch import Tensor, nn


class LoopProduct:
    """A product with one matrix at each step of a loop, added to a term that is known beforehand.

    Calls must come in the order of the steps, each step once.

    Args:
        weight: One matrix for all rows, or one for each.
        terms: What is added at each step; the products are computed in its precision.

    Shape:
        weight: (I, O) or (B, I, O), terms: (T, B, O)

    Example:
        >>> weight = torch.tensor([[2.0]], requires_grad=True)
        >>> times_two = LoopProduct(weight, terms=torch.zeros(3, 1, 1))
        >>> value = torch.ones(1, 1)
        >>> for _ in range(3):
        ...     value = times_two(value)
        >>> value.backward()                                 # the third power
        >>> value.item(), weight.grad.item()
        (8.0, 12.0)
    """

    def __init__(self, weight: Tensor, terms: Tensor) -> None:
        self._weight = weight.detach().to(terms.dtype)
        self._inputs: list[Tensor] = []
        self._remember = torch.is_grad_enabled() and weight.requires_grad
        tapped: Tensor = _WeightGradient.apply(terms, weight, self._inputs) if self._remember else terms  # type: ignore[no-untyped-call]
        # Not an index per step, whose gradient would be as large as all terms.
        self._terms = iter(tapped.unbind(0))

    def __call__(self, inputs: Tensor) -> Tensor:
        """Multiply at the next step: (B, I) -> (B, O)."""
        inputs = inputs.to(self._weight.dtype)
        if self._remember:
            self._inputs.append(inputs.detach())
        term = next(self._terms)
        if self._weight.dim() == 2:
            return torch.addmm(term, inputs, self._weight)
        return torch.baddbmm(term.unsqueeze(1), inputs.unsqueeze(1), self._weight).squeeze(1)


class _WeightGradient(torch.autograd.Function):
    """Hands the terms of a `LoopProduct` on, and makes the weight's gradient when theirs are complete."""

    @staticmethod
    def forward(ctx: Any, terms: Tensor, weight: Tensor, inputs: list[Tensor]) -> Tensor:
        ctx.inputs = inputs
        ctx.weight_dim, ctx.weight_dtype = weight.dim(), weight.dtype
        return terms.view_as(terms)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor, None]:
        (gradient,) = gradients
        inputs = torch.stack(ctx.inputs)
        if ctx.weight_dim == 2:
            weight_gradient = inputs.flatten(0, 1).T @ gradient.flatten(0, 1)
        else:
            weight_gradient = inputs.permute(1, 2, 0) @ gradient.transpose(0, 1)
        return gradient, weight_gradient.to(ctx.weight_dtype), None


def input_terms(cell: nn.LSTMCell, inputs: Tensor) -> Tensor:
    """Compute what the first channels of an LSTM's inputs, known for all steps, add to its gates.

    Shape:
        inputs: (T, B, I), I at most the cell's -> (T, B, 4 H)
    """
    return nn.functional.linear(inputs, cell.weight_ih[:, : inputs.shape[2]], cell.bias_ih + cell.bias_hh)


def update(gates: Tensor, cell: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor]:
    """Step an LSTM whose gates are known, in float32; a dropout mask, already scaled, falls on its hidden state.

    Shape:
        gates: (B, 4 H), before their activations, in torch's order; cell, mask: (B, H) -> hidden, cell: (B, H)
    """
    keep_in, keep_old, candidate, keep_out = gates.float().chunk(4, dim=1)
    cell = keep_old.sigmoid() * cell + keep_in.sigmoid() * candidate.tanh()
    hidden = keep_out.sigmoid() * cell.tanh()
    return (hidden if mask is None else hidden * mask), cell
