import onnxruntime
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils import parametrize

from sonorant.config import WaveglowConfig
from sonorant.models.waveglow import FlowStep, Waveglow, WaveglowOutput, waveglow_loss
from sonorant.models.waveglow_layers import CouplingNetwork

TINY = WaveglowConfig(
    hop_length=16, upsample_kernel=40, num_flows=5, early_every=2, wn_layers=2, wn_channels=6, group_size=8
)
N_MELS = 5


def build(config: WaveglowConfig = TINY, *, trained: bool = True) -> Waveglow:
    """Return a network whose couplings change something, as after training; untrained they change nothing."""
    torch.manual_seed(0)
    network = Waveglow(config, N_MELS)
    if trained:
        for flow in network.flows:
            assert isinstance(flow, FlowStep)
            nn.init.normal_(flow.coupling.end.weight, std=0.3)
            nn.init.normal_(flow.coupling.end.bias, std=0.1)
            flow.mix.weight.data.add_(0.1 * torch.randn_like(flow.mix.weight))
    return network


def speech(batch: int = 2, frames: int = 6, config: WaveglowConfig = TINY) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(1)
    mel = torch.randn(batch, N_MELS, frames, generator=generator)
    return mel, 0.3 * torch.randn(batch, frames * config.hop_length, generator=generator)


def noise(batch: int, frames: int, config: WaveglowConfig = TINY) -> Tensor:
    steps = frames * config.hop_length // config.group_size
    return torch.randn(batch, config.group_size, steps, generator=torch.Generator().manual_seed(2))


@pytest.mark.parametrize(
    ("channels", "parameters", "folded"), [(512, 268_294_760, 267_999_848), (256, 87_879_272, 87_731_816)]
)
def test_published_sizes(channels: int, parameters: int, folded: int) -> None:
    """Counted in NVIDIA's implementation, with weight normalisation and without."""
    with torch.device("meta"):
        network = Waveglow(WaveglowConfig(wn_channels=channels))
        assert sum(parameter.numel() for parameter in network.parameters()) == parameters
        network.remove_weight_norm()
    assert sum(parameter.numel() for parameter in network.parameters()) == folded


@torch.no_grad()
def test_infer_gives_back_what_forward_was_given() -> None:
    config = WaveglowConfig(wn_channels=16, wn_layers=4)  # twelve flows, channels 8, 6 and 4
    network, (mel, waveform) = build(config), speech(2, 4, config)
    again = network.infer(mel, network(mel, waveform).z)
    assert again.shape == waveform.shape
    assert (again - waveform).abs().max() < 1e-4


@torch.no_grad()
def test_infer_is_the_inverse_again_after_the_weights_have_changed() -> None:
    network, (mel, waveform) = build(), speech()
    network.infer(mel, noise(2, 6))
    for parameter in network.parameters():
        parameter.add_(0.05 * torch.randn_like(parameter))
    again = network.infer(mel, network(mel, waveform).z)
    assert (again - waveform).abs().max() < 1e-4


def test_log_determinant_is_that_of_the_numeric_jacobian() -> None:
    network, (mel, waveform) = build().double(), (part.double() for part in speech(1, 2))
    jacobian = torch.autograd.functional.jacobian(lambda x: network(mel, x).z, waveform).reshape(32, 32)
    output = network(mel, waveform)
    assert jacobian.isfinite().all()
    assert output.log_s_sum.item() + output.log_det_w.item() == pytest.approx(torch.linalg.slogdet(jacobian).logabsdet)
    assert abs(output.log_s_sum.item()) > 0.1 and abs(output.log_det_w.item()) > 0.1


@torch.no_grad()
def test_an_untrained_flow_is_a_rotation_of_the_sound() -> None:
    network, (mel, waveform) = build(trained=False), speech()
    output = network(mel, waveform)
    assert output.z.square().sum() == pytest.approx(waveform.square().sum().item(), rel=1e-5)
    assert output.log_s_sum.tolist() == [0.0, 0.0]
    assert output.log_det_w.item() == pytest.approx(0.0, abs=1e-4)


def test_loss_is_the_negative_log_likelihood_as_published() -> None:
    """Sum of z² / 2σ², less the log-scales, less the log-determinants of all rows; divided by the number of samples."""
    z = torch.arange(48.0).reshape(2, 8, 3) / 10
    term = waveglow_loss(WaveglowOutput(z, torch.tensor([3.0, 4.0]), torch.tensor(5.0)), sigma=0.5)
    expected = sum((k / 10) ** 2 for k in range(48)) / (2 * 0.25) - 7.0 - 2 * 5.0
    assert term.sum.item() == pytest.approx(expected, rel=1e-6)
    assert term.count.item() == 48


@torch.no_grad()
def test_loss_of_gaussian_noise_is_that_of_the_normal_distribution() -> None:
    """An untrained flow leaves noise of deviation 1 as it is: 1/2, for the constant log sqrt(2 pi) is left out."""
    mel, waveform = torch.zeros(4, N_MELS, 200), noise(4, 200).reshape(4, -1)
    term = waveglow_loss(build(trained=False)(mel, waveform), sigma=1.0)
    assert (term.sum / term.count).item() == pytest.approx(0.5, abs=0.02)


def plain_coupling(network: CouplingNetwork, audio: Tensor, condition: Tensor) -> Tensor:
    """Section 2.1 of the paper once more: the sum of skips first, then the last layer."""
    weights = {name: value.squeeze(2) if value.dim() == 4 else value for name, value in network.state_dict().items()}
    hidden = F.conv1d(audio, weights["start.weight"], weights["start.bias"])
    skips = torch.zeros_like(hidden)
    width = 2 * network.channels
    for layer in range(len(network.dilated)):
        dilated, residual_skip = f"dilated.{layer}", f"residual_skip.{layer}"
        dilation, own = 2**layer, slice(layer * width, (layer + 1) * width)
        content = F.conv1d(
            hidden, weights[f"{dilated}.weight"], weights[f"{dilated}.bias"], padding=dilation, dilation=dilation
        )
        content = content + F.conv1d(condition, weights["condition.weight"][own], weights["condition.bias"][own])
        left, right = content.chunk(2, dim=1)
        gated = torch.tanh(left) * torch.sigmoid(right)
        both = F.conv1d(gated, weights[f"{residual_skip}.weight"], weights[f"{residual_skip}.bias"])
        hidden = hidden + both[:, : -network.channels] if len(both[0]) > network.channels else hidden
        skips = skips + both[:, -network.channels :]
    return F.conv1d(skips, weights["end.weight"], weights["end.bias"])


@torch.no_grad()
def test_the_coupling_is_the_published_one() -> None:
    torch.manual_seed(0)
    network = CouplingNetwork(3, condition_channels=10, channels=6, num_layers=4, kernel=3)
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.normal_(layer.bias)
    nn.init.normal_(network.end.weight)
    audio, condition = torch.randn(2, 3, 40), torch.randn(2, 10, 40)
    found = torch.cat(network(audio.unsqueeze(2), condition.unsqueeze(2)), dim=1).squeeze(2)
    for layer in list(network.modules()):
        if parametrize.is_parametrized(layer, "weight"):
            parametrize.remove_parametrizations(layer, "weight")
    torch.testing.assert_close(found, plain_coupling(network, audio, condition), rtol=1e-4, atol=1e-4)


@torch.no_grad()
def test_folding_the_weight_norm_changes_nothing() -> None:
    network, (mel, _) = build(), speech()
    before = network.infer(mel, noise(2, 6))
    network.remove_weight_norm()
    torch.testing.assert_close(network.infer(mel, noise(2, 6)), before)
    assert not any("parametrizations" in name for name in network.state_dict())


@torch.no_grad()
def test_rows_of_a_batch_do_not_know_of_each_other() -> None:
    network, (mel, waveform) = build(), speech(3)
    whole, alone = network(mel, waveform), network(mel[1:2], waveform[1:2])
    torch.testing.assert_close(whole.z[1:2], alone.z)
    torch.testing.assert_close(whole.log_s_sum[1:2], alone.log_s_sum)
    torch.testing.assert_close(network.infer(mel, whole.z)[1:2], network.infer(mel[1:2], alone.z))


CHUNKED = {
    "upsampling": WaveglowConfig(hop_length=16, upsample_kernel=64, num_flows=1, wn_layers=2, wn_channels=6),
    "flows": WaveglowConfig(hop_length=16, upsample_kernel=16, num_flows=3, early_every=2, wn_layers=3, wn_channels=6),
    "wide": WaveglowConfig(hop_length=8, upsample_kernel=20, num_flows=2, wn_layers=2, wn_channels=6, wn_kernel=5),
}


@pytest.mark.parametrize("name", CHUNKED)
@torch.no_grad()
def test_a_chunk_with_its_receptive_field_is_what_the_whole_has_there(name: str) -> None:
    network = build(CHUNKED[name]).double()
    for key, parameter in network.named_parameters():
        if key.endswith("original0"):  # gains: the far end of the field must not drown in rounding
            parameter.mul_(2.0)
    context = network.receptive_field_frames()
    frames, hop = 3 * context + 7, network.config.hop_length
    per_frame = hop // network.config.group_size
    mel, z = speech(1, frames, network.config)[0].double(), noise(1, frames, network.config).double()
    whole = network.infer(mel, z)

    def error(start: int, end: int, context: int) -> float:
        seen, last = max(0, start - context), min(frames, end + context)
        chunk = network.infer(mel[..., seen:last], z[..., seen * per_frame : last * per_frame])
        inside = chunk[:, (start - seen) * hop : (end - seen) * hop]
        return float((inside - whole[:, start * hop : end * hop]).abs().max())

    ranges = [(0, 2), (context + 1, context + 4), (frames - 3, frames)]
    assert max(error(start, end, context) for start, end in ranges) < 1e-12
    assert error(*ranges[1], context - 1) > 1e-9  # a frame less on each side is too little


def test_published_network_sees_99_frames_to_each_side() -> None:
    """The 12 flows see 255 steps of 8 samples each; the mel enters after the first, and 1024 samples early."""
    with torch.device("meta"):
        network = Waveglow(WaveglowConfig(wn_channels=8))
    assert network.receptive_field_frames() == ((12 * 255 - 1) * 8 + 1023) // 256 == 99


def test_every_parameter_that_can_learn_gets_a_gradient() -> None:
    network, (mel, waveform) = build(), speech()
    waveglow_loss(network(mel, waveform), 1.0).sum.backward()
    untouched = [name for name, parameter in network.named_parameters() if not parameter.grad.abs().sum() > 0]
    assert untouched == []


def test_before_the_first_step_only_the_last_layers_and_the_mixtures_can_learn() -> None:
    network, (mel, waveform) = build(trained=False), speech()
    waveglow_loss(network(mel, waveform), 1.0).sum.backward()
    learning = {name for name, parameter in network.named_parameters() if parameter.grad.abs().sum() > 0}
    first = ("mix.weight", "coupling.end.weight", "coupling.end.bias")
    assert learning == {f"flows.{flow}.{name}" for flow in range(5) for name in first}


def test_under_autocast_only_the_couplings_are_coarse(monkeypatch: pytest.MonkeyPatch) -> None:
    network, (mel, waveform) = build(), speech()
    seen: dict[str, torch.dtype] = {}
    for name, layer in network.named_modules():
        layer.register_forward_hook(
            lambda _, inputs, output, name=name: seen.__setitem__(
                name, (output[0] if isinstance(output, tuple) else output).dtype
            )
        )
    exact = network(mel, waveform)
    with torch.autocast("cpu", torch.bfloat16):
        coarse = network(mel, waveform)
        determinants = [flow.mix.log_determinant() for flow in network.flows if isinstance(flow, FlowStep)]
    assert seen["flows.0.coupling.dilated.0"] == torch.bfloat16
    assert {seen["flows.0.mix"], seen["flows.0.coupling"], seen["flows.0"]} == {torch.float32}
    assert {part.dtype for part in (*coarse, *determinants)} == {torch.float32}
    assert coarse.log_det_w == exact.log_det_w
    assert not torch.equal(coarse.z, exact.z)
    torch.testing.assert_close(coarse.z, exact.z, rtol=0.0, atol=0.1)


def test_sound_and_mel_of_different_lengths_are_refused() -> None:
    mel, waveform = speech()
    with pytest.raises(ValueError, match="95 samples do not belong to 6 frames"):
        build()(mel, waveform[:, :-1])


def test_noise_of_too_many_rows_is_refused() -> None:
    network, (mel, waveform) = build(), speech()
    noise = network(mel, waveform).z
    with pytest.raises(ValueError, match="noise of 9 rows, group_size is 8"):
        network.infer(mel, torch.cat([noise, noise[:, :1]], dim=1))


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::FutureWarning")  # torch's exporter calls torch's deprecated functions
def test_onnx_export_equals_torch_for_other_batches_and_lengths() -> None:
    network = build(TINY.model_copy(update={"num_flows": 3})).eval()
    network.remove_weight_norm()

    class Infer(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.network = network

        def forward(self, mel: Tensor, noise: Tensor) -> Tensor:
            return self.network.infer(mel, noise)

    axes = {0: torch.export.Dim.DYNAMIC, 2: torch.export.Dim.DYNAMIC}
    program = torch.onnx.export(
        Infer().eval(), (speech(2, 6)[0], noise(2, 6)), input_names=["mel", "noise"], output_names=["waveform"],
        dynamic_shapes=(axes, axes), dynamo=True, verbose=False,
    )  # fmt: skip
    assert program is not None
    session = onnxruntime.InferenceSession(program.model_proto.SerializeToString())
    for batch, frames in [(1, 1), (1, 17), (3, 5)]:
        mel, z = speech(batch, frames)[0], noise(batch, frames)
        (waveform,) = session.run(None, {"mel": mel.numpy(), "noise": z.numpy()})
        with torch.no_grad():
            torch.testing.assert_close(torch.from_numpy(waveform), network.infer(mel, z), rtol=1e-4, atol=1e-4)
