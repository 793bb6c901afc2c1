"""What must stay in float32 stays there, whatever the precision around it and of what it is given.

Each island is computed three times from the same numbers of 16 bits: in float32 without autocast, which is right; as it
is, under autocast; and under autocast without what makes it an island, which must be wrong, or the test tests nothing.
Where a CPU's autocast happens to keep float32 and a GPU's does not, it must at least be seen to be off.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import pytest
import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from sonorant.audio.mel import mel_filterbank
from sonorant.audio.mel_torch import LogMel
from sonorant.config import MelConfig
from sonorant.config.models import (
    DynamicConvolutionAttentionConfig,
    FastPitchConfig,
    LocationAttentionConfig,
    PitchEstimatorConfig,
    PredictorConfig,
    SourceFilterConfig,
    Tacotron2Config,
    TransformerConfig,
)
from sonorant.models import acoustic_losses, tacotron2_losses, waveglow_layers
from sonorant.models.aligner import ConvAttention
from sonorant.models.attention import make_attention
from sonorant.models.discriminators import DiscriminatorOutput, MultiScaleDiscriminator, ResolutionDiscriminator
from sonorant.models.fastpitch import FastPitch
from sonorant.models.hifigan import InverseStft, IstftHead, WaveformHead
from sonorant.models.pitch_estimator import PitchEstimator
from sonorant.models.precision import in_float32
from sonorant.models.source_filter import SourceFilterVocoder
from sonorant.models.tacotron2_convs import MaskedBatchNorm
from sonorant.models.tacotron2_decoder import Decoder, DecoderState
from sonorant.models.tacotron2_encoder import BidirectionalLstm
from sonorant.models.tacotron2_loop import update
from sonorant.models.transformer import LayerNorm, Predictor, SelfAttention
from sonorant.models.vocoder_losses import (
    discriminator_loss,
    feature_loss,
    generator_adversarial_loss,
    spectral_loss,
)

halves = pytest.mark.parametrize("half", [torch.bfloat16, torch.float16], ids=["bf16", "fp16"])
DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")
TRANSFORMER = TransformerConfig(num_layers=1, head_channels=4, conv_channels=4)
FASTPITCH = FastPitchConfig(channels=4, encoder=TRANSFORMER, decoder=TRANSFORMER)
SYMBOLS, FRAMES = torch.tensor([7, 4]), torch.tensor([30, 21])


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)


class Island(NamedTuple):
    """A function that `in_float32` has made an island, what it is a method of, and what goes in."""

    function: Callable[..., Any]
    owner: nn.Module | None
    inputs: tuple[Any, ...]


def large(*shape: int) -> Tensor:
    return 20 * torch.randn(shape)


def log_probs() -> Tensor:
    logits = large(2, 30, 7)
    logits[1, :, 4:] = -torch.inf
    return logits.log_softmax(2)


def alignments() -> Tensor:
    return large(2, 30, 7).softmax(2)


def attention(config: Any) -> Island:
    owner = make_attention(config, 6, 5)
    with torch.no_grad():
        owner.energy.weight.mul_(50)  # type: ignore[operator, union-attr]
    valid = torch.arange(7) < SYMBOLS[:, None]
    alignment = torch.rand(2, 7).mul(valid)
    query, keys = torch.randn(2, config.channels), owner.keys(torch.randn(2, 7, 5)).detach()
    return Island(type(owner).forward, owner, (query, keys, valid, alignment, 30 * alignment))


def decoder_step() -> Island:
    config = Tacotron2Config(
        encoder_channels=6, prenet_channels=(4, 4), attention=LocationAttentionConfig(channels=4, filters=2, kernel=5),
        attention_rnn_channels=8, decoder_rnn_channels=8,
    )  # fmt: skip
    decoder, memory = Decoder(config, 3), torch.randn(2, 7, 6)
    state = DecoderState(*(0.3 * torch.randn_like(part) for part in DecoderState.initial(decoder, memory)))
    valid = torch.arange(7) < SYMBOLS[:, None]
    keys = decoder.attention.keys(memory).detach()
    return Island(Decoder.step, decoder, (memory, keys, valid, torch.randn(2, 3), torch.ones(2, 8), state))


def istft_head() -> Island:
    head = IstftHead(4, 0.1, n_fft=16, hop_length=4)
    with torch.no_grad():
        head.conv.bias.fill_(4.0)  # type: ignore[union-attr]  # magnitudes of e^4
    return Island(IstftHead.forward, head, (large(2, 4, 1, 20),))


def pitch_estimator_of(function: Callable[..., Any], *inputs: Tensor) -> Island:
    return Island(function, PitchEstimator(PitchEstimatorConfig(bins=16, num_layers=0), 4), inputs)


def filters() -> Island:
    filterbank = mel_filterbank(MelConfig(n_fft=64, win_length=64, hop_length=16, n_mels=8))
    owner = SourceFilterVocoder(SourceFilterConfig(hop_length=16, num_layers=0), filterbank)
    return Island(
        SourceFilterVocoder._filter, owner, (torch.randn(2, 8, 30) - 3, torch.randn(2, 30, 99), torch.randn(2, 2, 480))
    )


def batch_norm() -> Island:
    valid = torch.arange(30) < FRAMES[:, None]
    return Island(MaskedBatchNorm.forward, MaskedBatchNorm(3), (100 + torch.randn(2, 30, 3), valid))


ISLANDS: dict[str, Callable[[], Island]] = {
    "aligner": lambda: Island(
        ConvAttention.forward, ConvAttention(6, 5, 4, 0.5), (large(2, 7, 6), SYMBOLS, large(2, 5, 30), FRAMES)
    ),
    "location-sensitive attention": lambda: attention(LocationAttentionConfig(channels=4, filters=2, kernel=5)),
    "dynamic convolution attention": lambda: attention(DynamicConvolutionAttentionConfig(channels=4)),
    "decoder step": decoder_step,
    "encoder LSTM": lambda: Island(
        BidirectionalLstm.forward, BidirectionalLstm(3, 4), (torch.randn(2, 7, 3), torch.arange(7) < SYMBOLS[:, None])
    ),
    "batch norm": batch_norm,
    "layer norm": lambda: Island(LayerNorm.forward, LayerNorm(5), (100 + torch.randn(2, 7, 5),)),
    "predicted numbers": lambda: Island(
        Predictor._numbers, Predictor(5, PredictorConfig(channels=5)), (large(2, 7, 5),)
    ),
    "predicted mel": lambda: Island(FastPitch._project, FastPitch(FASTPITCH, 5, n_mels=3), (large(2, 7, 4),)),
    "mel, pitch, duration loss": lambda: Island(
        acoustic_losses.squared_error, None, (large(4000), large(4000), torch.ones(4000, dtype=torch.bool))
    ),
    "alignment loss": lambda: Island(acoustic_losses.forward_sum, None, (log_probs(), SYMBOLS, FRAMES, -1.0)),
    "binarisation loss": lambda: Island(
        acoustic_losses.binarization,
        None,
        (large(1, 30, 7), torch.tensor([[4, 4, 4, 4, 4, 4, 6]]), torch.ones(1, 30, dtype=torch.bool)),
    ),
    "stop loss": lambda: Island(tacotron2_losses.stop_error, None, (large(2, 30), FRAMES)),
    "guided attention": lambda: Island(
        tacotron2_losses.guided_attention, None, (alignments(), FRAMES, SYMBOLS, 0.2)
    ),
    "monotonicity": lambda: Island(tacotron2_losses.backward_movement, None, (alignments(), FRAMES)),
    "mixture": lambda: Island(waveglow_layers.mixed, None, (torch.randn(2, 4, 1, 9), torch.randn(4, 4))),
    "log-determinant": lambda: Island(waveglow_layers.log_abs_determinant, None, (0.01 * torch.randn(8, 8),)),
    "pitch off logits": lambda: pitch_estimator_of(PitchEstimator._decode, large(2, 30, 16), large(2, 30)),
    "pitch loss": lambda: pitch_estimator_of(
        PitchEstimator._cross_entropy, large(2, 30, 16), large(2, 30), 100 + 100 * torch.rand(2, 30)
    ),
    "filters": filters,
    "last convolution": lambda: Island(WaveformHead.forward, WaveformHead(4, 0.1), (torch.randn(2, 4, 1, 20),)),
    "inverse STFT head": istft_head,
    "inverse STFT": lambda: Island(InverseStft.forward, InverseStft(16, 4), (large(2, 9, 6).abs(), large(2, 9, 6))),
    "judged spectrum": lambda: Island(
        ResolutionDiscriminator._magnitudes, ResolutionDiscriminator(64, 16, 64, 0.1), (torch.randn(2, 512),)
    ),
    "spectral loss": lambda: Island(
        spectral_loss, None, (0.01 * torch.randn(2, 512), 0.01 * torch.randn(2, 512), ((64, 16),))
    ),
}  # fmt: skip


SAME_ON_A_CPU = {"stop loss", "guided attention", "judged spectrum", "spectral loss"}
"""Without their shore these islands compute the same on a CPU."""


class Watch(TorchFunctionMode):
    """Sees every call of torch that makes numbers.

    Attributes:
        under_autocast: Names of those called under autocast.
        seen: Names of all.
    """

    def __init__(self) -> None:
        super().__init__()
        self.under_autocast: set[str] = set()
        self.seen: set[str] = set()

    def __torch_function__(
        self, function: Any, types: Any, args: Any = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        result = function(*args, **(kwargs or {}))
        if isinstance(result, Tensor) and result.is_floating_point():
            self.seen.add(function.__name__)
            if torch.is_autocast_enabled(DEVICE.type):
                self.under_autocast.add(function.__name__)
        return result


def inputs_of(island: Island, half: torch.dtype, dtype: torch.dtype) -> list[Any]:
    """Return what goes into an island, in numbers that half precision has, as `dtype`."""
    owner = [] if island.owner is None else [island.owner.to(DEVICE)]
    placed = [part.to(DEVICE) if isinstance(part, Tensor) else part for part in island.inputs]
    return owner + [
        part.to(half).to(dtype) if isinstance(part, Tensor) and part.is_floating_point() else part for part in placed
    ]


def numbers(result: Any) -> Iterator[Tensor]:
    """Yield the floating-point tensors of whatever a function returns."""
    if isinstance(result, Tensor):
        yield from [result] if result.is_floating_point() else []
    else:
        for part in result:
            yield from numbers(part)


def same(found: Any, expected: Any) -> bool:
    """Tell whether all is float32 and equal but for the last bits, which another order of summation may change."""
    return all(
        a.dtype == torch.float32 and torch.allclose(a, b, rtol=1e-5, atol=1e-5)
        for a, b in zip(numbers(found), numbers(expected), strict=True)
    )


@halves
@pytest.mark.parametrize("name", ISLANDS)
@torch.no_grad()
def test_an_island_computes_in_float32(name: str, half: torch.dtype) -> None:
    island = ISLANDS[name]()
    expected = island.function(*inputs_of(island, half, torch.float32))
    inputs, watch = inputs_of(island, half, half), Watch()
    assert all(part.isfinite().any() and part.any() for part in numbers(expected))
    with torch.autocast(DEVICE.type, half), watch:
        found = island.function(*inputs)
    assert same(found, expected)
    assert watch.seen and not watch.under_autocast


@pytest.mark.filterwarnings("ignore:ComplexHalf support is experimental")
@halves
@pytest.mark.parametrize("name", [name for name in ISLANDS if DEVICE.type == "cuda" or name not in SAME_ON_A_CPU])
@torch.no_grad()
def test_without_its_shore_it_would_not(name: str, half: torch.dtype) -> None:
    island = ISLANDS[name]()
    expected = island.function(*inputs_of(island, half, torch.float32))
    with torch.autocast(DEVICE.type, half):
        try:
            flooded = island.function.__wrapped__(*inputs_of(island, half, half))  # type: ignore[attr-defined]
        except RuntimeError as error:
            assert "not implemented" in str(error) or "dtype" in str(error) or "Half" in str(error)
        else:
            assert not same(flooded, expected)


@halves
def test_an_island_is_one_for_tensors_that_are_named(half: torch.dtype) -> None:
    one = torch.ones(1, 1, dtype=half)
    with torch.autocast("cpu", half):
        assert in_float32(torch.matmul)(input=one, other=one).dtype == torch.float32


@halves
@torch.no_grad()
def test_the_mel_of_quiet_sound_is_exact(half: torch.dtype) -> None:
    waveform = 1e-3 * torch.randn(1, 4096).to(half)
    log_mel, watch = LogMel(MelConfig()), Watch()
    expected = log_mel(waveform.float())
    with torch.autocast("cpu", half), watch:
        found = log_mel(waveform)
    assert same(found, expected) and not watch.under_autocast - {"float"}
    assert expected.max() < -1  # quiet


@halves
@torch.no_grad()
def test_the_weights_under_a_norm_are_exact(half: torch.dtype) -> None:
    judges, watch = MultiScaleDiscriminator(2, 0.1).eval(), Watch()
    with torch.autocast("cpu", half), watch:
        judges(torch.randn(1, 512))
    assert {"mv", "vdot", "_weight_norm"} <= watch.seen
    assert not {"mv", "vdot", "_weight_norm"} & watch.under_autocast


@halves
@torch.no_grad()
def test_what_the_attention_reads_in_training_is_exact(half: torch.dtype) -> None:
    _, decoder, (memory, keys, valid, _, _, _) = decoder_step()
    assert isinstance(decoder, Decoder)
    with torch.autocast("cpu", half):
        _, contexts, alignment = decoder._attend(memory, keys, valid, torch.randn(5, 2, 4), None)
    assert same([contexts], [(alignment.transpose(0, 1) @ memory).transpose(0, 1)])


@halves
def test_an_lstms_memory_is_added_up_in_float32(half: torch.dtype) -> None:
    """It keeps all it has and takes in 1/256 at each of 3000 steps."""
    inner = torch.tensor([[20.0, 20.0, 1 / 256, 0.0]], dtype=half)
    hidden = cell = torch.zeros(1, 1)
    with torch.autocast("cpu", half):
        for _ in range(3000):
            hidden, cell = update(inner, cell, None)
    assert cell.dtype == hidden.dtype == torch.float32
    assert cell.item() == pytest.approx(3000 / 256, rel=1e-4)
    gates = large(2, 16).to(half)
    assert same(update(gates, cell, None), update(gates.float(), cell, None))


@halves
@torch.no_grad()
def test_self_attentions_energies_are_exact(half: torch.dtype) -> None:
    """They are near 300 here, where numbers of bfloat16 are 2 apart and of float16 0.25, and a softmax knows 0.1."""
    module = SelfAttention(8, num_heads=1, head_channels=8, dropout=0.0)
    sequence = 3.5 + 0.1 * torch.randn(1, 40, 8)
    module.queries_keys_values.weight.copy_(torch.eye(8).repeat(3, 1))
    module.queries_keys_values.weight[:16] *= 3
    module.queries_keys_values.bias.zero_()
    module.output.weight.copy_(torch.eye(8))
    with torch.autocast("cpu", half):
        attended = module(sequence, torch.ones(1, 40, dtype=torch.bool))
        queries, keys, values = module.queries_keys_values(sequence).float().chunk(3, 2)
    energies = queries @ keys.mT / 8**0.5
    assert energies.min() > 256
    exact, rough = (rounded.float().softmax(2) @ values for rounded in (energies, energies.to(half)))
    resolution = torch.finfo(half).eps * 4  # of values up to 4
    assert (attended - exact).abs().max() < resolution < (rough - exact).abs().max()


@halves
@torch.no_grad()
def test_what_the_layers_of_a_coupling_add_up_to_is_exact(half: torch.dtype) -> None:
    """4096 + 1/2 - 4096, where neither half precision has 4096.5."""
    network = waveglow_layers.CouplingNetwork(num_inputs=1, condition_channels=2, channels=4, num_layers=3, kernel=3)
    network.end.weight[:, 0] = 1.0
    for layer, value in zip(network.residual_skip, (4096.0, 0.5, -4096.0), strict=True):
        layer.parametrizations.weight.original0.zero_()  # type: ignore[union-attr, operator]
        layer.bias.zero_()  # type: ignore[operator]
        layer.bias[-4] = value  # type: ignore[operator]
    watch = Watch()
    with torch.autocast("cpu", half), watch:
        shift, log_scale = network(torch.randn(1, 1, 1, 5), torch.randn(1, 2, 1, 5))
    assert shift.dtype == log_scale.dtype == torch.float32
    assert shift.flatten().tolist() == log_scale.flatten().tolist() == [0.5] * 5
    assert "matmul" in watch.seen - watch.under_autocast  # the product of the last layer's weights with each other's


@halves
def test_the_losses_of_judges_are_those_of_their_numbers_in_float32(half: torch.dtype) -> None:
    logits = (1 + 1e-3 * torch.randn(4, 1, 999)).to(half)
    narrow, wide = ([DiscriminatorOutput(part, [part])] for part in (logits, logits.float()))
    for loss in (discriminator_loss, feature_loss):
        with torch.autocast("cpu", half):
            found = loss(narrow, [DiscriminatorOutput(-logits, [-logits])])
        assert same(found, loss(wide, [DiscriminatorOutput(-logits.float(), [-logits.float()])]))
    with torch.autocast("cpu", half):
        assert same(generator_adversarial_loss(narrow), generator_adversarial_loss(wide))
