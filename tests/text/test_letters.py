"""The letter-to-sound model: accuracy on words it never saw, and its arithmetic."""

from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sonorant.text.letters import LETTERS, LetterToSound, is_held_out, letter_to_sound, score
from sonorant.text.lexicon import Lexicon
from sonorant.text.symbols import PHONES

LEXICON = Lexicon()
MODEL = letter_to_sound()
HELD_OUT = [word for word in LEXICON.words() if is_held_out(word)]


def test_a_twentieth_of_the_words_is_held_out() -> None:
    assert len(HELD_OUT) == 6202
    assert HELD_OUT[:3] == [word for word in LEXICON.words() if is_held_out(word)][:3]


def test_500_held_out_words_meet_the_bar() -> None:
    result = score(MODEL, LEXICON, HELD_OUT[::12][:500])
    assert result.words == 500
    assert result.word_accuracy >= 0.65, result
    assert result.word_accuracy_unstressed >= 0.70, result
    assert result.phone_error_rate_unstressed < 0.10, result
    assert result.phone_error_rate < 0.10, result


def test_a_wrong_model_fails_the_bar() -> None:
    class Speller(LetterToSound):
        def __call__(self, word: str) -> tuple[str, ...]:
            return tuple(letter.upper() for letter in word)

    result = score(Speller(), LEXICON, HELD_OUT[::120])
    assert result.word_accuracy_unstressed < 0.05
    assert result.phone_error_rate > 0.3


def test_score_counts_edits_against_the_nearest_pronunciation() -> None:
    class Fixed(LetterToSound):
        def __call__(self, word: str) -> tuple[str, ...]:
            return ("T", "AH0", "M", "AA2", "T", "OW2")

    result = score(Fixed(), LEXICON, ["tomato"])
    assert result.word_accuracy == 0 and result.phone_error_rate == pytest.approx(1 / 6)
    assert result.word_accuracy_unstressed == 1 and result.phone_error_rate_unstressed == 0


@given(st.text(alphabet=LETTERS + "AZ", min_size=1, max_size=70))
@settings(max_examples=30, deadline=None)
def test_any_letters_give_phones(word: str) -> None:
    assert set(MODEL(word)) <= set(PHONES)


def test_case_does_not_matter_and_the_answer_is_always_the_same() -> None:
    assert MODEL("Zorbing") == MODEL("zorbing") == LetterToSound()("ZORBING")


def test_nothing_to_read_gives_nothing() -> None:
    assert MODEL("") == MODEL("123") == ()


def test_a_very_long_word_takes_linear_time_and_loses_nothing() -> None:
    assert len(MODEL("banana" * 100)) >= 550


def test_a_wider_beam_never_finds_fewer_likely_words() -> None:
    narrow = score(LetterToSound(beam=1), LEXICON, HELD_OUT[::60])
    wide = score(LetterToSound(beam=4), LEXICON, HELD_OUT[::60])
    assert wide.word_accuracy >= narrow.word_accuracy - 0.02


def test_the_weights_are_small_and_hold_no_pickle() -> None:
    path = files("sonorant.text").joinpath("data", "letters.npz")
    assert len(path.read_bytes()) < 3_000_000
    with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
        assert all(stored[name].dtype.kind in "fU" for name in stored.files)


def test_a_file_with_a_pickle_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "letters.npz"
    np.savez(path, chunk_names=np.array(["AA1", None], dtype=object))
    with pytest.raises(ValueError, match="pickle"):
        LetterToSound(path)


def test_the_recurrent_layers_agree_with_torch() -> None:
    torch = pytest.importorskip("torch")
    with files("sonorant.text").joinpath("data", "letters.npz").open("rb") as file, np.load(file) as stored:
        weights = {
            name: torch.from_numpy(stored[name].astype(np.float32)) for name in stored.files if "_names" not in name
        }
    size = weights["encoder.weight_hh_l0"].shape[1]
    encoder = torch.nn.GRU(weights["letters.weight"].shape[1], size, num_layers=2, bidirectional=True)
    encoder.load_state_dict({name[8:]: value for name, value in weights.items() if name.startswith("encoder.")})
    letters = [LETTERS.index(letter) for letter in "frobnicate"]
    with torch.no_grad():
        expected = encoder(weights["letters.weight"][letters])[0].numpy()
    np.testing.assert_allclose(MODEL._encode(letters), expected, atol=1e-5)
