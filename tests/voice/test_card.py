from pathlib import Path

from sonorant.voice import load_voice
from sonorant.voice.card import write_card


def test_the_card_tells_licences_training_and_measurements(tiny_voice: Path) -> None:
    manifest = load_voice(tiny_voice).manifest.model_copy(update={"metrics": {"log_mel_error": 0.31438786}})
    card = write_card(manifest)
    assert "Licence of the recordings: CC0-1.0" in card
    assert "Licence of the weights: Apache-2.0" in card
    assert "| log_mel_error | 0.3144 |" in card
    assert "## Training of the acoustic model" in card and "| step | 0 |" in card


def test_a_fact_cannot_break_the_table(tiny_voice: Path) -> None:
    manifest = load_voice(tiny_voice).manifest
    acoustic = manifest.acoustic.model_copy(update={"facts": {"corpus": "one | two\n# three"}})
    card = write_card(manifest.model_copy(update={"acoustic": acoustic}))
    assert "| corpus | one \\| two # three |\n" in card
