from collections import Counter
from pathlib import Path

from sonorant.config import FeatureConfig
from sonorant.corpus import Record, sentence_words, split_of

CONFIG = FeatureConfig(validation_share=0.2, test_share=0.1)


def records(*texts: str) -> list[Record]:
    return [Record(f"{text}/{take}", Path("a"), text, "x", None, Path("b")) for take, text in enumerate(texts)]


def test_all_takes_of_a_sentence_are_on_one_side() -> None:
    takes = [form for n in range(100) for form in (f"Sentence, {n}.", f"sentence {n}!", f"SENTENCE {n}")]
    sides = list(split_of(records(*takes), CONFIG).values())
    assert sides[0::3] == sides[1::3] == sides[2::3]
    assert len(set(sides)) == 3


def test_adding_and_reordering_clips_moves_nobody() -> None:
    some = records(*(f"Sentence {n}." for n in range(50)))
    more = records(*(f"Another {n}." for n in range(50)))
    before, after = split_of(some, CONFIG), split_of([*reversed(more), *reversed(some)], CONFIG)
    assert before == {utterance_id: after[utterance_id] for utterance_id in before}


def test_the_shares_are_met_on_average_and_another_seed_is_another_split() -> None:
    many = records(*(f"Sentence {n}." for n in range(4000)))
    first, second = (split_of(many, CONFIG.model_copy(update={"split_seed": seed})) for seed in (0, 1))
    counts = Counter(first.values())
    assert abs(counts["validation"] - 800) < 80 and abs(counts["test"] - 400) < 60
    assert first != second


def test_a_share_of_nothing_is_empty() -> None:
    config = FeatureConfig(validation_share=0.0, test_share=0.0)
    assert set(split_of(records(*(str(n) for n in range(200))), config).values()) == {"train"}


def test_words_are_compared_without_marks_case_or_form_of_unicode() -> None:
    assert sentence_words("Cafe\u0301 — “It’s”, OK?") == sentence_words("café it's ok")
    assert sentence_words("its ok") != sentence_words("it's ok")
