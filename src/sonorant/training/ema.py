"""An exponential moving average of a network's weights."""

import copy

import torch
from torch import nn


class Ema:
    """Keeps a copy of a network whose weights are the average of the network's past weights.

    The decay of update n is min(decay, (1 + n) / (10 + n)): the average forgets the random weights of the beginning
    at once and reaches its full memory later.

    Attributes:
        network: The averaged copy, in evaluation mode; it takes no gradients.
        updates: How often the average has been moved.
    """

    def __init__(self, network: nn.Module, decay: float) -> None:
        self.network = copy.deepcopy(network).eval().requires_grad_(False)
        self.decay = decay
        self.updates = 0

    @torch.no_grad()
    def update(self, network: nn.Module) -> None:
        """Move the average towards the network's present weights and statistics; counters are copied.

        Statistics of batch normalisation are averaged like the weights, because what an average of weights computes
        lags behind the present network as much as the average does.
        """
        decay = min(self.decay, (1 + self.updates) / (10 + self.updates))
        for average, parameter in zip(self.network.parameters(), network.parameters(), strict=True):
            average.lerp_(parameter, 1 - decay)
        for statistic, buffer in zip(self.network.buffers(), network.buffers(), strict=True):
            if statistic.is_floating_point():
                statistic.lerp_(buffer, 1 - decay)
            else:
                statistic.copy_(buffer)
        self.updates += 1
