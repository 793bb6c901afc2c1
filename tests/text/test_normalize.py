"""What the normaliser says about its work: steps and reports."""

import pytest

from sonorant.text.normalize import Step, normalize


def test_each_rewriting_is_a_step() -> None:
    steps = normalize("Dr. Who paid $5 in 1905.").steps
    assert Step("doctor or drive", "Dr.", "Doctor") in steps
    assert Step("money", "$5", "five dollars") in steps
    assert Step("year", "1905", "nineteen oh five") in steps


def test_a_step_shows_no_character_of_ours() -> None:
    steps = normalize("Dr. A. Smith ({HH AY1}) took A = B").steps
    shown = "".join(step.written + step.spoken for step in steps)
    assert steps and not any("\ue000" <= one <= "\uf8ff" for one in shown)


def test_plain_words_need_no_step() -> None:
    assert normalize("It was late, and nobody spoke.").steps == ()


def test_silent_marks_are_steps_with_nothing_spoken() -> None:
    assert Step("quotation mark", '"', "") in normalize('"Yes"').steps


@pytest.mark.parametrize(
    ("text", "report"),
    [
        ("hi 😀", "dropped U+1F600 GRINNING FACE"),
        ("日", "dropped U+65E5 CJK UNIFIED IDEOGRAPH-65E5"),
        ("a\x07b", "removed U+0007"),
        ("a\u200bb", "removed U+200B ZERO WIDTH SPACE"),
        ("<break/>go", "removed the tag <break/>"),
        ("Жук", "transliterated 'Ж' as 'Zh'"),
        ("\ud800x", "dropped U+D800"),
        ("\ue000x", "dropped U+E000"),
    ],
)
def test_what_is_lost_or_changed_beyond_recognition_is_reported(text: str, report: str) -> None:
    assert report in normalize(text).reports


def test_repeated_losses_are_reported_once_with_their_number() -> None:
    assert normalize("😀 and 😀 and 😀").reports == ("dropped U+1F600 GRINNING FACE (3 times)",)


def test_ordinary_english_has_no_reports() -> None:
    assert normalize("“It’s 5 o’clock — don’t wait…” (£3.50)").reports == ()


@pytest.mark.parametrize("text", ["", " ", "\n\t", "...", "—", "😀", "()", "'", "<b></b>"])
def test_what_cannot_be_spoken_is_empty(text: str) -> None:
    assert normalize(text).spoken == ""


def test_groups_of_phones_pass_untouched_and_other_braces_do_not() -> None:
    assert normalize("{HH AH0 L OW1}").spoken == "{HH AH0 L OW1}"
    assert normalize("{QQ}").spoken == "Q Q"


def test_the_letter_a_is_told_from_the_article() -> None:
    assert normalize("A man, plan A, and A4.").spoken == "a man, plan A, and A four."
    assert normalize("A4 is paper.").spoken == "{EY1} four is paper."
