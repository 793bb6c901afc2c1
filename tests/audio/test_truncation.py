"""A whole file is never called cut off; a shortened one is."""

import numpy as np
import pytest

from sonorant.audio.encode import StreamEncoder, encode
from sonorant.audio.sound import Audio
from sonorant.audio.truncation import declares_length, is_cut_off


@pytest.fixture(scope="module")
def noise() -> Audio:
    return Audio(np.random.default_rng(0).normal(0, 0.1, 24000).astype(np.float32), 24000)


@pytest.mark.parametrize("format", ["wav", "ogg", "opus"])
@pytest.mark.parametrize("missing", [2, 100, 2000])
def test_a_missing_end_is_noticed(noise: Audio, format: str, missing: int) -> None:
    content = encode(noise, format)
    assert not is_cut_off(content)
    assert is_cut_off(content[:-missing])


def test_a_cut_on_a_page_boundary_is_noticed(noise: Audio) -> None:
    content = encode(noise, "opus")
    assert is_cut_off(content[: content.rfind(b"OggS")])


@pytest.mark.parametrize("size", [0, 0x7FFFF024, 0xFFFFFFFF])
def test_a_wav_of_unknown_length_is_whole(noise: Audio, size: int) -> None:
    encoder = StreamEncoder("wav", 24000)
    content = encoder.push(noise.samples) + encoder.close()
    assert not is_cut_off(content[:4] + size.to_bytes(4, "little") + content[8:])


def test_a_missing_pad_byte_is_no_cut(noise: Audio) -> None:
    content = encode(noise, "wav")
    assert not is_cut_off(content[:-1])


def test_only_an_mp3_file_with_a_header_declares_its_length(noise: Audio) -> None:
    encoder = StreamEncoder("mp3", 24000)
    assert not declares_length(encoder.push(noise.samples) + encoder.close())
    assert declares_length(encode(noise, "mp3"))
    assert declares_length(encode(noise, "flac"))
