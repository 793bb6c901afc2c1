from sonorant.synthesis.pieces import MAX_SYMBOLS, PARAGRAPH_PAUSE_S, ReadPiece, read_pieces, split_pieces
from sonorant.text import Frontend


def pauses(text: str) -> list[float]:
    return [piece.pause_s for piece in split_pieces(text)]


def test_a_paragraph_gets_a_longer_pause_than_a_sentence() -> None:
    first, second, last = pauses("One is here. Two is there.\n\nThree is gone.")
    assert 0 < first < second and last == 0


def test_a_line_break_alone_is_no_paragraph() -> None:
    assert pauses("One is here.\nTwo is there.")[0] == pauses("One is here. Two is there.")[0]


def test_a_closing_quote_does_not_hide_the_mark() -> None:
    quoted = pauses("“One is here.” Two is there.")
    assert quoted[0] == pauses("One is here. Two is there.")[0]


def test_an_over_long_sentence_pauses_less_where_it_was_cut() -> None:
    found = pauses("this is a clause of a sentence that does not end, " * 12 + "until here. Two is there.")
    assert len(found) >= 3
    assert 0 < found[0] < found[-2]


def test_nothing_gives_no_piece() -> None:
    assert pauses("") == pauses(" \n\n\t ") == []


def test_no_word_is_lost() -> None:
    text = "One, two. Three!\n \nFour? " + "five " * 200
    assert " ".join(piece.text for piece in split_pieces(text)).split() == text.split()


def read(text: str) -> list[ReadPiece]:
    return list(read_pieces(Frontend(), text))


def test_a_piece_that_is_long_when_read_out_is_cut_again_and_nothing_is_lost() -> None:
    text = "The numbers are " + " ".join(str(1234567 * factor) for factor in range(1, 20)) + ", and that is all."
    assert [piece.text for piece in split_pieces(text)] == [text], "too few characters to be cut by"
    pieces = read(text)
    assert all(piece.utterance and len(piece.utterance.ids) <= MAX_SYMBOLS for piece in pieces)
    assert " ".join(piece.piece.text for piece in pieces) == text


def test_a_piece_that_is_cut_again_keeps_figures_with_their_units() -> None:
    text = "The cargo was " + "twelve hundred and 7777777 kilograms of wood and 5 million tons of coal or " * 4 + "so."
    pieces = [piece.piece.text for piece in read(text)]
    assert len(pieces) > 4 and " ".join(pieces) == text
    assert not any(piece.endswith(("7777777", "5", "million")) for piece in pieces)


def test_the_last_part_of_a_cut_piece_keeps_its_pause() -> None:
    long, short = "7777777 " * 12 + "days.", "Then rest."
    pauses = [piece.piece.pause_s for piece in read(f"{long}\n\n{short}")]
    assert len(pauses) > 2 and pauses[-2:] == [PARAGRAPH_PAUSE_S, 0.0]


def test_phones_in_braces_stay_together_when_what_is_around_them_is_long_when_read_out() -> None:
    group = "{" + " ".join(["AA1", "T"] * 28) + "}"
    pieces = read(f"Say {group} {'7777777 ' * 6}now.")
    assert len(pieces) > 3 and group in [piece.piece.text for piece in pieces]


def test_a_single_word_is_never_cut_for_being_long_when_read_out() -> None:
    (piece,) = read("9" * 80)
    assert piece.utterance and len(piece.utterance.ids) > MAX_SYMBOLS


def test_a_piece_without_words_says_what_is_wrong_with_it() -> None:
    first, second = read("... \n\nYes.")
    assert first.utterance is None and "nothing to speak" in str(first.error)
    assert second.utterance and second.error is None
