"""Any acoustic model speaks through any vocoder: what holds for all six voices."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from tests.tiny_voice import (
    LICENCES,
    tiny_acoustic,
    tiny_source_filter,
    tiny_tacotron2,
    tiny_vocoder,
    tiny_waveglow,
)

from sonorant.errors import RequestError
from sonorant.synthesis import Synthesizer
from sonorant.voice import pack as pack_module
from sonorant.voice.graphs import GRAPHS
from sonorant.voice.pack import pack

TEXT = "Hello there, world. How are you? Fine!"
NAMES = (
    "fastpitch-hifigan", "fastpitch-waveglow", "fastpitch-source_filter",
    "tacotron2-hifigan", "tacotron2-waveglow", "tacotron2-source_filter",
)  # fmt: skip


@pytest.fixture(scope="module")
def voices(
    tiny_voice: Path, tiny_flow_voice: Path, tiny_filter_voice: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A folder of the six voices, of graphs that were exported once."""
    homes = {
        "fastpitch": tiny_voice, "hifigan": tiny_voice,
        "tacotron2": tiny_flow_voice, "waveglow": tiny_flow_voice, "source_filter": tiny_filter_voice,
    }  # fmt: skip
    folder = tmp_path_factory.mktemp("voices")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            pack_module,
            "export",
            lambda model, *_, **__: {
                graph.file: (homes[model.kind] / graph.file).read_bytes() for graph in GRAPHS[model.kind]
            },
        )
        for acoustic in (tiny_acoustic(), tiny_tacotron2()):
            for vocoder in (tiny_vocoder(), tiny_waveglow(), tiny_source_filter()):
                name = f"{acoustic.kind}-{vocoder.kind}"
                pack(folder / name, acoustic, vocoder, name=name, licences=LICENCES)
    return folder


@pytest.mark.parametrize("name", NAMES)
def test_the_same_text_and_seed_give_the_same_samples(voices: Path, name: str) -> None:
    speech = Synthesizer.load(voices / name, threads=1).speak(TEXT, seed=3)
    assert not speech.warnings and speech.duration_s > 0.5
    assert 0.01 < np.abs(speech.samples).max() < 1.0
    again = Synthesizer.load(voices / name, threads=1).speak(TEXT, seed=3)
    np.testing.assert_array_equal(speech.samples, again.samples)


@pytest.mark.parametrize("name", NAMES[1:])
def test_another_seed_gives_other_samples_where_something_is_drawn(voices: Path, name: str) -> None:
    synthesizer = Synthesizer.load(voices / name, threads=1)
    assert not np.array_equal(synthesizer.speak(TEXT, seed=1).samples, synthesizer.speak(TEXT, seed=2).samples)


@pytest.mark.parametrize("name", NAMES)
def test_the_text_and_the_speaker_are_heard_beside_the_noise(voices: Path, name: str) -> None:
    synthesizer = Synthesizer.load(voices / name, threads=1)
    one, text, speaker = (
        synthesizer.speak(words, speaker=who).samples[:300]
        for words, who in (("Hello world.", "ada"), ("Goodbye moon.", "ada"), ("Hello world.", "bob"))
    )
    assert np.abs(one - text).max() > 1e-3 and np.abs(one - speaker).max() > 1e-4


@pytest.mark.parametrize(
    ("name", "denoise"), [(name, 0.0) for name in NAMES] + [(name, 0.3) for name in NAMES if "filter" not in name]
)
def test_the_stream_in_a_row_is_the_whole(voices: Path, name: str, denoise: float) -> None:
    synthesizer = Synthesizer.load(voices / name, threads=1)
    chunks = list(synthesizer.stream(TEXT, denoise=denoise))
    assert len(chunks) > 3
    np.testing.assert_array_equal(np.concatenate(chunks), synthesizer.speak(TEXT, denoise=denoise).samples)


@pytest.mark.parametrize("name", NAMES)
def test_a_batch_of_texts_is_spoken_as_each_alone(voices: Path, name: str) -> None:
    synthesizer = Synthesizer.load(voices / name, threads=1)
    texts = ["Fine!", TEXT, "One, two, three. And a sentence that is a good deal longer than the others."]
    for text, speech in zip(texts, synthesizer.speak_batch(texts, speed=1.2), strict=True):
        alone = synthesizer.speak(text, speed=1.2)
        assert speech.words == alone.words
        # A pitch that differs in its last bits moves the pulses.
        np.testing.assert_allclose(speech.samples, alone.samples, atol=1e-2 if "filter" in name else 1e-5)


def test_both_runtimes_speak_the_same(tiny_flow_voice: Path) -> None:
    ours, theirs = (Synthesizer.load(tiny_flow_voice, runtime=runtime).speak("Fine!") for runtime in ("onnx", "torch"))
    assert ours.words == theirs.words
    np.testing.assert_allclose(ours.samples, theirs.samples, atol=1e-4)


def test_filters_hum_nothing_that_could_be_removed(tiny_filter_voice: Path) -> None:
    with pytest.raises(RequestError, match="denoise: a source_filter vocoder has no bias that could be removed; use 0"):
        Synthesizer.load(tiny_filter_voice, threads=1).speak(TEXT, denoise=0.1)


def test_the_denoiser_takes_something_of_waveglows_bias_away(tiny_flow_voice: Path) -> None:
    synthesizer = Synthesizer.load(tiny_flow_voice, threads=1)
    plain, denoised = (synthesizer.speak(TEXT, denoise=strength).samples for strength in (0.0, 1.0))
    assert 0.0 < np.sum(denoised**2) < np.sum(plain**2)


def test_tacotron_2_changes_its_speed_but_has_no_pitch_to_change(tiny_flow_voice: Path) -> None:
    synthesizer = Synthesizer.load(tiny_flow_voice, threads=1)
    slow, normal = (synthesizer.speak(TEXT, speed=speed) for speed in (0.5, 1.0))
    assert slow.duration_s == pytest.approx(2 * normal.duration_s, rel=0.02)
    with pytest.raises(RequestError, match="pitch: this voice's Tacotron 2 has no pitch to change"):
        synthesizer.speak(TEXT, pitch=2)


def test_tacotron_2_and_waveglow_speak_without_torch(tiny_flow_voice: Path) -> None:
    code = (
        "import sys; from sonorant.synthesis import Synthesizer; "
        "assert Synthesizer.load(sys.argv[1], threads=1).speak('Hello.').duration_s > 0; "
        "heavy = {'torch', 'onnx', 'scipy', 'matplotlib', 'safetensors'} & set(sys.modules); "
        "sys.exit(str(heavy) if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code, tiny_flow_voice], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
