"""What a word's neighbours say about it: a noun or a verb, from the small words around it.

No tagger: a few dozen function words decide most cases, and where they say nothing the answer is None.
"""

from collections.abc import Sequence

from sonorant.text.symbols import MARKS, SENTENCE_MARKS


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


POSSESSIVES = _words("my your his her its our their whose")
DETERMINERS = POSSESSIVES | _words(
    "the a an this these those some any no every each another both either neither several many few more most much "
    "what such own other same first second third last next new old one two three four five six seven eight nine "
    "ten hundred thousand million"
)
SUBJECTS = _words("i you he she we they who it which i'd you'd he'd she'd we'd they'd")
OBJECTS = _words("me him her us them it you himself herself itself themselves myself yourself ourselves")
MODALS = _words(
    "will would can could shall should may might must cannot won't wouldn't can't couldn't shouldn't mustn't "
    "don't doesn't didn't do does did let lets let's please i'll you'll he'll she'll we'll they'll it'll not "
    "never ought helped help helps"
)
BE = _words(
    "is are was were be been being am isn't aren't wasn't weren't i'm you're we're they're he's she's it's that's"
)
HAVE = _words("have has had having haven't hasn't hadn't i've you've we've they've")
PREPOSITIONS = _words(
    "of in on for with by at from about without under per into as between during through over after before "
    "against within upon near across despite via like than towards toward behind above below among throughout"
)
CONJUNCTIONS = _words("and or but nor then")
CLAUSE_OPENERS = _words("if when because while although though whether that unless where")
CAUSATIVES = _words("let lets make makes made help helps helped see saw hear heard watch watched")
ADVERBS = _words(
    "often always usually also then now really still just soon even ever rarely seldom sometimes again first "
    "simply only quickly slowly quietly already almost"
)
TO_NOUN = _words(
    "according due thanks prior subject next close access devoted addition contrary response relation respect"
)
PLURALS = _words("people children men women police we they you i both all")
_NOUNS_THAT_END_IN_LY = _words(
    "family reply supply assembly italy july belly bully fly only jelly lily ally rally early"
)

CLASSES = {
    "@mark": frozenset(MARKS) | {""},
    "@be": BE,
    "@have": HAVE,
    "@modal": MODALS,
    "@pronoun": _words("i you he she we they it who i'd you'd he'd she'd we'd they'd"),
    "@determiner": DETERMINERS,
    "@preposition": PREPOSITIONS,
}
"""The classes of words that a condition can name; the end of the text counts as a mark."""


def is_adverb(word: str) -> bool:
    """Whether the word may stand between a verb and what belongs to it.

    Example:
        >>> is_adverb("carefully"), is_adverb("family")
        (True, False)
    """
    return word in ADVERBS or (len(word) > 4 and word.endswith("ly") and word not in _NOUNS_THAT_END_IN_LY)


class Neighbours:
    """The words and marks around one word, in lower case; "" stands for what lies outside the text.

    Args:
        words: A text's words and marks.
        index: The word that is asked about.
    """

    def __init__(self, words: Sequence[str], index: int) -> None:
        self.word = words[index]
        self._words = words
        self._index = index
        self.next = self._at(index + 1)
        self.directly_before = self._at(index - 1)
        place = index - 1
        while is_adverb(self._at(place)):
            place -= 1
        self.before = self._at(place)
        self.second_before = self._at(place - 1) if place > 0 else ""

    def _at(self, index: int) -> str:
        return self._words[index].lower() if 0 <= index < len(self._words) else ""

    def left(self, count: int = 4) -> list[str]:
        """Return up to `count` words before it in its clause, the nearest first."""
        found = []
        for index in range(self._index - 1, max(-1, self._index - 1 - count), -1):
            if self._at(index) in MARKS:
                break
            found.append(self._at(index))
        return found

    def sentence(self, reach: int = 25) -> set[str]:
        """Return the words of its sentence within `reach` words on each side."""
        low = high = self._index
        while low > 0 and self._index - low < reach and self._at(low - 1) not in SENTENCE_MARKS:
            low -= 1
        while high + 1 < len(self._words) and high - self._index < reach and self._at(high + 1) not in SENTENCE_MARKS:
            high += 1
        return {self._at(index) for index in range(low, high + 1)}

    @property
    def opens_clause(self) -> bool:
        """Whether nothing or a mark stands before it."""
        return self.before in CLASSES["@mark"]

    @property
    def opens_sentence(self) -> bool:
        """Whether it is the first word of its sentence."""
        return self.directly_before == "" or self.directly_before in SENTENCE_MARKS


def part_of_speech(around: Neighbours) -> str | None:
    """Return "noun" (or adjective), "verb", or None where the neighbours do not say.

    Example:
        >>> part_of_speech(Neighbours("they will record it".split(), 2))
        'verb'
        >>> part_of_speech(Neighbours("a new record of it".split(), 2))
        'noun'
    """
    for rule in (_by_word_before, _by_clause_start, _by_phrase):
        part = rule(around)
        if part:
            return part
    return None


def _starts_object(word: str) -> bool:
    return word in DETERMINERS or word in OBJECTS


def _by_word_before(around: Neighbours) -> str | None:
    """Decide by the function word before it."""
    before, second = around.before, around.second_before
    if before == "to":
        return "noun" if second in TO_NOUN else "verb"
    if before in OBJECTS and second in CAUSATIVES:
        return "verb"
    if before in MODALS or before in SUBJECTS:
        return "verb"
    if before == "that" and _starts_object(around.next):
        return "verb"
    if before in ("this", "that") or before.endswith(("'s", "s'")):
        return "noun"
    if before in DETERMINERS or before in PREPOSITIONS or before in BE or before in HAVE:
        return "noun"
    return None


def _by_clause_start(around: Neighbours) -> str | None:
    """Decide by what follows where it opens a clause or stands behind "and": a verb has an object."""
    if around.before in CONJUNCTIONS:
        if _starts_object(around.next) or set(around.left(5)) & (MODALS | {"to"}):
            return "verb"
        return None
    if around.opens_clause or around.before in CLAUSE_OPENERS:
        return "verb" if _starts_object(around.next) else None
    return None


def _by_phrase(around: Neighbours) -> str | None:
    """Decide between the last word of a noun phrase and the verb behind it."""
    before, following = around.before, around.next
    if around.opens_clause or before in CONJUNCTIONS or before in CLAUSE_OPENERS:
        return "noun" if following in BE or following == "of" else None
    if _starts_object(following):
        return "verb"
    if following in BE or following in HAVE or following in MODALS or following == "of":
        return "noun"
    plural = before in PLURALS or (before.endswith("s") and not before.endswith(("ss", "us", "is")))
    if plural and not around.word.endswith("s") and "a" not in around.left(2):
        return "verb"
    if set(around.left(3)) & DETERMINERS:
        return "noun"
    return None
