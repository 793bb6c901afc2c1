"""report.html: whole in itself, the worst sentence first."""

import io
import re
from base64 import b64decode
from html.parser import HTMLParser

import numpy as np
import pytest
import soundfile
from PIL import Image
from tests.evaluation.reports import evaluation, result

from sonorant.audio import Audio
from sonorant.config import MelConfig
from sonorant.evaluation.evaluate import Judged, clip
from sonorant.evaluation.figures import figures
from sonorant.evaluation.page import page
from sonorant.evaluation.picture import png, spectrogram_png
from sonorant.evaluation.results import SentenceResult, Share

RATE = 22050


def judged(sentence: SentenceResult, recorded: bool = True) -> Judged:
    tone = Audio(0.3 * np.sin(2 * np.pi * 1000 * np.arange(RATE // 2) / RATE).astype(np.float32), RATE)
    heard = clip(tone, MelConfig())
    return Judged(sentence, heard, heard if recorded else None)


def render(*sentences: SentenceResult, recorded: bool = True) -> str:
    found = evaluation(*sentences)
    return page(found, figures(sentences), [judged(sentence, recorded) for sentence in sentences])


def test_the_page_loads_nothing_and_is_well_formed() -> None:
    class Reader(HTMLParser):
        open: list[str] = []  # noqa: RUF012
        sources: list[str] = []  # noqa: RUF012

        def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
            self.sources += [str(value) for name, value in attributes if name in ("src", "href")]
            if tag not in ("meta", "img", "br"):
                self.open.append(tag)

        def handle_endtag(self, tag: str) -> None:
            assert self.open.pop() == tag

    reader = Reader()
    reader.feed(render(result(1), result(2, errors=2, notes=("left out: <x>",))))
    assert not reader.open
    assert len(reader.sources) == 8 and all(source.startswith("data:") for source in reader.sources)


def test_sounds_and_pictures_can_be_opened() -> None:
    text = render(result(1), recorded=False)
    (sound,) = re.findall(r"data:audio/mpeg;base64,([^']+)'", text)
    samples, rate = soundfile.read(io.BytesIO(b64decode(sound)))
    assert rate == RATE and len(samples) == pytest.approx(RATE // 2, abs=2400)
    (picture,) = re.findall(r"data:image/png;base64,([^']+)'", text)
    assert Image.open(io.BytesIO(b64decode(picture))).size == (43, 80)


def test_the_worst_sentence_comes_first() -> None:
    text = render(result(1, errors=1), result(2, errors=4), result(3, errors=2))
    assert re.findall(r"<h3>(\d+)", text) == ["002", "003", "001"]


def test_what_the_recording_was_misheard_in_is_no_fault_of_the_voice() -> None:
    misread = result(1, errors=3, recording_shares={"wer": Share(3, 4)})
    assert re.findall(r"<h3>(\d+)", render(misread, result(2, errors=2))) == ["002", "001"]


def test_copies_are_sorted_by_their_log_mel_error() -> None:
    copies = [result(n, shares={"wer": Share(0, 4), "log_mel_error": Share(e)}) for n, e in ((1, 0.2), (2, 0.4))]
    assert re.findall(r"<h3>(\d+)", render(*copies)) == ["002", "001"]


def test_texts_are_escaped_and_wrong_words_are_marked() -> None:
    text = render(result(1, heard="one <two> three four"))
    assert "Sentence &lt;1&gt; &amp; more." in text
    assert "one <mark>&lt;two&gt;</mark> three four" in text
    assert "heard: nothing" in render(result(1, heard=""))


def test_every_figure_is_explained() -> None:
    text = render(result(1))
    assert text.count("<dt>") == text.count("Source: ") == 3


def test_the_picture_is_the_array() -> None:
    grey = np.arange(12, dtype=np.uint8).reshape(3, 4)
    assert (np.asarray(Image.open(io.BytesIO(png(grey)))) == grey).all()


def test_the_darkest_row_is_the_tones_and_low_is_below() -> None:
    tone = 0.5 * np.sin(2 * np.pi * 500 * np.arange(RATE) / RATE).astype(np.float32)
    picture = np.asarray(Image.open(io.BytesIO(spectrogram_png(Audio(tone, RATE), MelConfig()))))
    darkest = picture[:, 40].argmin()
    assert 50 < darkest < 80, "500 Hz lie in the lowest third of the mel scale"


def test_a_sound_too_short_for_a_frame_has_a_picture_too() -> None:
    short = Audio(np.zeros(10, dtype=np.float32), RATE)
    assert Image.open(io.BytesIO(spectrogram_png(short, MelConfig()))).size == (1, 1)
