"""The tools that make the front end's data."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

TOOLS = Path(__file__).resolve().parents[2] / "tools"


def load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, TOOLS / f"{name}.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def test_cmudict_is_read_with_variants_and_without_remarks(tmp_path: Path) -> None:
    source = tmp_path / "cmudict.dict"
    source.write_text("tomato T AH0 M EY1 T OW2\ntomato(2) T AH0 M AA1 T OW2\nco-op K OW1\nada EY1 D AH0 # name\n")
    build = load("build_lexicon")
    entries = build.read_cmudict(source)
    assert {word: len(variants) for word, variants in entries.items()} == {"tomato": 2, "ada": 1}


def test_alignment_gives_x_two_phones_and_silent_letters_none() -> None:
    align = load("align_letters").align
    words = ["box", "ox", "bo", "so", "sob", "boe", "soe", "ob"] * 3
    phones = {"b": "B", "o": "O", "s": "S", "x": "KS", "e": ""}
    letters, sounds = sorted(phones), sorted("BOSK")
    pairs = [([letters.index(c) for c in w], [sounds.index(p) for c in w for p in phones[c]]) for w in words]
    sizes = align(pairs, len(letters), len(sounds))
    assert sizes[0] == [1, 1, 2]
    assert sizes[words.index("boe")] == [1, 1, 0]


@pytest.mark.parametrize(("letters", "phones"), [([0], []), ([0], [0, 0, 0]), ([], [0])])
def test_what_cannot_be_aligned_is_left_out(letters: list[int], phones: list[int]) -> None:
    assert load("align_letters").align([(letters, phones)], 1, 1) == [None]
