"""Recognising a sound file that was cut off, where the decoder would deliver the rest without a word."""

_UNKNOWN_RIFF_SIZE = 0x7FFF0000
_OGG_PAGE_HEADER = 27
_OGG_LAST_PAGE = 0x04


def is_cut_off(content: bytes) -> bool:
    """Return whether a WAV or Ogg file ends before its own structure says it does.

    A streamed WAV declares no length (0 or a size near the field's end) and is never called cut off. Other formats are
    left to their decoder, which notices.
    """
    if content.startswith(b"RIFF"):
        declared = int.from_bytes(content[4:8], "little")
        return declared < _UNKNOWN_RIFF_SIZE and declared > len(content) - 7  # a missing pad byte is common
    if content.startswith(b"OggS"):
        return not _ends_with_last_ogg_page(content)
    return False


def declares_length(content: bytes) -> bool:
    """Return whether the length that the decoder announces was written by the encoder.

    A streamed mp3 file has no Xing or Info header to tell it, and the decoder guesses from the file's size.
    """
    is_mp3 = content.startswith(b"ID3") or (len(content) > 1 and content[0] == 0xFF and content[1] & 0xE0 == 0xE0)
    return not is_mp3 or b"Xing\0\0\0" in content or b"Info\0\0\0" in content


def _ends_with_last_ogg_page(content: bytes) -> bool:
    """Return whether the last Ogg page is whole and marked as the last one (RFC 3533, section 6)."""
    page = content[content.rfind(b"OggS") :]
    if len(page) < _OGG_PAGE_HEADER or not page[5] & _OGG_LAST_PAGE:
        return False
    lacing = page[_OGG_PAGE_HEADER : _OGG_PAGE_HEADER + page[26]]
    return len(lacing) == page[26] and len(page) >= _OGG_PAGE_HEADER + len(lacing) + sum(lacing)
