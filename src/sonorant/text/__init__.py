"""Text to symbols: normalisation, pronunciation, symbol tables; no torch."""

from sonorant.text.frontend import Frontend, Utterance, Word
from sonorant.text.lexicon import Lexicon, read_lexicon
from sonorant.text.normalize import Normalized, Step, normalize
from sonorant.text.sentences import split_sentences
from sonorant.text.symbols import MARKS, PAD, PHONES, SENTENCE_MARKS, SPACE, SymbolTable, symbol_table

__all__ = [
    "MARKS",
    "PAD",
    "PHONES",
    "SENTENCE_MARKS",
    "SPACE",
    "Frontend",
    "Lexicon",
    "Normalized",
    "Step",
    "SymbolTable",
    "Utterance",
    "Word",
    "normalize",
    "read_lexicon",
    "split_sentences",
    "symbol_table",
]
