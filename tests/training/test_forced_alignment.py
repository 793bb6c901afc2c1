"""FastPitch's learned durations, and the tool that holds them against a forced aligner's."""

import importlib.util
import shutil
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from sonorant.audio import Audio, read_audio, write_audio
from sonorant.config import FeatureConfig
from sonorant.features.prepare import prepare
from sonorant.features.store import FeatureStore
from sonorant.models.fastpitch import FastPitch
from sonorant.text.frontend import Frontend
from sonorant.training.checkpoint import load_trained

ROOT = Path(__file__).resolve().parents[2]
CLIPS = ("LJ001-0002", "LJ001-0004", "LJ001-0008", "LJ001-0012", "LJ001-0015", "LJ002-0010")
GRID = """name = "words"
    xmin = 0.000
    xmax = 0.300
    text = "a"
    xmin = 0.300
    xmax = 0.400
    text = ""
    xmin = 0.400
    xmax = 1.000
    text = "{second}"
name = "phones"
    xmin = 0.000
    xmax = 0.300
    text = "AH0"
    xmin = 0.400
    xmax = 0.500
    text = "B"
    xmin = 0.500
    xmax = 0.800
    text = "IY1"
    xmin = 0.800
    xmax = 1.000
    text = "{last}"
"""


@pytest.fixture(scope="module")
def tool() -> ModuleType:
    spec = importlib.util.spec_from_file_location("check_alignment", ROOT / "tools" / "check_alignment.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules["check_alignment"] = module  # where its dataclass looks for its types
    spec.loader.exec_module(module)
    return module


def found(tool: ModuleType, second: str = "bead", last: str = "D") -> list[tuple[str, float, float]]:
    words = Frontend().utterance("A bead.").words
    assert [word.phones for word in words] == [("AH0",), ("B", "IY1", "D")]
    starts = np.array([0.1, 0.2, 0.4, 0.6, 0.75, 0.9, 1.0])  # AH0, space, B, IY1, D, full stop, and the end
    grid = tool.read_textgrid(GRID.format(second=second, last=last))
    return [(one.kind, one.forced_s, one.ours_s) for one in tool.boundaries(words, starts, starts, grid)]


def test_words_are_compared_at_both_ends_and_phones_inside_them(tool: ModuleType) -> None:
    start, end, inside = tool.KINDS
    words = [(start, 0.0, 0.1), (end, 0.3, 0.2), (start, 0.4, 0.4), (end, 1.0, 0.9)]
    assert found(tool) == [*words, (inside, 0.5, 0.6), (inside, 0.8, 0.75)]
    assert found(tool, last="T") == words


def test_other_words_are_not_compared(tool: ModuleType) -> None:
    assert found(tool, second="beads") == []


def test_silence_before_a_recording_was_trimmed_is_counted(tool: ModuleType, tmp_path: Path, shared: Path) -> None:
    recording = shared / "data" / "LJSpeech-1.1" / "wavs" / "LJ001-0002.flac"
    durations = np.array([10.0, 20.0])
    soon, late = (
        tool.symbol_starts(durations, _with_silence(recording, tmp_path / f"{seconds}.wav", seconds), FeatureConfig())
        for seconds in (0.5, 1.5)
    )
    assert late - soon == pytest.approx([1.0, 1.0, 1.0], abs=0.01)  # silence is found in steps of 10 ms
    assert np.diff(soon) == pytest.approx(durations * 256 / 22050)


def test_the_built_in_voices_aligner_agrees_with_a_forced_aligner_on_a_speaker_it_has_never_heard(
    tool: ModuleType, shared: Path, tmp_path: Path
) -> None:
    source = shared / "data" / "LJSpeech-1.1"
    corpus = tmp_path / "corpus"
    (corpus / "wavs").mkdir(parents=True)
    lines = (source / "metadata.csv").read_text(encoding="utf-8").splitlines(keepends=True)
    (corpus / "metadata.csv").write_text("".join(line for line in lines if line.startswith(CLIPS)), encoding="utf-8")
    for clip in CLIPS:
        shutil.copy(source / "wavs" / f"{clip}.flac", corpus / "wavs")
    prepare(corpus, tmp_path / "features", FeatureConfig())
    network = load_trained(ROOT / "src/sonorant/voices/kathleen/acoustic.safetensors").network()
    assert isinstance(network, FastPitch)
    compared = tool.compare(
        network, FeatureStore(tmp_path / "features"), corpus, source / "alignments" / "mfa_textgrids.zip"
    )
    assert set(compared) == set(CLIPS) and all(compared.values())
    for kind, most_ms in zip(tool.KINDS, (45, 45, 25), strict=True):
        of_kind = [one for boundaries in compared.values() for one in boundaries if one.kind == kind]
        ours, even = (
            1000 * float(np.median(np.abs([getattr(one, side) - one.forced_s for one in of_kind])))
            for side in ("ours_s", "even_s")
        )
        assert ours < most_ms < even / 2, (kind, ours, even)


def _with_silence(recording: Path, target: Path, seconds: float) -> Path:
    """Write a recording with silence in front of it."""
    audio = read_audio(recording)
    samples = np.concatenate([np.zeros(round(seconds * audio.sample_rate), dtype=np.float32), audio.samples])
    write_audio(target, Audio(samples, audio.sample_rate))
    return target
