"""Recordings on disk to records: readers, splits, and the doctor that looks for what is wrong."""

from sonorant.corpus.readers import read_corpus
from sonorant.corpus.records import Corpus, Problem, Record
from sonorant.corpus.splits import SPLITS, Split, sentence_words, split_of

__all__ = ["SPLITS", "Corpus", "Problem", "Record", "Split", "read_corpus", "sentence_words", "split_of"]
