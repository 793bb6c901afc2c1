import pytest
import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from sonorant.models.lengths import valid_positions
from sonorant.models.tacotron2_convs import MaskedBatchNorm, NormedConv, Postnet
from sonorant.models.tacotron2_encoder import BidirectionalLstm

LENGTHS = torch.tensor([5, 2, 1])
VALID = valid_positions(LENGTHS, 5)


def a_sequence(channels=4, seed=0):
    """Noise, also in the padding."""
    torch.manual_seed(seed)
    return torch.randn(3, 5, channels)


def of_one_process(total):
    return total


def test_both_lstms_equal_torchs_over_a_packed_sequence():
    ours, packed = BidirectionalLstm(4, 3), nn.LSTM(4, 3, batch_first=True, bidirectional=True)
    for name, value in packed.named_parameters():
        part = ours.backwards if name.endswith("_reverse") else ours.forwards
        part.get_parameter(name.removesuffix("_reverse")).data.copy_(value.data)
    sequence = a_sequence()
    expected, _ = pad_packed_sequence(packed(pack_padded_sequence(sequence, LENGTHS, batch_first=True))[0], True)
    torch.testing.assert_close(ours(sequence, VALID), expected)


def test_a_full_batch_is_normalised_as_torch_does_it():
    ours, torchs = MaskedBatchNorm(4), nn.BatchNorm1d(4)
    torchs.weight.data.copy_(ours.weight.data)
    everywhere = torch.ones(3, 5, dtype=torch.bool)
    for mode in (True, True, False):
        sequence = 3 * a_sequence(seed=int(mode)) + 1
        expected = torchs.train(mode)(sequence.transpose(1, 2)).transpose(1, 2)
        torch.testing.assert_close(ours.train(mode)(sequence, everywhere), expected)
        ours.settle(of_one_process)
    torch.testing.assert_close(ours.running_mean, torchs.running_mean)
    torch.testing.assert_close(ours.running_var, torchs.running_var)


def test_the_statistics_leave_the_padding_out():
    padded, flat, sequence = MaskedBatchNorm(4), MaskedBatchNorm(4), a_sequence()
    flat.load_state_dict(padded.state_dict())
    together = padded(sequence, VALID)
    alone = flat(sequence[VALID].unsqueeze(0), torch.ones(1, 8, dtype=torch.bool))
    torch.testing.assert_close(together[VALID], alone[0])
    for norm in (padded, flat):
        norm.settle(of_one_process)
    assert padded.running_mean.any()
    torch.testing.assert_close(padded.running_mean, flat.running_mean)
    torch.testing.assert_close(padded.running_var, flat.running_var)


def test_one_valid_position_is_normalised_to_the_bias():
    norm = MaskedBatchNorm(4)
    nn.init.constant_(norm.bias, 0.5)
    assert norm(torch.randn(1, 1, 4), torch.ones(1, 1, dtype=torch.bool)).tolist() == [[[0.5] * 4]]
    norm.settle(of_one_process)
    assert norm.running_var.isfinite().all()


@pytest.mark.parametrize("activation", ["linear", "relu", "tanh"])
def test_a_convolution_says_nothing_in_the_padding(activation):
    conv = NormedConv(4, 6, kernel=3, activation=activation, dropout=0.5)
    convolved = conv(a_sequence() * VALID.unsqueeze(2), VALID)
    assert convolved.shape == (3, 5, 6)
    assert convolved[VALID].any() and not convolved[~VALID].any()


def test_the_postnet_adds_to_the_mel_whatever_stands_in_the_padding():
    postnet = Postnet(n_mels=4, channels=6, kernel=5, num_layers=3, dropout=0.0).eval()
    mel = a_sequence().transpose(1, 2)
    refined = postnet(mel, LENGTHS)
    alone = postnet(mel[1:2, :, :2], LENGTHS[1:2])
    torch.testing.assert_close(refined[1, :, :2], alone[0])
    assert not refined.transpose(1, 2)[~VALID].any()
    nn.init.zeros_(postnet.convs[-1].norm.weight)
    assert torch.equal(postnet(mel, LENGTHS).transpose(1, 2)[VALID], mel.transpose(1, 2)[VALID])
