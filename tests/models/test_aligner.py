import pytest
import torch
from scipy.stats import betabinom

from sonorant.models.acoustic_losses import forward_sum
from sonorant.models.aligner import PRIOR_FLOOR, ConvAttention, PausePenalty, beta_binomial_prior
from sonorant.models.lengths import repeat_by_duration, symbol_of_frame, valid_positions
from sonorant.models.monotonic import monotonic_durations


def prior(symbols, frames):
    return beta_binomial_prior(torch.tensor([symbols]), torch.tensor([frames]), symbols, frames)[0]


@pytest.mark.parametrize(("symbols", "frames"), [(1, 1), (1, 6), (4, 4), (17, 53), (180, 900)])
def test_the_prior_is_the_beta_binomial_distribution(symbols, frames):
    i = torch.arange(1, frames + 1).unsqueeze(1).numpy()
    expected = betabinom.pmf(torch.arange(symbols).numpy(), symbols - 1, i, frames + 1 - i)
    torch.testing.assert_close(prior(symbols, frames).double(), torch.from_numpy(expected), rtol=2e-6, atol=1e-12)


def test_each_frame_of_the_prior_is_a_distribution_and_time_runs_forwards():
    probabilities = prior(60, 2500)
    torch.testing.assert_close(probabilities.sum(1), torch.ones(2500))
    means = probabilities @ torch.arange(60.0)
    assert (means.diff() > 0).all()
    torch.testing.assert_close(probabilities, probabilities.flip(0, 1))


def test_the_prior_of_a_row_ignores_its_batch():
    together = beta_binomial_prior(torch.tensor([3, 9, 1]), torch.tensor([20, 9, 4]), 9, 20)
    for row, (symbols, frames) in enumerate([(3, 20), (9, 9), (1, 4)]):
        torch.testing.assert_close(together[row, :frames, :symbols], prior(symbols, frames))
        assert together[row].sum() == pytest.approx(frames, rel=1e-5)


@pytest.fixture
def aligner():
    torch.manual_seed(0)
    return ConvAttention(embedding_channels=6, n_mels=5, channels=4, temperature=0.05)


def test_logits_are_squared_distances_normalised_plus_the_prior(aligner):
    embeddings, mel = torch.randn(1, 7, 6), torch.randn(1, 5, 11)
    keys, queries = aligner.key_convs(embeddings)[0], aligner.query_convs(mel.transpose(1, 2))[0]
    distances = (queries.unsqueeze(1) - keys.unsqueeze(0)).square().sum(2)
    expected = (-0.05 * distances).log_softmax(1) + (prior(7, 11) + PRIOR_FLOOR).log()
    log_probs = aligner(embeddings, torch.tensor([7]), mel, torch.tensor([11]))
    torch.testing.assert_close(log_probs[0], expected, atol=1e-5, rtol=1e-5)


def test_the_scale_weighs_the_channels_of_the_distance(aligner):
    queries, keys = torch.randn(1, 3, 4), torch.randn(1, 2, 4)
    scale = torch.tensor([1.0, 2.0, 0.5, 3.0])
    with torch.no_grad():
        aligner.channel_scale.weight.copy_(scale.log() - 0.7)
        aligner.channel_scale.bias.fill_(0.7)
    expected = ((queries.unsqueeze(2) - keys.unsqueeze(1)).square() * scale).sum(3)
    torch.testing.assert_close(aligner._squared_distance(queries, keys), expected, atol=1e-4, rtol=1e-4)


def test_padding_changes_no_row_of_the_alignment(aligner):
    embeddings, mel = torch.randn(2, 9, 6), torch.randn(2, 5, 20)
    together = aligner(embeddings, torch.tensor([9, 4]), mel, torch.tensor([20, 13]))
    alone = aligner(embeddings[1:, :4], torch.tensor([4]), mel[1:, :, :13], torch.tensor([13]))
    torch.testing.assert_close(together[1, :13, :4], alone[0], atol=1e-5, rtol=0)
    assert torch.isneginf(together[1, :, 4:]).all()


def test_autocast_leaves_the_alignment_in_full_precision(aligner):
    arguments = (torch.randn(1, 7, 6), torch.tensor([7]), torch.randn(1, 5, 11), torch.tensor([11]))
    with torch.autocast("cpu", torch.bfloat16):
        log_probs = aligner(*arguments)
    assert log_probs.dtype == torch.float32
    assert torch.equal(log_probs, aligner(*arguments))


def spoken_batch(sounds):
    """Random texts in which each symbol holds its sound for 2 to 8 frames, under noise."""
    lengths = torch.randint(8, 20, (8,))
    inside = valid_positions(lengths, int(lengths.max()))
    symbols = torch.randint(1, len(sounds), inside.shape) * inside
    durations = torch.randint(2, 9, inside.shape) * inside
    mel, mel_lengths = repeat_by_duration(sounds[symbols], durations)
    return symbols, lengths, (mel + 0.5 * torch.randn_like(mel)).transpose(1, 2), mel_lengths, durations


def test_the_aligner_learns_who_says_what_when():
    torch.manual_seed(0)
    sounds, embedding = 1.5 * torch.randn(20, 20) - 5, torch.nn.Embedding(20, 32, padding_idx=0)
    aligner = ConvAttention(embedding_channels=32, n_mels=20, channels=20, temperature=0.0005)
    optimizer = torch.optim.Adam([*embedding.parameters(), *aligner.parameters()], lr=3e-3)
    right = []
    for _ in range(120):
        symbols, lengths, mel, mel_lengths, durations = spoken_batch(sounds)
        log_probs = aligner(embedding(symbols), lengths, mel, mel_lengths)
        loss = forward_sum(log_probs, lengths, mel_lengths, blank_logprob=-1.0)
        optimizer.zero_grad()
        (loss.sum / loss.count).backward()
        optimizer.step()
        found = symbol_of_frame(monotonic_durations(log_probs, lengths, mel_lengths), mel.shape[2])
        same = found == symbol_of_frame(durations, mel.shape[2])
        right.append(same[valid_positions(mel_lengths, mel.shape[2])].float().mean().item())
    assert sum(right[:5]) / 5 < 0.6
    assert sum(right[-5:]) / 5 > 0.9


@pytest.mark.parametrize(
    ("voiced", "silent", "between_words"),
    [
        ([0, 0, 1, 1, 0, 1, 0], [1, 1, 1, 1, 0, 1, 0], [1, 1, 0, 0, 0, 0, 0]),
        ([1, 0, 1, 0, 0, 0, 0], [1, 0, 1, 0, 0, 0, 0], [0] * 7),
        ([0] * 7, [0] * 7, [0] * 7),
    ],
)
def test_pauses_lose_where_there_is_a_voice_and_before_it(voiced, silent, between_words):
    """A mark and the space behind it are silent, a space between words only before the first voice."""
    penalty = PausePenalty(50.0, num_symbols=10, marks=(1,), spaces=(2,))
    lost = penalty(torch.tensor([[5, 2, 7, 1, 2, 8]]), torch.tensor([voiced], dtype=torch.bool))[0]
    sound = [0] * 7
    assert (lost.T / 50).tolist() == [sound, between_words, sound, silent, silent, sound]
