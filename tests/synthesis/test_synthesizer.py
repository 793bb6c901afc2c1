import itertools
import shutil
import subprocess
import sys
import tracemalloc
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.tiny_voice import MEL

from sonorant.errors import RequestError, TextError, VoiceError
from sonorant.synthesis import Synthesizer
from sonorant.synthesis.onnx_runtime import OnnxRuntime
from sonorant.synthesis.runtime import Floats
from sonorant.voice import GriffinLimPart, Voice, load_voice
from sonorant.voice.graphs import DECODER, ENCODER, VOCODER_NAME

TEXT = "Hello there, world. How are you? Fine!"


@pytest.fixture(scope="module")
def synthesizer(tiny_voice: Path) -> Synthesizer:
    return Synthesizer.load(tiny_voice, threads=1)


@pytest.fixture(scope="module")
def voice(tiny_voice: Path) -> Voice:
    return load_voice(tiny_voice)


def test_the_same_text_gives_the_same_samples(synthesizer: Synthesizer, tiny_voice: Path) -> None:
    speech = synthesizer.speak(TEXT)
    assert speech.sample_rate == 8000 and speech.duration_s > 0.5
    assert speech.samples.dtype == np.float32 and np.abs(speech.samples).max() > 0.01
    np.testing.assert_array_equal(speech.samples, synthesizer.speak(TEXT).samples)
    np.testing.assert_array_equal(speech.samples, Synthesizer.load(tiny_voice, threads=1).speak(TEXT).samples)


@pytest.mark.parametrize("denoise", [0.0, 0.5])
def test_the_stream_in_a_row_is_the_whole_sample_for_sample(synthesizer: Synthesizer, denoise: float) -> None:
    chunks = list(synthesizer.stream(TEXT, denoise=denoise))
    assert len(chunks) > 3
    np.testing.assert_array_equal(np.concatenate(chunks), synthesizer.speak(TEXT, denoise=denoise).samples)


def test_a_batch_of_texts_is_spoken_as_each_alone(synthesizer: Synthesizer) -> None:
    texts = ["Fine!", TEXT, "One, two, three. And a sentence that is a good deal longer than the others."]
    for text, speech in zip(texts, synthesizer.speak_batch(texts, speed=1.2, pitch=1), strict=True):
        alone = synthesizer.speak(text, speed=1.2, pitch=1)
        assert speech.words == alone.words
        np.testing.assert_allclose(speech.samples, alone.samples, atol=1e-5)


def test_a_batch_with_a_text_that_has_no_words_is_refused(synthesizer: Synthesizer) -> None:
    with pytest.raises(TextError):
        synthesizer.speak_batch(["Hello.", "..."])


def test_the_sound_equals_the_vocoder_applied_to_whole_sentences(voice: Voice) -> None:
    mels: list[Floats] = []

    class Whole(OnnxRuntime):
        def run(self, graph: str, **inputs: NDArray[Any]) -> list[NDArray[Any]]:
            outputs = super().run(graph, **inputs)
            if graph == DECODER.file:
                mels.append(outputs[0])
            return outputs

    runtime = Whole(voice, 1)
    sentence = "Hello there, my very dear world of many words and of long sentences."
    samples = Synthesizer(voice.manifest, runtime).speak(sentence).samples
    assert mels[0].shape[2] > 100
    np.testing.assert_allclose(samples, runtime.run(VOCODER_NAME, mel=mels[0])[0][0], atol=1e-5)


def test_words_have_times_in_order_within_the_sound(synthesizer: Synthesizer) -> None:
    speech = synthesizer.speak(TEXT)
    assert [word.text.lower() for word in speech.words] == "hello there world how are you fine".split()
    assert speech.words[0].start_s == 0.0
    for word, following in itertools.pairwise(speech.words):
        assert word.start_s < word.end_s <= following.start_s
    assert speech.words[-1].end_s <= speech.duration_s


def test_words_of_the_second_sentence_begin_behind_the_pause(synthesizer: Synthesizer) -> None:
    first = synthesizer.speak("Hello.").duration_s
    assert synthesizer.speak("Hello. World.").words[1].start_s == pytest.approx(first + 0.3)


def test_a_centered_vocoder_speaks_half_a_hop_earlier(synthesizer: Synthesizer, voice: Voice) -> None:
    centered = MEL.model_copy(update={"padding": "centered"})
    part = voice.manifest.vocoder.model_copy(update={"mel": centered})
    bridged = voice.manifest.model_copy(update={"vocoder": part})
    shifted = Synthesizer(bridged, OnnxRuntime(voice, 1)).speak("Hello world.").words
    expected = synthesizer.speak("Hello world.").words
    half_a_hop_s = MEL.hop_length / 2 / MEL.sample_rate
    assert shifted[0].start_s == 0.0
    assert shifted[1].start_s == pytest.approx(expected[1].start_s - half_a_hop_s)


def test_speed_shortens_and_lengthens_words_and_pauses(synthesizer: Synthesizer) -> None:
    slow, normal, fast = (synthesizer.speak(TEXT, speed=speed).duration_s for speed in (0.5, 1.0, 2.0))
    assert normal == pytest.approx(slow / 2, rel=0.1)
    assert normal == pytest.approx(fast * 2, rel=0.1)


def test_pitch_reaches_the_model_in_the_speakers_units(voice: Voice) -> None:
    seen: list[tuple[int, float, float]] = []

    class Listening(OnnxRuntime):
        def run(self, graph: str, **inputs: NDArray[Any]) -> list[NDArray[Any]]:
            if graph == ENCODER.file:
                seen.append(tuple(inputs[name].item() for name in ("speaker_ids", "pitch_scale", "pitch_offset")))
            return super().run(graph, **inputs)

    listening = Synthesizer(voice.manifest, Listening(voice, 1))
    listening.speak("Hi.", pitch=12, speaker="bob", pitch_range=0.5)
    ((speaker_id, scale, offset),) = seen
    mean, deviation = 110.0, 20.0
    assert speaker_id == 1
    for predicted in (-1.0, 0.0, 2.0):
        hz = mean + deviation * (scale * predicted + offset)
        assert hz == pytest.approx(2 * (mean + 0.5 * deviation * predicted))


def test_pitch_and_speaker_change_the_sound(synthesizer: Synthesizer) -> None:
    plain = synthesizer.speak("Hello.").samples
    for settings in ({"pitch": 4.0}, {"pitch_range": 2.0}, {"speaker": "bob"}):
        assert not np.array_equal(plain, synthesizer.speak("Hello.", **settings).samples)  # type: ignore[arg-type]
    np.testing.assert_array_equal(plain, synthesizer.speak("Hello.", speaker="ada").samples)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"speed": 0.2}, "speed: 0.2, allowed are 0.25 to 4"),
        ({"speed": 4.1}, "speed: 4.1, allowed"),
        ({"speed": float("nan")}, "speed: nan, allowed"),
        ({"pitch": -13}, "pitch: -13, allowed are -12 to 12"),
        ({"pitch_range": -0.1}, "pitch_range: -0.1, allowed are 0 to 3"),
        ({"denoise": 1.5}, "denoise: 1.5, allowed are 0 to 1"),
        ({"seed": -1}, "seed: -1, allowed are whole numbers from 0 on"),
        ({"speaker": "eve"}, "the voice tiny has no 'eve'; it has ada, bob"),
    ],
)
def test_settings_out_of_range_are_refused_at_once(
    synthesizer: Synthesizer, settings: dict[str, float], message: str
) -> None:
    with pytest.raises(RequestError, match=message):
        synthesizer.speak("Hello.", **settings)  # type: ignore[arg-type]
    with pytest.raises(RequestError, match=message):
        synthesizer.stream("Hello.", **settings)  # type: ignore[arg-type]


@pytest.mark.parametrize("text", ["", "   \n\n ", "?!", "...\n\n---"])
def test_a_text_without_words_is_refused(synthesizer: Synthesizer, text: str) -> None:
    with pytest.raises(TextError, match="text: "):
        synthesizer.speak(text)
    with pytest.raises(TextError, match="text: "):
        list(synthesizer.stream(text))


def test_a_piece_without_words_among_others_is_left_out_with_a_warning(synthesizer: Synthesizer) -> None:
    speech = synthesizer.speak("Hello.\n\n???\n\nWorld.")
    assert [word.text for word in speech.words] == ["Hello", "World"]
    assert any(warning.startswith("left out: ") for warning in speech.warnings)


def test_what_the_front_end_reports_is_a_warning(synthesizer: Synthesizer) -> None:
    reports = synthesizer.frontend.utterance("Hello \u4f60 world.").reports
    assert reports
    assert synthesizer.speak("Hello \u4f60 world.").warnings == reports
    assert synthesizer.speak("Hello world.").warnings == ()


@pytest.mark.parametrize(
    "text", ["😀 Hello.", "你好 hello", "\x00\x07Hello\x1b[31m", "<speak>Hello <break time='1s'/></speak>"]
)
def test_odd_text_is_spoken(synthesizer: Synthesizer, text: str) -> None:
    assert synthesizer.speak(text).duration_s > 0.05


def test_too_loud_sound_is_clipped_with_a_warning(synthesizer: Synthesizer, voice: Voice) -> None:
    class Loud(OnnxRuntime):
        def run(self, graph: str, **inputs: NDArray[Any]) -> list[NDArray[Any]]:
            outputs = super().run(graph, **inputs)
            return [outputs[0] * 1000] if graph == VOCODER_NAME else outputs

    speech = Synthesizer(voice.manifest, Loud(voice, 1)).speak("Hello.")
    assert np.abs(speech.samples).max() == 1.0
    assert speech.warnings == ("clipped: 'Hello.' is too loud",)
    assert not synthesizer.speak("Hello.").warnings


@pytest.mark.parametrize(("peak", "told"), [(1.3, False), (1.5, True)])
def test_a_peak_a_little_above_full_scale_is_bent_in_silence(peak: float, told: bool, voice: Voice) -> None:
    class Peaked(OnnxRuntime):
        def run(self, graph: str, **inputs: NDArray[Any]) -> list[NDArray[Any]]:
            outputs = super().run(graph, **inputs)
            return [outputs[0] * (peak / np.abs(outputs[0]).max())] if graph == VOCODER_NAME else outputs

    speech = Synthesizer(voice.manifest, Peaked(voice, 1)).speak("Hello.")
    assert 0.9 < np.abs(speech.samples).max() <= 1.0
    assert bool(speech.warnings) == told


def test_an_utterance_whose_durations_are_all_zero_is_still_spoken(voice: Voice) -> None:
    class Hasty(OnnxRuntime):
        def run(self, graph: str, **inputs: NDArray[Any]) -> list[NDArray[Any]]:
            outputs = super().run(graph, **inputs)
            return [outputs[0], outputs[1] * 0] if graph == ENCODER.file else outputs

    speech = Synthesizer(voice.manifest, Hasty(voice, 1)).speak("Hello.")
    assert len(speech.samples) == MEL.hop_length


def test_griffin_lim_speaks_and_has_no_bias_to_remove(voice: Voice) -> None:
    part = GriffinLimPart(mel=MEL, mel_signature=MEL.signature(), iterations=3)
    plain = voice.manifest.model_copy(update={"vocoder": part})
    speaking = Synthesizer(plain, OnnxRuntime(voice, 1))
    assert speaking.speak("Hello.").duration_s > 0.05
    with pytest.raises(RequestError, match="denoise: a griffin_lim vocoder has no bias"):
        speaking.speak("Hello.", denoise=0.1)


def test_a_long_text_streams_within_bounded_memory(synthesizer: Synthesizer) -> None:
    text = "This is one sentence of a long, long text. " * 2400
    assert len(text) > 100_000
    stream = synthesizer.stream(text)
    next(stream)
    tracemalloc.start()
    num_samples = sum(len(chunk) for chunk in itertools.islice(stream, 400))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert num_samples > 400_000
    assert peak < 4 * num_samples


def test_a_graph_of_another_kind_is_refused_in_words(tiny_voice: Path, tmp_path: Path) -> None:
    voice = load_voice(shutil.copytree(tiny_voice, tmp_path / "voice"))
    entry = voice.manifest.files["acoustic_decoder.onnx"]
    files = voice.manifest.files | {"vocoder.onnx": entry}
    (tmp_path / "voice" / "vocoder.onnx").write_bytes(voice.read("acoustic_decoder.onnx"))
    swapped = replace(voice, manifest=voice.manifest.model_copy(update={"files": files}))
    with pytest.raises(VoiceError, match=r"vocoder\.onnx: "):
        Synthesizer(swapped.manifest, OnnxRuntime(swapped, 1)).speak("Hello.")


def test_a_damaged_graph_is_found_before_anything_is_spoken(tiny_voice: Path, tmp_path: Path) -> None:
    graph = Path(shutil.copytree(tiny_voice, tmp_path / "voice")) / "vocoder.onnx"
    graph.write_bytes(bytes(graph.stat().st_size))
    with pytest.raises(VoiceError, match=r"vocoder\.onnx does not have the hash"):
        Synthesizer.load(tmp_path / "voice")


def test_a_graph_cannot_read_other_files(voice: Voice, tmp_path: Path) -> None:
    onnx = pytest.importorskip("onnx")
    (tmp_path / "secret").write_bytes(bytes(16))
    weights = onnx.TensorProto(name="weights", data_type=1, dims=[4], data_location=onnx.TensorProto.EXTERNAL)
    weights.external_data.add(key="location", value=str(tmp_path / "secret"))
    value = onnx.helper.make_tensor_value_info("mel", 1, [4])
    node = onnx.helper.make_node("Add", ["mel", "weights"], ["waveform"])
    result = onnx.helper.make_tensor_value_info("waveform", 1, [4])
    graph = onnx.helper.make_graph([node], "hostile", [value], [result], [weights])
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 20)], ir_version=10)
    runtime = OnnxRuntime(voice, 1)
    runtime._graphs["vocoder.onnx"] = model.SerializeToString()
    with pytest.raises(VoiceError, match=r"this graph cannot run: .*External data"):
        runtime.run(VOCODER_NAME, mel=np.zeros((8, 4), dtype=np.float32))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"runtime": "tensorrt"}, "runtime: 'tensorrt', allowed are onnx and torch"),
        ({"device": "cuda"}, "device: the onnx runtime computes on cpu, found cuda"),
        ({"threads": 0}, "threads: 0, at least 1 is allowed"),
    ],
)
def test_a_runtime_that_cannot_be_is_refused(tiny_voice: Path, arguments: dict[str, object], message: str) -> None:
    with pytest.raises(RequestError, match=message):
        Synthesizer.load(tiny_voice, **arguments)  # type: ignore[arg-type]


def test_speaking_loads_nothing_heavy(tiny_voice: Path) -> None:
    code = (
        "import sys; from sonorant.synthesis import Synthesizer; "
        "assert 'onnxruntime' not in sys.modules, 'importing alone loads onnxruntime'; "
        "assert Synthesizer.load(sys.argv[1], threads=1).speak('Hello.').duration_s > 0; "
        "heavy = {'torch', 'onnx', 'scipy', 'matplotlib', 'safetensors'} & set(sys.modules); "
        "sys.exit(str(heavy) if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code, tiny_voice], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
