import pytest
import torch
from tests.models.tacotron2_cases import ATTENTIONS, N_MELS, a_config
from tools.bench_tacotron2_decoder import plain_forward
from torch import nn

from sonorant.models.tacotron2_decoder import Decoder, DecoderState
from sonorant.models.tacotron2_loop import LoopProduct, update

STEPS, ROWS, SYMBOLS = 9, 3, 6


def a_case(config, dtype=torch.float32):
    """A decoder in training, and what it is given: memory, keys, valid, frames, masks."""
    torch.manual_seed(0)
    decoder = Decoder(config, N_MELS).to(dtype)
    memory = torch.randn(ROWS, SYMBOLS, config.encoder_channels, dtype=dtype, requires_grad=True)
    valid = torch.arange(SYMBOLS) < torch.tensor([[6], [4], [1]])
    frames = torch.randn(STEPS, ROWS, N_MELS, dtype=dtype, requires_grad=True)
    return decoder, (memory, decoder.attention.keys(memory), valid, frames, decoder.draw_masks(STEPS, ROWS))


def run(forward, decoder, inputs):
    """Return what a pass predicts, and the gradient of a loss that looks at all of it."""
    output = forward(*inputs)
    torch.manual_seed(5)
    loss = sum((value * torch.randn_like(value)).sum() for value in output)
    leaves = dict(decoder.named_parameters()) | {"memory": inputs[0], "frames": inputs[3]}
    return output, dict(zip(leaves, torch.autograd.grad(loss, leaves.values()), strict=True))


@pytest.mark.parametrize("reduction_factor", [1, 2])
@pytest.mark.parametrize("rnn_dropout", [0.0, 0.3])
@pytest.mark.parametrize("attention", ATTENTIONS, ids=lambda attention: attention.kind)
def test_the_reordered_decoder_equals_a_plain_one_in_outputs_and_all_gradients(
    attention, rnn_dropout, reduction_factor
):
    """With the same dropout; `plain_forward` goes cell by cell."""
    config = a_config(attention, rnn_dropout=rnn_dropout, reduction_factor=reduction_factor)
    decoder, inputs = a_case(config)
    assert (inputs[4].attention_hidden is None) == (rnn_dropout == 0)
    ours, our_gradients = run(decoder, *(decoder, inputs))
    decoder, inputs = a_case(config)
    plain, plain_gradients = run(lambda *given: plain_forward(decoder, *given), decoder, inputs)
    for one, two in zip(ours, plain, strict=True):
        torch.testing.assert_close(one, two, atol=1e-5, rtol=1e-5)
    for name, gradient in plain_gradients.items():
        assert gradient.any(), name
        torch.testing.assert_close(our_gradients[name], gradient, atol=1e-5, rtol=1e-5, msg=name)


def test_dropout_falls_on_what_the_lstms_hand_to_themselves():
    decoder, (*inputs, masks) = a_case(a_config(rnn_dropout=0.5, reduction_factor=1))
    silent = masks._replace(
        attention_hidden=torch.zeros_like(masks.attention_hidden), decoder_hidden=torch.zeros_like(masks.decoder_hidden)
    )
    once = decoder(*inputs, silent)
    memory, keys, valid, frames = inputs
    state = DecoderState.initial(decoder, memory)
    frames_said, _, _ = decoder.step(memory, keys, valid, frames[0], masks.prenet[0], state)
    assert not torch.allclose(once.frames[0], frames_said)
    context = once.alignment[0].unsqueeze(1) @ memory
    spoken = torch.cat([torch.zeros(ROWS, 14), context.squeeze(1)], 1)
    torch.testing.assert_close(once.frames[0], decoder.mel_projection(spoken))


def test_evaluation_drops_in_the_prenet_only():
    decoder, _ = a_case(a_config(rnn_dropout=0.5))
    masks = decoder.eval().draw_masks(200, 5)
    assert masks.attention_hidden is None and masks.decoder_hidden is None
    assert masks.prenet.shape == (200, 5, 12)
    assert masks.prenet.unique().tolist() == [0.0, 2.0]
    assert masks.prenet.mean().item() == pytest.approx(1.0, abs=0.05)
    trained = decoder.train().draw_masks(200, 5)
    assert trained.decoder_hidden.shape == (200, 5, 14)
    assert trained.attention_hidden.unique().tolist() == [0.0, 2.0]


def test_the_state_travels_in_the_order_of_its_fields():
    decoder, (memory, *_) = a_case(a_config())
    state = DecoderState.initial(decoder, memory)
    assert [tuple(value.shape) for value in state] == [(3, 12), (3, 12), (3, 14), (3, 14), (3, 10), (3, 6), (3, 6)]
    assert DecoderState(*state) == state


def test_an_lstm_step_equals_torchs():
    cell = nn.LSTMCell(4, 5)
    inputs, hidden, memory = torch.randn(2, 4), torch.randn(2, 5), torch.randn(2, 5)
    gates = nn.functional.linear(inputs, cell.weight_ih, cell.bias_ih) + nn.functional.linear(
        hidden, cell.weight_hh, cell.bias_hh)
    for found, expected in zip(update(gates, memory, None), cell(inputs, (hidden, memory)), strict=True):
        torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("shape", [(4, 4), (2, 4, 4)], ids=["one matrix", "a matrix per row"])
def test_weight_gradients_made_at_once_are_the_true_ones(shape):
    torch.manual_seed(0)
    weight = torch.randn(shape, dtype=torch.float64, requires_grad=True)
    terms = torch.randn(3, 2, 4, dtype=torch.float64, requires_grad=True)

    def loop(weight, terms):
        product, value, values = LoopProduct(weight, terms), torch.ones(2, 4, dtype=torch.float64), []
        for _ in range(3):
            value = product(value).tanh()
            values.append(value)
        return torch.stack(values)

    assert torch.autograd.gradcheck(loop, (weight, terms))


def test_a_loop_without_gradients_remembers_nothing():
    weight = torch.ones(1, 1, requires_grad=True)
    with torch.no_grad():
        product = LoopProduct(weight, torch.zeros(2, 1, 1))
        product(product(torch.ones(1, 1)))
    assert not product._inputs
