import math

import pytest
import torch
from tests.models.tacotron2_cases import ATTENTIONS, DYNAMIC, LOCATION
from torch import nn
from torch.nn import functional as F

from sonorant.config.models import DynamicConvolutionAttentionConfig, LocationAttentionConfig
from sonorant.models.attention import (
    DynamicConvolutionAttention,
    LocationSensitiveAttention,
    beta_binomial,
    make_attention,
)

VALID = torch.tensor([[True] * 7, [True] * 4 + [False] * 3])

kinds = pytest.mark.parametrize("config", ATTENTIONS, ids=lambda config: config.kind)


def a_case(config, seed=0):
    """An attention, and what it is given: projected query, keys, valid, alignment, cumulative."""
    torch.manual_seed(seed)
    attention = make_attention(config, query_channels=5, memory_channels=6)
    alignment = torch.rand(2, 7).masked_fill(~VALID, 0)
    alignment = alignment / alignment.sum(1, keepdim=True)
    keys = attention.keys(torch.randn(2, 7, 6))
    return attention, (attention.query(torch.randn(2, 5)), keys, VALID, alignment, 2 * alignment)


def test_a_config_names_its_attention():
    assert isinstance(make_attention(LOCATION, 5, 6), LocationSensitiveAttention)
    assert isinstance(make_attention(DYNAMIC, 5, 6), DynamicConvolutionAttention)


def test_the_published_sizes():
    """128 x (1024 + 512 + 1) for query, memory and energy, 32 x 2 x 31 + 128 x 32 for the location."""
    attention = make_attention(LocationAttentionConfig(), 1024, 512)
    assert sum(value.numel() for value in attention.parameters()) == 128 * (1024 + 512 + 1) + 1984 + 4096
    attention = make_attention(DynamicConvolutionAttentionConfig(), 1024, 512)
    dynamic = 1025 * 128 + 128 * 8 * 21 + 8 * 128 + 128
    assert sum(value.numel() for value in attention.parameters()) == dynamic + 8 * 21 + 8 * 128 + 128


@kinds
def test_attention_is_shared_among_valid_symbols(config):
    attention, inputs = a_case(config)
    alignment = attention(*inputs)
    torch.testing.assert_close(alignment.sum(1), torch.ones(2))
    assert (alignment[VALID] > 0).all() and not alignment[~VALID].any()


@kinds
def test_padding_does_not_change_a_row(config):
    attention, inputs = a_case(config)
    alone = attention(*(value[1:, :4] if value.dim() > 1 and value.shape[1] == 7 else value[1:] for value in inputs))
    torch.testing.assert_close(attention(*inputs)[1, :4], alone[0])


@kinds
def test_a_window_may_narrow_the_attention(config):
    attention, (query, keys, _, alignment, cumulative) = a_case(config)
    window = torch.zeros_like(VALID)
    window[:, 2:4] = True
    attended = attention(query, keys, window, alignment, cumulative)
    torch.testing.assert_close(attended[:, 2:4].sum(1), torch.ones(2))


@kinds
def test_energies_stay_in_full_precision(config):
    attention, inputs = a_case(config)
    expected = attention(*inputs)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(attention(*inputs), expected)


def test_location_sensitive_energies_are_those_of_the_paper():
    """Chorowski et al. 2015, equation 9, written out."""
    attention, (query, keys, _, alignment, cumulative) = a_case(LOCATION)
    energies = attention.energies(query, keys, alignment, cumulative)
    before = F.pad(torch.stack([alignment, cumulative], 1), (2, 2))
    for row, symbol in ((0, 0), (0, 6), (1, 3)):
        features = (attention.location_conv.weight * before[row, :, symbol : symbol + 5]).sum((1, 2))
        location = attention.location_projection.weight @ features
        expected = attention.energy.weight @ torch.tanh(query[row] + keys[row, symbol] + location)
        torch.testing.assert_close(energies[row, symbol], expected[0])


def test_dynamic_convolution_energies_are_those_of_the_paper():
    """Battenberg et al. 2019, section 2.3, written out with one convolution per row."""
    attention, (query, keys, _, alignment, cumulative) = a_case(DYNAMIC)
    energies = attention.energies(query, keys, alignment, cumulative)
    filters = attention.dynamic_filters(query.tanh()).view(2, 7, 2)
    for row in range(2):
        before = alignment[row].view(1, 1, 7)
        static = F.conv1d(before, attention.static_conv.weight, padding=2)[0].T @ attention.static_projection.weight.T
        dynamic = attention.dynamic_projection(F.conv1d(before, filters[row].T.unsqueeze(1), padding=3)[0].T)
        scores = torch.tanh(static + dynamic) @ attention.energy.weight[0]
        prior = [
            sum(beta_binomial(3, 0.1, 0.9)[k] * alignment[row, symbol - k] for k in range(min(symbol, 3) + 1))
            for symbol in range(7)
        ]
        expected = scores + torch.stack(prior).clamp(min=1e-6).log()
        torch.testing.assert_close(energies[row], expected)


def test_dynamic_convolution_attention_moves_forward_before_it_learned_anything():
    config = DynamicConvolutionAttentionConfig()
    attention = make_attention(config, 5, 6)
    nn.init.zeros_(attention.energy.weight)
    alignment = attention.initial_alignment(torch.zeros(1, 60, 6))
    assert alignment[0].tolist() == [1.0] + [0.0] * 59
    nothing, valid = torch.zeros(1, 128), torch.ones(1, 60, dtype=torch.bool)
    positions = []
    for _ in range(30):
        alignment = attention(nothing, attention.keys(torch.zeros(1, 60, 6)), valid, alignment, alignment)
        positions.append((alignment @ torch.arange(60.0)).item())
    assert positions == sorted(positions)
    assert positions[-1] == pytest.approx(30, rel=0.05), "one symbol a step: (11 - 1) * 0.1 / (0.1 + 0.9)"


def test_attention_that_was_nowhere_floors_the_prior():
    attention, (query, keys, _, alignment, _) = a_case(DYNAMIC)
    nn.init.zeros_(attention.energy.weight)
    energies = attention.energies(query, keys, F.one_hot(torch.tensor([3, 3]), 7).float(), alignment)
    assert energies[0, :3].tolist() == pytest.approx([math.log(1e-6)] * 3)


def test_a_beta_binomial_has_the_mean_of_its_formula():
    probabilities = beta_binomial(10, 0.1, 0.9)
    assert probabilities.sum().item() == pytest.approx(1)
    assert (probabilities @ torch.arange(11.0)).item() == pytest.approx(10 * 0.1 / (0.1 + 0.9))


def test_location_sensitive_attention_starts_nowhere():
    assert not make_attention(LOCATION, 5, 6).initial_alignment(torch.ones(2, 7, 6)).any()
