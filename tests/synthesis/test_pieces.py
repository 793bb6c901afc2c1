from sonorant.synthesis.pieces import split_pieces


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
