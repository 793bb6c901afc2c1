import math
from collections.abc import Sequence
from pathlib import Path

import onnxruntime
import pytest
import torch
from pydantic import ValidationError
from torch import Tensor
from torch.nn import functional as F

from sonorant.config import HifiganConfig, HifiganRecipe, load_recipe
from sonorant.models.hifigan import HifiganGenerator, InverseStft, IstftHead, UpsampleStage

V1 = HifiganConfig()
V2 = HifiganConfig(channels=128)
V3 = HifiganConfig(
    upsample_rates=(8, 8, 4),
    upsample_kernels=(16, 16, 8),
    channels=256,
    resblock="2",
    resblock_kernels=(3, 5, 7),
    resblock_dilations=((1, 2), (2, 6), (3, 12)),
)
C8C8I = HifiganConfig(upsample_rates=(8, 8), upsample_kernels=(16, 16), istft_n_fft=16, istft_hop=4)
ODD = HifiganConfig(upsample_rates=(5, 2), upsample_kernels=(10, 5), channels=8)
NARROW = {
    "v1": V1.model_copy(update={"channels": 16}),
    "v3": V3.model_copy(update={"channels": 16}),
    "istft": C8C8I.model_copy(update={"channels": 16}),
    "odd": ODD,
    "sample by sample": HifiganConfig(
        upsample_rates=(1,),
        upsample_kernels=(3,),
        channels=8,
        resblock_kernels=(3,),
        resblock_dilations=((1,),),
        istft_n_fft=4,
        istft_hop=1,
    ),
}
SILENCE = math.log(1e-5)


def build(config: HifiganConfig, n_mels: int = 80) -> HifiganGenerator:
    torch.manual_seed(0)
    return HifiganGenerator(config, n_mels)


def count(model: torch.nn.Module) -> int:
    return sum(parameter.numel() for parameter in model.parameters())


@pytest.mark.parametrize(("config", "parameters"), [(V1, 13_926_017), (V2, 925_985), (V3, 1_462_273)])
def test_published_sizes(config: HifiganConfig, parameters: int) -> None:
    """Counted in the authors' implementation after folding weight normalisation."""
    generator = build(config)
    generator.remove_weight_norm()
    assert count(generator) == parameters


def test_weight_norm_adds_one_gain_per_output_of_each_convolution() -> None:
    """13,936,130 is the count of NVIDIA's HiFi-GAN in training."""
    assert count(build(V1)) == 13_936_130


@pytest.mark.parametrize(("rate", "kernel"), [(8, 16), (5, 10), (3, 4), (2, 5), (5, 5), (1, 3), (7, 20)])
@pytest.mark.parametrize("istft", [False, True])
def test_length_is_frames_times_hop_for_every_rate_and_kernel(rate: int, kernel: int, istft: bool) -> None:
    tail = {"istft_n_fft": 12, "istft_hop": 5} if istft else {}
    config = HifiganConfig(upsample_rates=(rate, 2), upsample_kernels=(kernel, 4), channels=4, **tail)
    assert config.hop_length == rate * 2 * (5 if istft else 1)
    for frames in (1, 2, 11):
        assert build(config)(torch.zeros(2, 80, frames)).shape == (2, frames * config.hop_length)


def plain(generator: HifiganGenerator, mel: Tensor) -> Tensor:
    """Section 2.2 of the paper once more, with one-dimensional convolutions and no classes."""
    config = generator.config
    weights = {name: value.squeeze(2) if value.dim() == 4 else value for name, value in generator.state_dict().items()}

    def conv(name: str, hidden: Tensor, dilation: int = 1) -> Tensor:
        weight = weights[f"{name}.weight"]
        reach = (weight.shape[-1] - 1) // 2 * dilation
        return F.conv1d(hidden, weight, weights[f"{name}.bias"], padding=reach, dilation=dilation)

    hidden = conv("input_conv", mel)
    for i, (rate, kernel) in enumerate(zip(config.upsample_rates, config.upsample_kernels, strict=True)):
        name = f"stages.{i}.upsample"
        full = F.conv_transpose1d(F.leaky_relu(hidden, 0.1), weights[f"{name}.weight"], stride=rate)
        cut = (kernel - rate + 1) // 2
        upsampled = full[..., cut : cut + rate * hidden.shape[-1]] + weights[f"{name}.bias"][:, None]
        hidden = torch.zeros_like(upsampled)
        for j, dilations in enumerate(config.resblock_dilations):
            refined = upsampled
            for k, dilation in enumerate(dilations):
                unit = f"stages.{i}.blocks.{j}.units.{k}"
                change = conv(f"{unit}.1", F.leaky_relu(refined, 0.1), dilation)
                if config.resblock == "1":
                    change = conv(f"{unit}.3", F.leaky_relu(change, 0.1))
                refined = refined + change
            hidden = hidden + refined / len(config.resblock_dilations)
    return torch.tanh(conv("head.conv", F.leaky_relu(hidden, 0.01))).squeeze(1)


@pytest.mark.parametrize("name", ["v1", "v3", "odd"])
def test_computes_the_papers_formula(name: str) -> None:
    generator = build(NARROW[name]).double()
    generator.remove_weight_norm()
    mel = torch.randn(2, 80, 9, dtype=torch.double)
    torch.testing.assert_close(generator(mel), plain(generator, mel), rtol=0, atol=1e-12)


@pytest.mark.parametrize("name", NARROW)
def test_folding_weight_norm_keeps_the_sound(name: str) -> None:
    generator = build(NARROW[name])
    mel = torch.randn(1, 80, 7)
    before = generator(mel)
    generator.remove_weight_norm()
    assert not any("parametrizations" in key for key in generator.state_dict())
    torch.testing.assert_close(generator(mel), before, rtol=0, atol=1e-6)


@pytest.mark.parametrize("name", NARROW)
def test_a_row_alone_equals_the_row_in_a_batch(name: str) -> None:
    generator = build(NARROW[name])
    mel = torch.randn(3, 80, 12)
    torch.testing.assert_close(generator(mel[1:2]), generator(mel)[1:2], rtol=0, atol=1e-6)


@pytest.mark.parametrize("name", NARROW)
def test_chunks_with_the_receptive_field_as_context_concatenate_to_the_whole(name: str) -> None:
    generator = build(NARROW[name])
    context, hop, chunk, frames = generator.receptive_field_frames(), generator.config.hop_length, 8, 53
    mel = torch.randn(1, 80, frames)
    with torch.no_grad():
        pieces = []
        for start in range(0, frames, chunk):
            stop = min(start + chunk, frames)
            first = max(start - context, 0)
            waveform = generator(mel[..., first : stop + context])
            pieces.append(waveform[:, (start - first) * hop : (stop - first) * hop])
        torch.testing.assert_close(torch.cat(pieces, dim=1), generator(mel), rtol=0, atol=1e-5)


@pytest.mark.parametrize("name", NARROW)
def test_receptive_field_is_exactly_what_gradients_reach(name: str) -> None:
    generator = build(NARROW[name]).double()
    hop, frames = generator.config.hop_length, 61
    middle = frames // 2
    mel = torch.randn(1, 80, frames, dtype=torch.double, requires_grad=True)
    generator(mel)[0, middle * hop : (middle + 1) * hop].sum().backward()
    assert mel.grad is not None
    reached = mel.grad[0].abs().sum(0).nonzero().flatten()
    widest = max(middle - int(reached.min()), int(reached.max()) - middle)
    assert generator.receptive_field_frames() == widest


@pytest.mark.parametrize("name", NARROW)
def test_a_step_reaches_every_parameter_and_none_is_nan_on_silence(name: str) -> None:
    generator = build(NARROW[name])
    generator(torch.full((1, 80, 16), SILENCE)).square().mean().backward()
    for parameter_name, parameter in generator.named_parameters():
        assert parameter.grad is not None and parameter.grad.isfinite().all(), parameter_name
        assert parameter.grad.any(), parameter_name


@pytest.mark.parametrize("name", ["v1", "istft"])
def test_the_waveform_keeps_full_precision_under_autocast(name: str) -> None:
    generator = build(NARROW[name])
    mel = torch.randn(1, 80, 20)
    with torch.autocast("cpu", torch.bfloat16):
        waveform = generator(mel)
    assert waveform.dtype == torch.float32
    assert not torch.equal(waveform, waveform.bfloat16().float())
    torch.testing.assert_close(waveform, generator(mel), rtol=0, atol=0.02)


@pytest.mark.parametrize(("n_fft", "hop_length"), [(16, 4), (16, 8), (20, 5), (64, 7)])
def test_inverse_stft_equals_torchs(n_fft: int, hop_length: int) -> None:
    torch.manual_seed(0)
    magnitude, phase = torch.rand(2, n_fft // 2 + 1, 30), 7 * torch.randn(2, n_fft // 2 + 1, 30)
    ours = InverseStft(n_fft, hop_length)(magnitude, phase)
    theirs = torch.istft(torch.polar(magnitude, phase), n_fft, hop_length, window=torch.hann_window(n_fft))
    assert ours.shape == (2, 29 * hop_length)
    torch.testing.assert_close(ours, theirs, rtol=0, atol=2e-6)


def test_inverse_stft_undoes_the_stft() -> None:
    waveform = torch.randn(1, 400)
    spectrum = torch.stft(waveform, 16, 4, window=torch.hann_window(16), return_complex=True)
    torch.testing.assert_close(InverseStft(16, 4)(spectrum.abs(), spectrum.angle()), waveform, rtol=0, atol=2e-6)


def test_the_tail_survives_any_magnitude() -> None:
    head = IstftHead(4, 0.01, 16, 4)
    hidden = torch.full((1, 4, 1, 10), 1e6, requires_grad=True)
    waveform = head(hidden)
    waveform.sum().backward()
    assert hidden.grad is not None
    assert waveform.isfinite().all() and hidden.grad.isfinite().all()


def test_fixed_tables_are_not_weights() -> None:
    assert not any("istft" in name for name in build(NARROW["istft"]).state_dict())


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"resblock_kernels": (3, 4, 11)}, "must be odd"),
        ({"resblock_kernels": (), "resblock_dilations": ()}, "at least one entry"),
        ({"upsample_rates": (0, 8, 2, 2)}, "greater than 0"),
        ({"upsample_rates": (8, 8, 2, 1)}, "must be odd where the rate is 1"),
        ({"istft_n_fft": 15, "istft_hop": 4}, "must be even"),
        ({"istft_n_fft": 16, "istft_hop": 9}, "at least twice"),
    ],
)
def test_sizes_that_no_network_can_have_are_refused(settings: dict[str, object], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        HifiganConfig.model_validate(settings)


def exported(config: HifiganConfig, path: Path) -> tuple[HifiganGenerator, onnxruntime.InferenceSession]:
    generator = build(config).eval()
    generator.remove_weight_norm()
    batch, frames = torch.export.Dim("batch"), torch.export.Dim("frames")
    program = torch.onnx.export(
        generator, (torch.randn(2, 80, 16),), dynamo=True, dynamic_shapes=({0: batch, 2: frames},),
        input_names=["mel"], output_names=["waveform"], verbose=False,
    )  # fmt: skip
    assert program is not None
    program.save(path)
    return generator, onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])


def differences(
    generator: HifiganGenerator, session: onnxruntime.InferenceSession, shapes: Sequence[tuple[int, int]]
) -> list[float]:
    worst = []
    for batch, frames in shapes:
        mel = torch.randn(batch, 80, frames)
        with torch.no_grad():
            expected = generator(mel)
        (waveform,) = session.run(None, {"mel": mel.numpy()})
        worst.append(float((torch.from_numpy(waveform) - expected).abs().max()))
    return worst


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::FutureWarning")  # torch's exporter calls torch's deprecated functions
@pytest.mark.parametrize(
    "settings",
    [{"upsample_rates": (4, 3), "upsample_kernels": (8, 6)}, {"istft_n_fft": 16, "istft_hop": 4}],
    ids=["waveform", "istft"],
)
def test_onnx_export_equals_torch_for_other_batches_and_lengths(settings: dict[str, object], tmp_path: Path) -> None:
    blocks = {"resblock_kernels": (3,), "resblock_dilations": ((1, 3),)}
    sizes = {"upsample_rates": (4,), "upsample_kernels": (8,), "channels": 8, **blocks, **settings}
    generator, session = exported(HifiganConfig.model_validate(sizes), tmp_path / "vocoder.onnx")
    assert max(differences(generator, session, [(1, 1), (1, 50), (3, 17), (2, 16)])) <= 1e-4


@pytest.mark.parametrize(("channels", "rate", "narrow"), [(16, 8, True), (16, 4, True), (16, 2, False), (32, 8, False)])
def test_narrow_upsampling_computes_in_float32(channels: int, rate: int, narrow: bool) -> None:
    """Where a CPU has AMX, its gradients in bfloat16 are wrong; a wide one's, or a short rate's, are not."""
    stage = UpsampleStage(HifiganConfig(), channels, rate, 2 * rate)
    hidden = torch.randn(1, channels, 1, 8, requires_grad=True)
    upsampled: list[Tensor] = []
    stage.upsample.register_forward_hook(lambda module, inputs, output: upsampled.append(output))
    with torch.autocast("cpu", torch.bfloat16):
        stage(hidden.bfloat16())
    assert upsampled[0].dtype == (torch.float32 if narrow else torch.bfloat16)


@pytest.mark.parametrize("name", ["hifigan_v1", "hifigan_v2", "hifigan_v3", "istftnet", "vocoder_cpu"])
def test_no_recipe_to_listen_to_has_narrow_upsampling(name: str) -> None:
    recipe = load_recipe(name)
    assert isinstance(recipe, HifiganRecipe)
    with torch.device("meta"):
        generator = HifiganGenerator(recipe.model)
    assert not any(stage.narrow for stage in generator.stages)
