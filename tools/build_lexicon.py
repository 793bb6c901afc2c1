"""Make src/sonorant/text/data/cmudict.zlib from CMUdict's own file.

    python tools/build_lexicon.py cmudict.dict

The file is `cmudict.dict` of https://github.com/cmusphinx/cmudict (BSD-like licence, beside the result as
CMUDICT_LICENSE); the committed result was made from the copy inside the Python package cmudict 1.1.3. Kept are the
words of letters and inner apostrophes: hyphens, full stops and digits never reach the lexicon, because the normaliser
writes them out.
"""

import re
import sys
import zlib
from pathlib import Path

from sonorant.text.lexicon import WORD, encode_phones
from sonorant.text.symbols import parse_phones

TARGET = Path(__file__).resolve().parents[1] / "src/sonorant/text/data/cmudict.zlib"
VARIANT = re.compile(r"\(\d+\)$")


def read_cmudict(path: Path) -> dict[str, list[str]]:
    """Return word -> pronunciations as `encode_phones` writes them, in the order of the file."""
    entries: dict[str, list[str]] = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        written, _, phones = line.partition("#")[0].strip().partition(" ")
        word = VARIANT.sub("", written)
        if WORD.fullmatch(word):
            codes = encode_phones(parse_phones(phones, f"{path}:{number}"))
            variants = entries.setdefault(word, [])
            if codes not in variants:
                variants.append(codes)
    return entries


def main() -> None:
    entries = read_cmudict(Path(sys.argv[1]))
    lines = "".join(f"{word} {','.join(variants)}\n" for word, variants in sorted(entries.items()))
    TARGET.write_bytes(zlib.compress(lines.encode("ascii"), 9))
    print(f"{len(entries)} words, {len(lines)} bytes, packed {TARGET.stat().st_size}")


if __name__ == "__main__":
    main()
