import pytest
import torch
from torch import nn

from sonorant.training.ema import Ema


def test_the_average_of_constant_weights_is_these_weights() -> None:
    network = nn.Linear(3, 2)
    ema = Ema(network, 0.9)
    for _ in range(5):
        ema.update(network)
    assert torch.allclose(ema.network.weight, network.weight)


def test_the_average_moves_by_its_decay() -> None:
    network = nn.Linear(1, 1, bias=False)
    nn.init.zeros_(network.weight)
    ema = Ema(network, 0.75)
    ema.updates = 1000  # far beyond the beginning, where the decay is smaller
    nn.init.ones_(network.weight)
    ema.update(network)
    assert ema.network.weight.item() == pytest.approx(0.25)
    ema.update(network)
    assert ema.network.weight.item() == pytest.approx(1 - 0.75**2)


def test_the_random_start_is_forgotten_within_a_few_updates() -> None:
    network = nn.Linear(1, 1, bias=False)
    nn.init.constant_(network.weight, 100.0)
    ema = Ema(network, 0.999)
    nn.init.ones_(network.weight)
    for _ in range(20):
        ema.update(network)
    assert ema.network.weight.item() == pytest.approx(1.0, abs=0.01)  # with a fixed decay it would be 98


def test_the_average_takes_no_gradient_and_drops_nothing_out() -> None:
    ema = Ema(nn.Sequential(nn.Linear(2, 2), nn.Dropout(0.5)), 0.9)
    assert not ema.network.training
    assert not any(parameter.requires_grad for parameter in ema.network.parameters())


def test_statistics_are_those_of_what_the_averaged_weights_compute() -> None:
    generator = torch.Generator().manual_seed(0)
    inputs = torch.randn(64, 3, generator=generator) + 2
    network = nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2, momentum=1.0))  # statistics of the last batch alone
    network(inputs)
    ema = Ema(network, 0.9)
    ema.updates = 1000
    for _ in range(5):
        with torch.no_grad():
            network[0].weight.add_(torch.randn(2, 3, generator=generator))
        network(inputs)
        ema.update(network)
    mean = ema.network[0](inputs).mean(0)
    torch.testing.assert_close(ema.network[1].running_mean, mean)
    assert not torch.allclose(network[1].running_mean, mean, atol=0.1)


def test_counters_and_constants_stay_what_they_are() -> None:
    network = nn.Sequential(nn.BatchNorm1d(2))
    network.register_buffer("window", torch.hann_window(16))
    ema = Ema(network, 0.9)
    for _ in range(3):
        network(torch.randn(8, 2))
        ema.update(network)
    assert ema.network[0].num_batches_tracked == 3
    assert torch.equal(ema.network.window, network.window)
