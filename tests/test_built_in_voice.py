"""The voice that a newcomer hears."""

import re
from pathlib import Path

import numpy as np
import pytest

from sonorant import Synthesizer
from sonorant.audio import Audio, log_mel, read_audio
from sonorant.errors import TextError
from sonorant.synthesis.synthesizer import DEFAULT_VOICE
from sonorant.voice import list_voices, load_voice

ROOT = Path(__file__).resolve().parents[1]
SAMPLES = ROOT / "docs" / "samples"


@pytest.fixture(scope="module")
def synthesizer() -> Synthesizer:
    return Synthesizer.load(threads=1)


def test_the_default_voice_is_built_in() -> None:
    assert DEFAULT_VOICE in list_voices()


def test_it_speaks_at_the_pace_and_level_of_a_person(synthesizer: Synthesizer) -> None:
    speech = synthesizer.speak("The boat drifted slowly down the river, and nobody on board said a word.")
    assert [word.text for word in speech.words][:3] == ["The", "boat", "drifted"]
    assert 2.5 < speech.duration_s < 7.5 and not speech.warnings
    assert 0.01 < float(np.sqrt(np.mean(speech.samples**2))) < 0.3


def test_twice_the_speed_takes_about_half_the_time(synthesizer: Synthesizer) -> None:
    normal, fast = (synthesizer.speak("The boat drifted slowly down the river.", speed=speed) for speed in (1.0, 2.0))
    assert 0.4 < fast.duration_s / normal.duration_s < 0.6


def test_a_lexicon_file_teaches_it_a_word(tmp_path: Path) -> None:
    (tmp_path / "words.txt").write_text("kubectl  K Y UW1 B K AH0 T AH0 L  # as some say\n", encoding="utf-8")
    taught = Synthesizer.load(lexicon_files=[tmp_path / "words.txt"]).frontend.utterance("Run kubectl.").words[1]
    assert (" ".join(taught.phones), taught.source) == ("K Y UW1 B K AH0 T AH0 L", "user")
    (tmp_path / "wrong.txt").write_text("good  G UH1 D\nbad  B XX D\n", encoding="utf-8")
    with pytest.raises(TextError, match=r"wrong.txt:2"):
        Synthesizer.load(lexicon_files=[tmp_path / "wrong.txt"])


def test_it_is_made_from_public_domain_recordings() -> None:
    manifest = load_voice(DEFAULT_VOICE).manifest
    assert (manifest.licences.data, manifest.licences.weights) == ("CC0-1.0", "CC0-1.0")


def test_the_samples_in_the_documentation_are_what_it_says_now(synthesizer: Synthesizer) -> None:
    rows = re.findall(r"^\| \[(.+?)\]\((.+?)\) \|$", (SAMPLES / "README.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert len(rows) >= 5
    text, name = rows[0]
    sample, speech = read_audio(SAMPLES / name), synthesizer.speak(text)
    assert sample.duration_s == pytest.approx(speech.duration_s, abs=0.05)
    assert _distance(sample, speech, synthesizer) < 0.15


def _distance(a: Audio, b: Audio, synthesizer: Synthesizer) -> float:
    """Return the mean absolute difference of log-mels, loud enough to be heard."""
    mel = synthesizer.manifest.acoustic.mel
    length = min(len(a.samples), len(b.samples))
    first, second = (log_mel(sound.samples[:length], mel) for sound in (a, b))
    heard = np.maximum(first, second) > np.log(1e-3)
    return float(np.abs(first - second)[heard].mean())
