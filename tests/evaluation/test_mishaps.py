"""Speech that ran away, was cut off or lost words is found, and natural speech is not; all bounds can be exceeded."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.speechlike import waveform

from sonorant.audio import read_audio
from sonorant.evaluation.mishaps import (
    LONGEST_CLOSING_S,
    LONGEST_PAUSE_S,
    Sentence,
    expected_sentences,
    find_mishaps,
)
from sonorant.synthesis import Speech, SpokenWord, Synthesizer
from sonorant.synthesis.speech import Failed
from sonorant.text import Frontend

RATE = 22050
WORDS = ("the", "seven", "yellow", "rivers", "met")
SOUNDS = (2, 5, 4, 5, 3)
PHONE_S, GAP_S, CLOSING_S = 0.09, 0.05, 0.1
DURATIONS_S = tuple(PHONE_S * count for count in SOUNDS)


def spoken(
    durations_s: Sequence[float] = DURATIONS_S,
    gap_s: float = GAP_S,
    closing_s: float = CLOSING_S,
) -> Speech:
    """Say the words for so long each, with near silence between and behind them."""
    random = np.random.default_rng(0)
    edges = np.cumsum([0.0, *(part for duration in durations_s for part in (duration, gap_s))])
    end_s = float(edges[-2])
    samples = (1e-4 * random.standard_normal(round((end_s + closing_s) * RATE))).astype(np.float32)
    voiced, words = waveform(float(edges[-1]), RATE), []
    for text, start_s, stop_s in zip(WORDS, edges[:-1:2], edges[1::2], strict=True):
        start, stop = round(start_s * RATE), round(stop_s * RATE)
        samples[start:stop] += voiced[: stop - start]
        words.append(SpokenWord(text, float(start_s), float(stop_s)))
    return Speech(samples, RATE, words=tuple(words))


def failed(speech: Speech, sentences: Sequence[Sentence] = (Sentence(SOUNDS),)) -> set[str]:
    return {mishap.check for mishap in find_mishaps(speech, sentences)}


def doctored(change: NDArray[np.float32], speech: Speech | None = None) -> Speech:
    return replace(speech or spoken(), samples=change)


def test_sound_speech_has_no_mishap() -> None:
    assert failed(spoken()) == set()


def test_the_built_in_voice_has_no_mishap() -> None:
    synthesizer = Synthesizer.load(threads=1)
    text = "Yes. Dr. Lee met six of them at 7:30 a.m."
    assert find_mishaps(synthesizer.speak(text), expected_sentences(synthesizer.frontend, text)) == ()


@pytest.mark.parametrize("utterance", ["arctic_a0005", "arctic_b0414", "arctic_a0309"])
def test_a_recording_has_no_mishap_until_its_second_half_is_silenced_or_cut(shared: Path, utterance: str) -> None:
    clip = sorted((shared / "data" / "kathleen" / "clips").glob(f"{utterance}_*.flac"))[0]
    audio, text = read_audio(clip), clip.with_suffix(".txt").read_text(encoding="utf-8")
    sentences = expected_sentences(Frontend(), text)
    counts = [count for sentence in sentences for count in sentence.num_sounds]
    times_s = np.cumsum([0, *counts]) * audio.duration_s / sum(counts)
    words = tuple(SpokenWord("", *map(float, times)) for times in pairwise(times_s))
    speech = Speech(audio.samples, audio.sample_rate, words=words)
    half = len(audio.samples) // 2
    assert failed(speech, sentences) == set()
    silenced = doctored(np.where(np.arange(len(audio.samples)) < half, audio.samples, np.float32(0)), speech)
    assert failed(silenced, sentences) - {"faded"} == {"silent word"}
    assert failed(doctored(audio.samples[:half], speech), sentences) - {"faded"} == {"silent word", "cut off"}


def test_a_warning_of_the_voice_is_a_mishap() -> None:
    assert failed(replace(spoken(), warnings=(Failed("12 symbols unread"),))) == {"warned"}


def test_a_sample_that_is_no_number_is_found_and_hides_nothing_else() -> None:
    speech = spoken()
    speech.samples[[100, 200]] = np.nan, np.inf
    assert failed(speech) == {"not finite"}
    assert failed(doctored(np.full_like(speech.samples, np.nan))) >= {"not finite", "silent word"}


def test_clipping_is_found() -> None:
    samples = spoken().samples
    assert failed(doctored(np.clip(20 * samples, -1, 1))) == {"clipped"}


def test_a_word_without_frames_is_skipped() -> None:
    speech = spoken()
    words = list(speech.words)
    words[1] = SpokenWord("seven", words[1].start_s, words[1].start_s)
    (mishap,) = find_mishaps(replace(speech, words=tuple(words)), [Sentence(SOUNDS)])
    assert (mishap.check, mishap.detail) == ("skipped word", "'seven'")


@pytest.mark.parametrize("stretched_s", [1.6, 4.0])
def test_a_word_that_hangs_is_stretched(stretched_s: float) -> None:
    durations_s = list(DURATIONS_S)
    durations_s[2] = stretched_s
    assert "stretched word" in failed(spoken(durations_s))


@pytest.mark.parametrize("lost", range(len(WORDS)))
def test_a_word_in_whose_time_nothing_sounds_is_silent(lost: int) -> None:
    speech = spoken()
    word = speech.words[lost]
    speech.samples[round((word.start_s - 0.02) * RATE) if lost else 0 : round((word.end_s + 0.02) * RATE)] *= 1e-4
    (mishap,) = find_mishaps(speech, [Sentence(SOUNDS)])
    assert mishap.check == "silent word"
    assert repr(word.text) in mishap.detail


def test_a_lost_word_late_in_a_long_speech_is_the_one_that_is_named() -> None:
    speech, times = spoken(), 30
    later = [index * speech.duration_s for index in range(times)]
    words = tuple(SpokenWord(word.text, t + word.start_s, t + word.end_s) for t in later for word in speech.words)
    samples = np.tile(speech.samples, times)
    samples[round((words[-5].start_s - 0.02) * RATE) : round((words[-5].end_s + 0.02) * RATE)] *= 1e-4
    (mishap,) = find_mishaps(Speech(samples, RATE, words=words), [Sentence(SOUNDS)] * times)
    assert mishap.detail.startswith("'the' at 58.")


def test_nothing_but_silence_has_silent_words_only() -> None:
    mishaps = find_mishaps(doctored(np.zeros_like(spoken().samples)), [Sentence(SOUNDS)])
    assert [mishap.check for mishap in mishaps] == ["silent word"] * len(WORDS)


def test_a_soft_word_is_not_silent() -> None:
    speech = spoken()
    word = speech.words[0]
    speech.samples[: round(word.end_s * RATE)] *= 10 ** (-25 / 20)
    assert failed(speech) == set()


@pytest.mark.parametrize(("num_soft", "checks"), [(4, {"faded"}), (3, set())])
def test_words_that_are_all_soft_have_faded(num_soft: int, checks: set[str]) -> None:
    speech = spoken([*DURATIONS_S[:-1], 1.0])
    samples = np.tile(speech.samples, 2)
    later = [
        SpokenWord(one.text, one.start_s + speech.duration_s, one.end_s + speech.duration_s) for one in speech.words
    ]
    samples[round(later[-num_soft].start_s * RATE) :] *= 10 ** (-22 / 20)
    assert failed(Speech(samples, RATE, words=(*speech.words, *later)), [Sentence(SOUNDS)] * 2) == checks


def test_words_rushed_through_are_too_fast() -> None:
    assert failed(spoken([0.02 * count for count in SOUNDS], gap_s=0.02)) == {"pace"}


def test_words_all_drawn_out_are_too_slow() -> None:
    durations_s = [0.7 * (0.75 + 0.12 * count) for count in SOUNDS]
    assert failed(spoken(durations_s, gap_s=0.9)) == {"pace"}


def test_one_rushed_sentence_does_not_hide_among_others() -> None:
    rushed = (0.03, 0.08, *DURATIONS_S[2:])
    assert failed(spoken(rushed, gap_s=0.01), [Sentence(SOUNDS)]) == set()
    assert failed(spoken(rushed, gap_s=0.01), [Sentence(SOUNDS[:2]), Sentence(SOUNDS[2:])]) == {"pace"}


def test_a_voice_that_is_lost_between_two_words_pauses_too_long() -> None:
    assert "pause" in failed(spoken(gap_s=LONGEST_PAUSE_S + 0.05))
    assert "pause" not in failed(spoken(gap_s=LONGEST_PAUSE_S - 0.05))


def test_the_pause_between_sentences_is_not_the_voices() -> None:
    speech = spoken(gap_s=LONGEST_PAUSE_S + 0.05)
    each = [Sentence((count,), pause_s=0.3) for count in SOUNDS]
    assert failed(speech, each) == set()
    assert failed(spoken(gap_s=LONGEST_PAUSE_S + 0.3 + 0.05), each) == {"pause"}


def test_a_long_wait_for_the_first_word_is_a_pause() -> None:
    speech, wait_s = spoken(), LONGEST_PAUSE_S + 0.05
    late = tuple(SpokenWord(word.text, word.start_s + wait_s, word.end_s + wait_s) for word in speech.words)
    samples = np.concatenate([np.zeros(round(wait_s * RATE), dtype=np.float32), speech.samples])
    assert failed(Speech(samples, RATE, words=late)) == {"pause"}


@pytest.mark.parametrize("babble", [True, False])
def test_sound_or_silence_long_behind_the_last_word_goes_on(babble: bool) -> None:
    speech = spoken(closing_s=LONGEST_CLOSING_S + 0.05)
    start = round(speech.words[-1].end_s * RATE)
    if babble:
        speech.samples[start:-2000] += waveform(2.0, RATE)[: len(speech.samples) - start - 2000]
    assert failed(speech) == {"goes on"}


@pytest.mark.parametrize("word", range(len(WORDS)))
def test_speech_cut_in_the_middle_of_a_word_is_cut_off(word: int) -> None:
    speech = spoken()
    middle = round((speech.words[word].start_s + speech.words[word].end_s) / 2 * RATE)
    assert "cut off" in failed(doctored(speech.samples[:middle]))


def test_a_sound_that_stops_while_it_is_loud_is_cut_off_though_its_words_have_ended() -> None:
    assert failed(spoken(closing_s=0.0)) == {"cut off"}


def test_words_are_counted_by_what_the_voice_reads() -> None:
    assert expected_sentences(Frontend(), "Six cats! ... Go.")[0] == Sentence((4, 4), 0.3)


def test_what_cannot_be_spoken_is_left_out_of_the_sentences() -> None:
    assert [one.num_sounds for one in expected_sentences(Frontend(), "Yes.\n\n***\n\nNo.")] == [(3,), (2,)]


def test_speech_of_other_words_is_refused() -> None:
    with pytest.raises(ValueError, match="5 words, where the sentences have 4"):
        find_mishaps(spoken(), [Sentence(SOUNDS[:4])])
