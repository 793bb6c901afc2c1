"""The sentences that every benchmark speaks, so that figures of different days and machines can be compared."""

SENTENCES = (
    "Thanks.",
    "Good evening.",
    "The kettle is boiling.",
    "We left the harbour before sunrise.",
    "Please keep the receipt until the parcel arrives.",
    "Nobody in the office had noticed that the printer was humming again.",
    "When the rain finally stopped, the children ran outside and measured every puddle with a stick.",
    "Her new bicycle has three gears, two of which work, and a bell that can be heard across the valley.",
    "The museum opens at nine on weekdays, but if you arrive a little earlier, the guard at the side door will often "
    "let you wait in the warm hall upstairs.",
    "Although the bridge had been closed for repairs since the beginning of March, a handful of fishermen still "
    "crossed it every morning, carrying their baskets and folding chairs, because the other way around the bay would "
    "cost them an hour.",
)
"""Of 1, 2, 4, 6, 8, 12, 16, 20, 30 and 40 words. Changing one makes older figures worthless."""


def num_words(sentence: str) -> int:
    """Count the words of a sentence.

    Example:
        >>> [num_words(sentence) for sentence in SENTENCES]
        [1, 2, 4, 6, 8, 12, 16, 20, 30, 40]
    """
    return len(sentence.split())


def sentences_up_to(max_words: int) -> tuple[str, ...]:
    """Return the sentences of at most `max_words` words; the shortest has one."""
    return tuple(sentence for sentence in SENTENCES if num_words(sentence) <= max_words)
