"""The last third of a training step: gradients are checked, clipped and applied."""

from collections.abc import Iterable, Mapping

import torch
from torch import Tensor, nn
from torch.optim import Adam, AdamW, Optimizer

from sonorant.config import OptimizerConfig
from sonorant.training.lamb import Lamb


class NonFinite(Exception):
    """A loss or a gradient norm is NaN or infinite; `quantity` names it with its value."""

    def __init__(self, quantity: str) -> None:
        super().__init__(quantity)
        self.quantity = quantity


class Updater:
    """One network with its optimiser."""

    def __init__(self, name: str, network: nn.Module, config: OptimizerConfig) -> None:
        self.name = name
        self.parameters = list(network.parameters())
        self.config = config
        self.optimizer = make_optimizer(self.parameters, config)

    def apply(self, losses: Mapping[str, Tensor], learning_rate_factor: float) -> Tensor:
        """Update the network with the gradients it holds, clear them, and return their norm before clipping.

        The check for finite numbers waits for the device once per update.

        Args:
            losses: What the gradients belong to; a value that is not finite stops the update.
            learning_rate_factor: Multiplies the optimiser's learning rate in this step.

        Raises:
            NonFinite: A loss or the gradient norm is not finite; the network is as it was.
        """
        gradients = [parameter.grad for parameter in self.parameters if parameter.grad is not None]
        norm = nn.utils.get_total_norm(gradients)
        check_finite({**losses, f"gradient norm of the {self.name}": norm})
        if self.config.clip_norm is not None:
            nn.utils.clip_grads_with_norm_(self.parameters, self.config.clip_norm, norm)
        for group in self.optimizer.param_groups:
            group["lr"] = self.config.learning_rate * learning_rate_factor
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        return norm


def make_optimizer(parameters: Iterable[Tensor], config: OptimizerConfig) -> Optimizer:
    """Return the optimiser that a recipe names."""
    rate, decay = config.learning_rate, config.weight_decay
    match config.kind:
        case "adam":
            return Adam(parameters, rate, config.betas, config.epsilon, decay)
        case "adamw":
            return AdamW(parameters, rate, config.betas, config.epsilon, decay)
        case "lamb":
            return Lamb(parameters, rate, config.betas, config.epsilon, decay)


def check_finite(quantities: Mapping[str, Tensor]) -> None:
    """Stop at a number that is NaN or infinite.

    Raises:
        NonFinite: At least one is; the first is named.
    """
    values = torch.stack([value.detach().float() for value in quantities.values()])
    if bool(torch.isfinite(values).all()):
        return
    name, value = next((name, value.item()) for name, value in quantities.items() if not torch.isfinite(value))
    raise NonFinite(f"{name} = {value}")
