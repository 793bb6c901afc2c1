"""DNSMOS on real speech, and what may stand in its place."""

from pathlib import Path

import numpy as np
import pytest

from sonorant.audio import read_audio
from sonorant.errors import RequestError
from sonorant.evaluation.dnsmos import WINDOW_SAMPLES, Dnsmos, cut_windows, to_opinion_scale


@pytest.fixture(scope="module")
def model(shared: Path) -> Path:
    return shared / "weights" / "dnsmos" / "sig_bak_ovr.onnx"


def test_a_studio_recording_is_rated_well_and_noise_costs_it_the_background(model: Path, shared: Path) -> None:
    clip = read_audio(next(iter(sorted((shared / "data" / "LJSpeech-1.1" / "wavs").glob("LJ001-*")))), 16000)
    noise = 0.02 * np.random.default_rng(0).standard_normal(len(clip.samples)).astype(np.float32)
    dnsmos = Dnsmos(model)
    clean, noisy = (dnsmos.rate(samples, clip.sample_rate) for samples in (clip.samples, clip.samples + noise))
    assert 3.0 < clean.ovrl < 4.5 and clean.sig > clean.ovrl
    assert noisy.bak < clean.bak - 1 and noisy.ovrl < clean.ovrl - 0.5


def test_the_quadratics_are_the_published_ones() -> None:
    scaled = to_opinion_scale(np.array([[3.0, 3.0, 3.0], [1.0, 1.0, 1.0]]))
    expected = [
        [-0.08397278 * x * x + 1.22083953 * x + 0.0052439,
         -0.13166888 * x * x + 1.60915514 * x - 0.39604546,
         -0.06766283 * x * x + 1.11546468 * x + 0.04602535]
        for x in (3.0, 1.0)
    ]  # fmt: skip
    assert scaled == pytest.approx(np.array(expected))


def test_a_short_sound_is_doubled_until_a_window_is_full() -> None:
    sound = np.arange(3 * 16000, dtype=np.float32)
    windows = cut_windows(sound)
    assert [len(window) for window in windows] == [WINDOW_SAMPLES] * 3
    assert (windows[1][: len(sound)] == np.roll(sound, -16000)).all()


def test_nothing_cannot_be_rated() -> None:
    with pytest.raises(ValueError, match="without samples"):
        cut_windows(np.zeros(0, dtype=np.float32))


def test_another_file_is_refused_by_its_name(tmp_path: Path) -> None:
    wrong = tmp_path / "model.onnx"
    wrong.write_bytes(b"no model")
    for path in (wrong, tmp_path / "missing.onnx"):
        with pytest.raises(RequestError, match=f"{path.name}: not DNSMOS"):
            Dnsmos(path)


def test_another_model_is_refused(tmp_path: Path) -> None:
    import onnx

    wanted = [onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, ["N", WINDOW_SAMPLES]) for name in "xy"]
    graph = onnx.helper.make_graph([onnx.helper.make_node("Identity", ["x"], ["y"])], "copy", wanted[:1], wanted[1:])
    other = tmp_path / "other.onnx"
    onnx.save(onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=8), other)
    with pytest.raises(RequestError, match="its output is"):
        Dnsmos(other)
