"""What is added up over frames, steps, samples or layers is added up exactly under autocast."""

import pytest
import torch
from torch import nn

from sonorant.config.models import LocationAttentionConfig, Tacotron2Config, TransformerConfig, WaveglowConfig
from sonorant.models import waveglow_layers
from sonorant.models.lengths import average_by_duration, symbol_of_frame
from sonorant.models.monotonic import monotonic_durations
from sonorant.models.tacotron2_decoder import Decoder
from sonorant.models.transformer import FeedForwardTransformer, LayerNorm
from sonorant.models.waveglow import Waveglow, waveglow_loss

halves = pytest.mark.parametrize("half", [torch.bfloat16, torch.float16], ids=["bf16", "fp16"])
TRANSFORMER = TransformerConfig(num_layers=1, head_channels=4, conv_channels=4)


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)


@halves
@torch.no_grad()
def test_where_the_attention_has_been_is_added_up_in_float32(half: torch.dtype) -> None:
    """Attending to a single symbol adds 1 at each step: bfloat16 stops counting at 256, float16 at 2048."""
    config = Tacotron2Config(
        encoder_channels=2, prenet_channels=(2, 2), attention=LocationAttentionConfig(channels=2, filters=1, kernel=3),
        attention_rnn_channels=2, decoder_rnn_channels=2,
    )  # fmt: skip
    decoder, steps, seen = Decoder(config, 2), 300 if half == torch.bfloat16 else 2100, []
    decoder.attention.register_forward_hook(lambda module, inputs, output: seen.append(inputs[4]))
    memory, valid = torch.randn(1, 1, 2), torch.ones(1, 1, dtype=torch.bool)
    with torch.autocast("cpu", half):
        keys = decoder.attention.keys(memory)
        decoder(memory, keys, valid, torch.zeros(steps, 1, 2), decoder.draw_masks(steps, 1))
    assert torch.stack(seen).flatten().tolist() == list(range(steps))
    assert decoder.attention.initial_alignment(memory.to(half)).dtype == torch.float32


@halves
def test_frames_are_counted_exactly(half: torch.dtype) -> None:
    durations = torch.full((1, 1001), 7)
    values = torch.linspace(0, 1, 7007)[None].to(half)
    with torch.autocast("cpu", half):
        symbols = symbol_of_frame(durations, 7007)
        averages = average_by_duration(values, torch.ones(1, 7007, dtype=torch.bool), durations)
    assert symbols[0].tolist() == [frame // 7 for frame in range(7007)]
    torch.testing.assert_close(averages, values.float().view(1, 1001, 7).mean(2))


@halves
def test_the_best_alignment_is_that_of_the_same_numbers_in_float32(half: torch.dtype) -> None:
    symbols, frames = torch.tensor([7, 4]), torch.tensor([30, 21])
    narrow = (20 * torch.randn(2, 30, 7)).to(half)
    with torch.autocast("cpu", half):
        durations = monotonic_durations(narrow, symbols, frames)
    assert torch.equal(durations, monotonic_durations(narrow.float(), symbols, frames))


@halves
@torch.no_grad()
def test_positions_are_told_apart_far_from_the_start(half: torch.dtype) -> None:
    stack = FeedForwardTransformer(4, TRANSFORMER)
    stack.layers = nn.ModuleList()
    with torch.autocast("cpu", half):
        codes = stack(torch.zeros(1, 5000, 4, dtype=half), torch.ones(1, 5000, dtype=torch.bool))
    assert codes.dtype == torch.float32
    expected = (torch.arange(5000).double() / 100).sin().float()  # channel 1 turns by 1e4^(-2/4) a frame
    torch.testing.assert_close(codes[0, :, 1], expected, rtol=0, atol=1e-5)


@halves
def test_the_inverse_of_a_mixture_is_exact(half: torch.dtype) -> None:
    matrix = torch.randn(8, 8)
    with torch.autocast("cpu", half):
        (inverse,) = waveglow_layers.inverses([matrix])
    torch.testing.assert_close(inverse, torch.linalg.inv(matrix.double()).float(), rtol=1e-6, atol=1e-6)


@halves
@torch.no_grad()
def test_a_likelihood_is_added_up_in_float32(half: torch.dtype) -> None:
    sizes = {"hop_length": 16, "upsample_kernel": 32, "num_flows": 2, "group_size": 4, "wn_layers": 1, "wn_channels": 4}
    network = Waveglow(WaveglowConfig(**sizes), n_mels=3)
    with torch.autocast("cpu", half):
        output = network(torch.randn(1, 3, 300), torch.randn(1, 4800))
        loss = waveglow_loss(output, sigma=1.0)
    assert output.z.dtype == output.log_s_sum.dtype == output.log_det_w.dtype == loss.sum.dtype == torch.float32
    z, log_s_sum, log_det_w = (part.double() for part in output)
    assert loss.sum.item() == pytest.approx((z.square().sum() / 2 - log_s_sum.sum() - log_det_w).item(), rel=1e-5)


@halves
@torch.no_grad()
def test_what_transformer_layers_add_up_to_is_in_float32(half: torch.dtype) -> None:
    stack, seen = FeedForwardTransformer(4, TRANSFORMER).eval(), []
    for module in stack.modules():
        if isinstance(module, LayerNorm):
            module.register_forward_hook(lambda module, inputs, output: seen.append((inputs[0].dtype, output.dtype)))
    with torch.autocast("cpu", half):
        stack(torch.randn(1, 5, 4), torch.ones(1, 5, dtype=torch.bool))
    assert seen == [(torch.float32, torch.float32)] * 2
