"""What all pages share: one file each that loads nothing from anywhere."""

from base64 import b64encode
from collections.abc import Iterable
from html import escape

_STYLE = """
body { font: 15px/1.45 system-ui, sans-serif; margin: 2em auto; max-width: 72em; padding: 0 1em; color: #222; }
table { border-collapse: collapse; }
td, th { padding: .2em .9em .2em 0; text-align: left; border-bottom: 1px solid #ddd; }
small, dd { color: #555; }
audio { height: 2em; vertical-align: middle; }
"""


def document(heading: str, style: str, body: Iterable[str]) -> str:
    """Return a page with a heading, in its own style besides the one of all pages."""
    title = escape(heading)
    return "\n".join(
        [
            f"<!doctype html>\n<html lang='en'>\n<meta charset='utf-8'>\n<title>{title}</title>",
            f"<style>{_STYLE}{style}</style>\n<h1>{title}</h1>",
            *body,
            "</html>\n",
        ]
    )


def data_url(media_type: str, content: bytes) -> str:
    """Write a file as an address, so that the page holds it.

    Example:
        >>> data_url("text/plain", b"hello")
        'data:text/plain;base64,aGVsbG8='
    """
    return f"data:{media_type};base64,{b64encode(content).decode()}"
