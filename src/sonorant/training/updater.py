"""The last third of a training step: gradients are checked, clipped and applied."""

from collections.abc import Iterable, Mapping

import torch
from torch import Tensor, nn
from torch.amp import GradScaler
from torch.optim import Adam, AdamW, Optimizer

from sonorant.config import OptimizerConfig
from sonorant.training.lamb import Lamb
from sonorant.training.processes import Processes


class NonFinite(Exception):
    """A loss or a gradient norm is NaN or infinite; `quantity` names it with its value."""

    def __init__(self, quantity: str) -> None:
        super().__init__(quantity)
        self.quantity = quantity


class Updater:
    """One network with its optimiser.

    Args:
        name: Of the network, for messages.
        network: What is updated.
        config: The optimiser.
        processes: Those that train the same network.
        scaler: Of the losses; it does nothing in any precision but fp16.
    """

    def __init__(
        self, name: str, network: nn.Module, config: OptimizerConfig, processes: Processes, scaler: GradScaler
    ) -> None:
        self.name = name
        self.parameters = list(network.parameters())
        self.config = config
        self.processes = processes
        self.scaler = scaler
        self.optimizer = make_optimizer(self.parameters, config)

    def apply(self, losses: Mapping[str, Tensor], learning_rate_factor: float) -> tuple[dict[str, Tensor], Tensor]:
        """Update the network with the gradients that the processes hold, and clear them.

        The check for finite numbers waits for the device once per update.

        Args:
            losses: This process's part of what the gradients belong to; a value that is not finite stops the update.
            learning_rate_factor: Multiplies the optimiser's learning rate in this step.

        Returns:
            The losses, added over the processes, and the norm of the gradients before clipping. Under fp16 a norm that
            is not finite means that the step was skipped and that the scale of the losses falls.

        Raises:
            NonFinite: A loss or the gradient norm is not finite; the network is as it was.
        """
        totals = self._total(losses)
        self.processes.sum_gradients(self.parameters)
        self.scaler.unscale_(self.optimizer)
        gradients = [parameter.grad for parameter in self.parameters if parameter.grad is not None]
        norm = nn.utils.get_total_norm(gradients)
        if not self.scaler.is_enabled():
            check_finite({**totals, f"gradient norm of the {self.name}": norm})
        if self.config.clip_norm is not None:
            nn.utils.clip_grads_with_norm_(self.parameters, self.config.clip_norm, norm)
        for group in self.optimizer.param_groups:
            group["lr"] = self.config.learning_rate * learning_rate_factor
        self.scaler.step(self.optimizer)
        self.optimizer.zero_grad(set_to_none=True)
        return totals, norm

    def _total(self, losses: Mapping[str, Tensor]) -> dict[str, Tensor]:
        if not losses:
            return {}
        values = self.processes.sum(torch.stack([loss.detach().float() for loss in losses.values()]))
        return dict(zip(losses, values, strict=True))


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
