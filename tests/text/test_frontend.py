"""The door from text to symbols."""

import pickle
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sonorant.config.features import FrontendConfig
from sonorant.errors import ConfigError, TextError
from sonorant.text import Frontend, Utterance

FRONTEND = Frontend()
CHARACTERS = Frontend(FrontendConfig(symbols="characters"))
BASIC = Frontend(FrontendConfig(symbols="english_basic"))


def symbols(text: str, frontend: Frontend = FRONTEND) -> str:
    return "|".join(frontend.utterance(text).symbols)


def sources(text: str, frontend: Frontend = FRONTEND) -> list[tuple[str, str]]:
    return [(word.text, word.source) for word in frontend.utterance(text).words]


def assert_sound(utterance: Utterance, frontend: Frontend) -> None:
    assert list(utterance.ids) == frontend.table.encode(utterance.symbols)
    assert utterance.symbols[0] != " " and utterance.symbols[-1] in ".?!"
    assert utterance.words and utterance.words[0].start == 0
    for word, following in zip(utterance.words, utterance.words[1:], strict=False):
        assert word.start < word.end < following.start
        assert utterance.symbols[following.start - 1] == " "


@pytest.mark.parametrize("frontend", [FRONTEND, CHARACTERS, BASIC])
@given(text=st.text(max_size=80) | st.text(alphabet="aA' {}HK1.,-!\n$5é", max_size=40))
@settings(max_examples=60, deadline=None)
def test_any_text_gives_a_sound_utterance_or_a_text_error(frontend: Frontend, text: str) -> None:
    try:
        utterance = frontend.utterance(text)
    except TextError as error:
        assert str(error)
    else:
        assert_sound(utterance, frontend)


@given(st.lists(st.sampled_from("the cat's zorbing basecamp read B , . - ? I don't {HH AY1}".split(" ")), min_size=1))
@settings(max_examples=60, deadline=None)
def test_words_keep_their_phones_and_their_place(tokens: list[str]) -> None:
    try:
        utterance = FRONTEND.utterance(" ".join(tokens))
    except TextError:
        return
    assert_sound(utterance, FRONTEND)
    assert all(utterance.symbols[word.start : word.end] == word.phones for word in utterance.words)


def test_words_are_parted_by_spaces_and_marks_follow_directly() -> None:
    assert symbols("Hello, world - hi") == "HH|AH0|L|OW1|,| |W|ER1|L|D|-| |HH|AY1|."


@pytest.mark.parametrize(("text", "end"), [("Go", "."), ("Go!", "!"), ("Go?", "?"), ("Go,", ".")])
def test_an_utterance_ends_in_a_sentence_mark(text: str, end: str) -> None:
    assert FRONTEND.utterance(text).symbols[-1] == end


@pytest.mark.parametrize("text", ["", " \n", "...", "-", "?!", "\u0000"])
def test_a_text_without_words_is_refused(text: str) -> None:
    with pytest.raises(TextError, match="nothing to speak"):
        FRONTEND.utterance(text)


def test_a_long_text_is_not_repeated_in_the_error() -> None:
    with pytest.raises(TextError) as caught:
        FRONTEND.utterance("." * 100_000)
    assert len(str(caught.value)) < 300


def test_every_source_of_phones_is_named() -> None:
    frontend = Frontend(FrontendConfig(lexicon={"zyx": "Z IH1 K S"}))
    text = "zyx cat basecamp zorbing F B I read {HH AY1}"
    named = dict(sources(text, frontend))
    assert named["zyx"] == "user"
    assert named["cat"] == "lexicon"
    assert named["basecamp"] == "derived"
    assert named["zorbing"] == "letters"
    assert named["F"] == "spelled"
    assert named["read"] == "heteronym"
    assert named["{HH AY1}"] == "inline"


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("the apple", "DH IY0"),
        ("the hour", "DH IY0"),
        ("the pear", "DH AH0"),
        ("the use", "DH AH0"),
        ("the {AE1 P}", "DH IY0"),
        ("a pear", "AH0"),
    ],
)
def test_articles_follow_the_next_sound(text: str, first: str) -> None:
    assert " ".join(FRONTEND.utterance(text).words[0].phones) == first


def test_inline_phones_are_spoken_as_written() -> None:
    assert symbols("{HH AH0 L OW1}") == "HH|AH0|L|OW1|."
    assert symbols("say { hh ah0 l ow1 }, now") == symbols("say {HH AH0 L OW1}, now")


@pytest.mark.parametrize(("text", "named"), [("say {HH AX0}", "'AX0'"), ("{AA}", "'AA'"), ("{}", "no phones")])
def test_wrong_inline_phones_are_named_with_the_allowed_ones(text: str, named: str) -> None:
    with pytest.raises(TextError, match=rf"{named}.*allowed are the vowels AA AE .*consonants B CH"):
        FRONTEND.utterance(text)


def test_inline_phones_are_refused_by_a_table_without_phones() -> None:
    with pytest.raises(TextError, match="characters, not phones"):
        CHARACTERS.utterance("{HH AY1}")


def test_user_words_win_over_the_lexicon_and_files_over_the_config(tmp_path: Path) -> None:
    config = FrontendConfig(lexicon={"cat": "K AA1 T", "read": "R IY1 D"})
    file = tmp_path / "words.txt"
    file.write_text("cat  K IY1 T\n", encoding="utf-8")
    assert symbols("cat", Frontend(config)) == "K|AA1|T|."
    assert symbols("cat", Frontend(config, [file])) == "K|IY1|T|."
    assert sources("have read", Frontend(config))[1] == ("read", "user")


def test_user_words_are_inflected_and_may_replace_the() -> None:
    frontend = Frontend(FrontendConfig(lexicon={"zorb": "Z AO1 R B", "the": "DH AH1"}))
    assert sources("the zorbs", frontend) == [("the", "user"), ("zorbs", "derived")]
    assert symbols("the zorbs", frontend) == "DH|AH1| |Z|AO1|R|B|Z|."


def test_a_user_word_wins_over_spelling_its_letters() -> None:
    frontend = Frontend(FrontendConfig(lexicon={"xqf": "Z AH1 K F"}))
    assert symbols("XQF", frontend) == "Z|AH1|K|F|."
    assert [source for _, source in sources("XQF")] == ["spelled"] * 3


def test_all_wrong_additions_of_a_config_are_named_at_once() -> None:
    with pytest.raises(ConfigError, match=r"(?s)'AX1' is not a phone.*'b2b' is not a word"):
        Frontend(FrontendConfig(lexicon={"bad": "B AX1", "b2b": "B IY1"}))


@pytest.mark.parametrize(
    ("text", "written"), [("What is a?", "what is a?"), ("A4", "a four."), ("Dr. A. Smith", "doctor a smith.")]
)
def test_the_letter_a_is_a_letter_where_there_are_no_phones(text: str, written: str) -> None:
    assert "".join(CHARACTERS.utterance(text).symbols) == written


def test_another_version_of_the_front_end_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"frontend\.version: found 99"):
        Frontend(FrontendConfig(version=99))


def test_characters_are_lower_case_letters() -> None:
    assert symbols("Don't go, Ann!", CHARACTERS) == "d|o|n|'|t| |g|o|,| |a|n|n|!"
    assert sources("Ann", CHARACTERS) == [("Ann", "graphemes")]


def test_english_basic_marks_phones() -> None:
    assert symbols("cat.", BASIC) == "@K|@AE1|@T|."


@pytest.mark.parametrize(
    ("choice", "expected"),
    [("none", "@R|@IY1|@D| |@K|@AE1|@T|."), ("heteronyms", "r|e|a|d| |@K|@AE1|@T|."), ("all", "r|e|a|d| |c|a|t|.")],
)
def test_english_basic_may_write_words_in_letters(choice: str, expected: str) -> None:
    config = FrontendConfig.model_validate({"symbols": "english_basic", "grapheme_words": choice})
    assert symbols("read cat", Frontend(config)) == expected


def test_grapheme_words_without_english_basic_are_refused() -> None:
    with pytest.raises(ConfigError, match="english_basic only, found symbols arpabet"):
        Frontend(FrontendConfig(grapheme_words="all"))


def test_what_the_normaliser_reports_is_passed_on() -> None:
    utterance = FRONTEND.utterance("cat \U0001f600 5")
    assert utterance.steps
    assert utterance.text == "cat \U0001f600 5"
    assert any("\U0001f600" in report or "grinning" in report.lower() for report in utterance.reports)


def test_the_same_text_gives_the_same_utterance() -> None:
    text = "In 1997 the lead singer read a zorbing."
    assert FRONTEND.utterance(text) == Frontend().utterance(text)


def test_a_front_end_travels_to_other_processes() -> None:
    copy = pickle.loads(pickle.dumps(FRONTEND))
    assert copy.utterance("zorbing cats") == FRONTEND.utterance("zorbing cats")


def test_an_unpronounceable_word_is_spelled() -> None:
    assert sources("brfk")[0][1] == "spelled"


@pytest.mark.parametrize("text", ["a" * 500, "a'" * 300, "quickly " * 2000 + "read", "read, " * 1000, "{HH}" * 1000])
def test_monstrous_texts_end_in_a_sound_utterance(text: str) -> None:
    assert_sound(FRONTEND.utterance(text), FRONTEND)
