"""The one door from text to the symbols that an acoustic model reads.

text --normalize--> spoken words and marks --pronounce--> phones --lay out--> symbols --encode--> ids
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sonorant.config.features import FRONTEND_VERSION, FrontendConfig
from sonorant.errors import ConfigError, TextError
from sonorant.text.lexicon import parse_entry, read_lexicon
from sonorant.text.normalize import Step, normalize
from sonorant.text.normalize.characters import LETTER_A
from sonorant.text.pronounce import GRAPHEMES, Pronouncer, Pronunciation
from sonorant.text.symbols import SENTENCE_MARKS, SPACE, SymbolTable, parse_phones, symbol_table

_TOKEN = re.compile(r"(?P<inline>\{[^{}]*\})|(?P<word>[A-Za-z]+(?:'[A-Za-z]+)*)|(?P<mark>[.,;:?!-])|(?P<other>\S)")
_INLINE = re.compile(r"\{([^{}]*)\}")
_DEFAULT = FrontendConfig()
_WORD_SOURCES = ("user", "heteronym", "lexicon", "derived", "letters", "spelled")


@dataclass(frozen=True)
class Word:
    """A spoken word and where its symbols stand in the utterance.

    Attributes:
        text: As the normaliser wrote it; for inline phones the group in braces.
        phones: Empty where the word is written in letters.
        start: Index of its first symbol.
        end: Index behind its last symbol.
        source: Who knew the phones: `inline`, `user`, `heteronym`, `lexicon`, `derived` (from words of the lexicon),
            `letters` (letter-to-sound model), `spelled` (letter by letter); `graphemes` for a word written in letters.
    """

    text: str
    phones: tuple[str, ...]
    start: int
    end: int
    source: str


@dataclass(frozen=True)
class Utterance:
    """What a text became, and how.

    Attributes:
        text: As it was given.
        spoken: What the normaliser made of it: words, marks, inline phones.
        symbols: Words separated by a space, marks directly behind their word, a sentence mark at the end.
        ids: The symbols' numbers in the front end's table.
        words: The spoken words in order.
        steps: What the normaliser rewrote.
        reports: What was dropped or transliterated.
    """

    text: str
    spoken: str
    symbols: tuple[str, ...]
    ids: tuple[int, ...]
    words: tuple[Word, ...]
    steps: tuple[Step, ...]
    reports: tuple[str, ...]


@dataclass(frozen=True)
class _Token:
    kind: str
    text: str


class Frontend:
    """Turns text into utterances; the same text always gives the same symbols.

    Args:
        config: The symbol table and the lexicon additions that belong to a voice.
        lexicon_files: Lexicon files of the user; a later file wins over an earlier one and over the config's additions.

    Raises:
        ConfigError: The config is of another version, its additions are wrong, or its options do not go together.
        TextError: A lexicon file is wrong.

    Example:
        >>> utterance = Frontend().utterance("Hello, world")
        >>> " ".join(utterance.symbols)
        'HH AH0 L OW1 ,   W ER1 L D .'
        >>> [(word.text, word.source) for word in utterance.words]
        [('Hello', 'lexicon'), ('world', 'lexicon')]
    """

    def __init__(self, config: FrontendConfig = _DEFAULT, lexicon_files: Sequence[Path] = ()) -> None:
        if config.version != FRONTEND_VERSION:
            raise ConfigError(
                f"frontend.version: found {config.version}, this version of sonorant has {FRONTEND_VERSION}; "
                "leave it out, and prepare features of another version again"
            )
        if config.grapheme_words != "none" and config.symbols != "english_basic":
            raise ConfigError(
                f"frontend.grapheme_words: {config.grapheme_words} goes with symbols english_basic only, "
                f"found symbols {config.symbols}"
            )
        self.config = config
        self.table: SymbolTable = symbol_table(config.symbols)
        self._additions = _config_entries(config.lexicon)
        for path in lexicon_files:
            self._additions.update(read_lexicon(path))
        self._pronouncer = Pronouncer(self._additions)

    def utterance(self, text: str) -> Utterance:
        """Turn one sentence or a few into symbols.

        Raises:
            TextError: There is nothing to speak in the text, or phones in braces are wrong.
        """
        inline = _INLINE.search(text) if self.config.symbols == "characters" else None
        if inline:
            raise TextError(f"{inline[0]}: this voice reads characters, not phones; write the word in letters")
        normalized = normalize(_INLINE.sub(_canonical, text))
        tokens, reports = _tokens(normalized.spoken)
        tokens = _join_spelled(tokens, self._additions)
        symbols, words = self._lay_out(tokens)
        if not words:
            raise TextError(f"text: there is nothing to speak in {_shortened(text)}; it needs a word or a number")
        return Utterance(
            text=text,
            spoken=normalized.spoken,
            symbols=tuple(symbols),
            ids=tuple(self.table.encode(symbols)),
            words=tuple(words),
            steps=normalized.steps,
            reports=(*normalized.reports, *reports),
        )

    def _lay_out(self, tokens: Sequence[_Token]) -> tuple[list[str], list[Word]]:
        """Write the tokens' symbols one behind the other."""
        symbols: list[str] = []
        words: list[Word] = []
        for token, pronunciation in zip(tokens, self._pronunciations(tokens), strict=True):
            if token.kind == "mark":
                symbols.append(token.text)
                continue
            if words:
                symbols.append(SPACE)
            start = len(symbols)
            symbols += self._symbols(token, pronunciation)
            words.append(Word(token.text, pronunciation.phones, start, len(symbols), pronunciation.source))
        if symbols and symbols[-1] not in SENTENCE_MARKS:
            symbols.append(".")
        return symbols, words

    def _pronunciations(self, tokens: Sequence[_Token]) -> list[Pronunciation]:
        """Return the pronunciation of each token; marks have none."""
        if self.config.symbols == "characters":
            return [GRAPHEMES] * len(tokens)
        pronounced = self._pronouncer.pronounce([token.text for token in tokens])
        kept = {"none": (), "heteronyms": ("heteronym",), "all": _WORD_SOURCES}[self.config.grapheme_words]
        return [GRAPHEMES if found.source in kept else found for found in pronounced]

    def _symbols(self, token: _Token, pronunciation: Pronunciation) -> Sequence[str]:
        if pronunciation.source == "graphemes":
            return "a" if token.text == LETTER_A else token.text.lower()
        if self.config.symbols == "english_basic":
            return [f"@{phone}" for phone in pronunciation.phones]
        return pronunciation.phones


def _config_entries(lexicon: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    """Check the config's lexicon additions, all at once."""
    entries: dict[str, tuple[str, ...]] = {}
    problems = []
    for word, phones in lexicon.items():
        try:
            entries.update([parse_entry(word, phones, "frontend.lexicon")])
        except TextError as error:
            problems.append(str(error))
    if problems:
        raise ConfigError("\n".join(problems))
    return entries


def _tokens(spoken: str) -> tuple[list[_Token], list[str]]:
    """Cut the spoken form into words, marks and inline phones, and report what is none of them."""
    tokens: list[_Token] = []
    reports = []
    for match in _TOKEN.finditer(spoken):
        kind, text = str(match.lastgroup), match.group()
        if kind == "other":
            reports.append(f"dropped {text!r}: no symbol for it")
        elif kind == "mark" and not tokens:
            reports.append(f"dropped {text!r}: a pause before the first word")
        else:
            tokens.append(_Token(kind, text))
    return tokens, reports


def _join_spelled(tokens: Sequence[_Token], additions: Mapping[str, object]) -> list[_Token]:
    """Join letters that the normaliser spelled out ("S Q L") where the user's lexicon has the word they make."""
    joined: list[_Token] = []
    run: list[_Token] = []
    for token in [*tokens, _Token("end", "")]:
        if len(token.text) == 1 and token.text.isupper():
            run.append(token)
            continue
        word = "".join(letter.text for letter in run)
        joined += [_Token("word", word)] if len(run) > 1 and word.lower() in additions else run
        joined.append(token)
        run = []
    return joined[:-1]


def _canonical(group: re.Match[str]) -> str:
    """Check phones in braces and write them as the normaliser passes them through."""
    phones = parse_phones(group[1], f"{group[0]}: braces hold phones")
    return f"{{{' '.join(phones)}}}"


def _shortened(text: str, limit: int = 60) -> str:
    return repr(text) if len(text) <= limit else f"{text[:limit]!r}..."
