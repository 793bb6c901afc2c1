import math

import pytest
import torch
from torch.nn import functional as F

from sonorant.config.models import PredictorConfig, TransformerConfig
from sonorant.models.lengths import valid_positions
from sonorant.models.transformer import (
    FeedForwardTransformer,
    Predictor,
    SelfAttention,
    SequenceConv,
    sinusoidal_positions,
)


def count(module):
    return sum(parameter.numel() for parameter in module.parameters())


def test_sequence_conv_is_a_one_dimensional_convolution():
    conv = SequenceConv(6, 4, 5)
    sequence = torch.randn(2, 9, 6)
    expected = F.conv1d(sequence.transpose(1, 2), conv.weight, conv.bias, padding=2).transpose(1, 2)
    torch.testing.assert_close(conv(sequence), expected)


def test_an_even_kernel_is_refused():
    with pytest.raises(ValueError, match=r"kernel must be odd to keep the length, found 4"):
        SequenceConv(1, 1, 4)


def test_positions_follow_the_formula():
    positions = sinusoidal_positions(5000, 8, torch.device("cpu"))
    for position, pair in ((0, 0), (3, 1), (4999, 0), (4999, 3)):
        angle = position / 10000 ** (2 * pair / 8)
        assert positions[position, pair].item() == pytest.approx(math.sin(angle), abs=1e-3)
        assert positions[position, 4 + pair].item() == pytest.approx(math.cos(angle), abs=1e-3)


def test_odd_channels_are_refused():
    with pytest.raises(ValueError, match=r"channels must be even, found 7"):
        FeedForwardTransformer(7, TransformerConfig(num_layers=1))


@pytest.mark.parametrize("num_heads", [1, 2])
def test_attention_follows_the_formula_head_by_head(num_heads):
    attention = SelfAttention(6, num_heads, 4, dropout=0.0)
    sequence = torch.randn(1, 5, 6)
    valid = torch.tensor([[True, True, True, True, False]])
    width = num_heads * 4
    queries, keys, values = attention.queries_keys_values(sequence[0]).split(width, dim=1)
    heads = []
    for head in range(num_heads):
        own = slice(4 * head, 4 * head + 4)
        scores = queries[:, own] @ keys[:4, own].T / math.sqrt(4)
        heads.append(scores.softmax(1) @ values[:4, own])
    expected = torch.cat(heads, 1) @ attention.output.weight.T
    torch.testing.assert_close(attention(sequence, valid)[0], expected)


def test_attention_drops_only_in_training():
    attention = SelfAttention(6, 1, 4, dropout=0.5)
    sequence, valid = torch.randn(1, 50, 6), torch.ones(1, 50, dtype=torch.bool)
    assert not torch.equal(attention(sequence, valid), attention(sequence, valid))
    attention.eval()
    assert torch.equal(attention(sequence, valid), attention(sequence, valid))


def test_a_layer_counts_what_the_formula_says():
    stack = FeedForwardTransformer(384, TransformerConfig(num_layers=1))
    queries_keys_values, output = 384 * 192 + 192, 64 * 384
    convolutions = 384 * 1536 * 3 + 1536 + 1536 * 384 * 3 + 384
    assert count(stack) == queries_keys_values + output + convolutions + 2 * 2 * 384


@pytest.mark.parametrize("num_heads", [1, 2])
def test_padding_neither_gives_nor_takes_in_the_stack(num_heads):
    config = TransformerConfig(num_layers=3, num_heads=num_heads, head_channels=4, conv_channels=16)
    stack = FeedForwardTransformer(8, config).eval()
    sequence, valid = torch.randn(2, 12, 8), valid_positions(torch.tensor([12, 7]), 12)
    together = stack(sequence, valid)
    alone = stack(sequence[1:, :7], valid[1:, :7])
    torch.testing.assert_close(together[1, :7], alone[0], atol=1e-5, rtol=0)
    assert not together[1, 7:].any()


def test_padding_neither_gives_nor_takes_in_a_predictor():
    predictor = Predictor(8, PredictorConfig(num_layers=3, channels=16)).eval()
    sequence, valid = torch.randn(2, 12, 8), valid_positions(torch.tensor([12, 7]), 12)
    together = predictor(sequence, valid)
    alone = predictor(sequence[1:, :7], valid[1:, :7])
    torch.testing.assert_close(together[1, :7], alone[0], atol=1e-5, rtol=0)
    assert not together[1, 7:].any()


def test_positions_tell_equal_symbols_apart():
    stack = FeedForwardTransformer(8, TransformerConfig(num_layers=1, head_channels=4, conv_channels=16)).eval()
    out = stack(torch.zeros(1, 9, 8), torch.ones(1, 9, dtype=torch.bool))
    assert (out[0, 2] - out[0, 6]).abs().max() > 1e-3
