"""Speak many varied texts with a voice and look for speech that ran away, was cut off or lost words.

    python tools/varied_texts.py kathleen --texts 1000 --out varied.json

The texts are made of templates, have 1 to 60 words, every length as often as any other, and all differ; the n-th is the
same however many are asked for. What is looked for, and the bounds, are those of `sonorant.evaluation.mishaps`. The
exit code is 1 where anything was found.
"""

import argparse
import json
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import count, islice
from pathlib import Path
from random import Random

from sonorant.errors import TextError
from sonorant.evaluation.mishaps import CHECKS, Mishap, expected_sentences, find_mishaps
from sonorant.synthesis import Synthesizer

LONGEST = 60
UNSPEAKABLE = "unspeakable"
"""Beside `CHECKS`: the front end finds no word in a text."""

NAMES = (
    "Anna", "Mr. Fowler", "Dr. Quist", "Mrs. Abernathy", "Prof. Lindqvist", "Benjamin", "Captain Rourke", "Olga",
    "Siobhan", "Nguyen", "Xiomara", "Zbigniew", "Wojciechowski", "Aoife", "Tchaikovsky", "Okonkwo", "Llewellyn",
    "Featherstonehaugh", "Krzysztof", "Ysolde", "Quetzalcoatl", "Mxyzptlk", "Vrba", "Dr. Ng", "Thuy-Linh",
    "O'Shaughnessy", "Saoirse", "Uzoamaka", "Gwrtheyrn", "Hrafnhildur",
)  # fmt: skip
PLACES = (
    "Boston", "Lake Chargoggagogg", "Ouagadougou", "St. Ives", "Schenectady", "the U.S.A.", "Llanfair", "Elm St.",
    "Reykjavik", "Worcester", "Mt. Kenya", "Oaxaca", "Phnom Penh", "New York", "Poughkeepsie",
)  # fmt: skip
THINGS = (
    "pears", "iron nails", "letters", "old maps", "umbrellas", "kg of flour", "yards of silk", "candles", "x-rays",
    "sixths of a mile", "thank-you cards", "km", "rhythms", "CDs", "ft. of rope", "jewels", "squirrels",
)  # fmt: skip
SHORT = (
    "Yes", "No", "Oh", "Hush", "Strengths", "Rural", "Eighths", "Why", "Ah", "I", "Antidisestablishmentarianism", "Go",
    "Sixths", "NASA", "FBI", "Ph.D.", "vs.", "etc.", "Dr.", "a.m.", "Hmm", "Shh", "Supercalifragilistic", "Ow", "Ugh",
)  # fmt: skip
REPEATED = ("no", "very", "ha", "bye", "seven", "the", "knock knock", "never again", "on and on", "buffalo", "1", "a b")
CLAUSES = (
    "{name} paid {money} for {number} {things}",
    "the train to {place} leaves at {time}",
    "{name} was born on {date}",
    "nobody in {place} had seen {number} {things} before",
    "it rained",
    "{name} counted {number} {things}",
    "the river carried them past the mill and under the bridge",
    "room {number} costs {money} a night",
    "we sold {number} {things} between {time} and {time}",
    "she asked for {name}",
    "the letter of {date} never reached {place}",
    "about {percent} of the {things} came from {place}",
    "{name} and {name} argued about {money}",
    "the old clock in the hall struck {small}",
    "everyone laughed",
    "he wrote {letter} instead of {letter} on line {small}",
    "through thick fog six ships slipped past",
    "the {ordinal} chapter begins on page {number}",
)
TAILS = (
    "again", "today", "twice", "there", "alone", "early", "last night", "by mistake", "of course", "after all",
    "in {year}", "in the morning", "for no reason", "on the {ordinal}", "with great care", "as far as anyone knows",
    "in the end at least", "on the other side too", "for the {ordinal} time since",
)  # fmt: skip
"""What fills a sentence up."""
JOINERS = ("and", "while", "because", "although", "until", "so", "but", "before")
OPENERS = ("Did you know that", "Is it true that", "Who said that", "Why do they think that", "Can you believe that")
SPEAKERS_WORDS = ("said", "asked", "whispered", "shouted")


def money(random: Random) -> str:
    """Draw a sum of money."""
    sign = random.choice("$£€")
    return random.choice(
        (f"{sign}{random.randint(2, 999)}.{random.randint(10, 99)}", f"{sign}{random.randint(1, 9999):,}")
    )


def date(random: Random) -> str:
    """Draw a date, in one of three spellings."""
    month = random.choice(("January", "March", "May", "July", "Sept.", "November"))
    day, year = random.randint(1, 28), random.randint(1701, 2049)
    return random.choice((f"{month} {day}, {year}", f"{day} {month} {year}", f"{random.randint(1, 12)}/{day}/{year}"))


def clock(random: Random) -> str:
    """Draw a time of the day."""
    hour, minute = random.randint(1, 12), random.randint(0, 59)
    return random.choice((f"{hour}:{minute:02} a.m.", f"{hour}:{minute:02}", f"{hour} p.m."))


def number(random: Random) -> str:
    """Draw a number of any size."""
    return random.choice((
        f"{random.randint(2, 20)}", f"{random.randint(100, 9999)}", f"{random.randint(10_000, 9_999_999):,}",
        f"{random.randint(0, 99)}.{random.randint(1, 999)}",
    ))  # fmt: skip


def ordinal(random: Random) -> str:
    """Draw an ordinal in digits."""
    value = random.randint(1, 99)
    last = 0 if 10 < value < 14 else value % 10
    return f"{value}{('th', 'st', 'nd', 'rd')[last] if last < 4 else 'th'}"


SLOTS: dict[str, Callable[[Random], str]] = {
    "name": lambda random: random.choice(NAMES),
    "place": lambda random: random.choice(PLACES),
    "things": lambda random: random.choice(THINGS),
    "money": money,
    "date": date,
    "time": clock,
    "number": number,
    "small": lambda random: str(random.randint(2, 12)),
    "year": lambda random: str(random.randint(1066, 2049)),
    "percent": lambda random: f"{random.randint(1, 99)}%",
    "ordinal": ordinal,
    "letter": lambda random: random.choice("ABCDEFGHIJKLMNOPQRSTUVWXYZ"),
}


def fill(random: Random, template: str) -> list[str]:
    """Draw what stands in the slots of a template; return its words."""
    return re.sub(r"\{(\w+)\}", lambda slot: SLOTS[slot[1]](random), template).split()


def capital(words: Sequence[str]) -> str:
    """Write words as the begin of a sentence."""
    text = " ".join(words)
    return text[:1].upper() + text[1:]


def clauses(random: Random, length: int, joiners: Sequence[str] = ("",)) -> list[str]:
    """Return `length` words of clauses with joiners between them, filled up with adverbs.

    A joiner that is a mark stands behind the word before it.
    """
    words: list[str] = []
    while len(words) < length:
        joiner = random.choice(joiners) if words else ""
        addition = ([joiner] if joiner.isalpha() else []) + fill(random, random.choice(CLAUSES))
        if len(words) + len(addition) > length:
            addition = tail(random, length - len(words))
        elif words and not joiner.isalpha():
            words[-1] += joiner
        words += addition
    return words


def tail(random: Random, room: int) -> list[str]:
    """Draw an adverb of at most `room` words, one of the longest that fit."""
    fitting = [words for words in (fill(random, one) for one in TAILS) if len(words) <= room]
    longest = max(map(len, fitting))
    return random.choice([words for words in fitting if len(words) == longest])


def breathless(random: Random, length: int) -> str:
    """One sentence without any mark inside."""
    return f"{capital(clauses(random, length, JOINERS))}."


def with_commas(random: Random, length: int) -> str:
    """One sentence with marks inside."""
    return f"{capital(clauses(random, length, (',', ';', ':', *JOINERS)))}{random.choice('.!')}"


def sentences(random: Random, length: int) -> str:
    """Several sentences."""
    done: list[str] = []
    while length:
        now = min(length, random.randint(3, 16))
        done.append(with_commas(random, now))
        length -= now
    return " ".join(done)


def question(random: Random, length: int) -> str:
    """One question."""
    opener = random.choice(OPENERS).split()[:length]
    return f"{' '.join([*opener, *clauses(random, length - len(opener), JOINERS)])}?"


def quotation(random: Random, length: int) -> str:
    """What somebody said, in quotation marks."""
    by = [random.choice(SPEAKERS_WORDS), *fill(random, "{name}")]
    first = (length - len(by)) // 2
    if first < 1:
        return f'"{capital(clauses(random, length))}!"'
    rest = clauses(random, length - len(by) - first, JOINERS)
    return f'"{capital(clauses(random, first, JOINERS))}," {" ".join(by)}, "{" ".join(rest)}."'


def listing(random: Random, length: int) -> str:
    """Things one after the other."""
    words: list[str] = []
    while len(words) < length:
        words += fill(random, random.choice(("{number} {things}", "{name}", "{money}", "{letter}", "{date}", "{time}")))
        words[-1] += ","
    return f"{' '.join(words[:length]).rstrip(',')}."


def lone(random: Random, length: int) -> str:
    """Single words, letters and numbers, each a sentence or a part of one."""
    kinds = ("{letter}", "{small}", "{number}", "{ordinal}", "{percent}", "{year}", "{money}", "{name}", "{place}")
    words = [random.choice((random.choice(SHORT), fill(random, random.choice(kinds))[-1])) for _ in range(length)]
    return " ".join(word if word.endswith(".") else word + random.choice((".", "?", "!", "")) for word in words)


def repeated(random: Random, length: int) -> str:
    """The same word or two over and over."""
    phrase = random.choice(REPEATED).split()
    words = (phrase * length)[:length]
    return f"{capital(words)}{random.choice('.?!')}"


KINDS = (breathless, with_commas, sentences, question, quotation, listing, lone, repeated)


def texts(seed: int) -> Iterator[str]:
    """Yield texts that all differ; the first so many are the same however many are asked for."""
    known: set[str] = set()
    for index in count():
        length = 1 + index % LONGEST
        kind = KINDS[(index + index // LONGEST) % len(KINDS)] if length > 1 else lone
        for attempt in count():
            random = Random(f"{seed} {index} {attempt}")
            text = kind(random, length) if attempt < 10 else lone(random, length)  # of few words there are few texts
            if text not in known:
                break
        known.add(text)
        yield text


@dataclass(frozen=True)
class Spoken:
    """One text, how long its speech is, and what went wrong."""

    index: int
    text: str
    duration_s: float
    mishaps: tuple[Mishap, ...]


def speak(synthesizer: Synthesizer, index: int, text: str) -> Spoken:
    """Speak a text and look for mishaps."""
    try:
        speech = synthesizer.speak(text)
    except TextError as error:
        return Spoken(index, text, 0.0, (Mishap(UNSPEAKABLE, str(error)),))
    mishaps = find_mishaps(speech, expected_sentences(synthesizer.frontend, text))
    return Spoken(index, text, speech.duration_s, mishaps)


def report(spoken: Sequence[Spoken]) -> str:
    """Return the texts that failed, and how many failed each check."""
    failed = [one for one in spoken if one.mishaps]
    lines = [
        f"{one.index} {one.text}\n" + "\n".join(f"  {each.check}: {each.detail}" for each in one.mishaps)
        for one in failed
    ]
    counts = Counter(check for one in failed for check in {each.check for each in one.mishaps})
    lines += [f"{check:<16}{counts[check]:>6}" for check in (UNSPEAKABLE, *CHECKS)]
    sound_s = sum(one.duration_s for one in spoken)
    lines += [f"{len(failed)} of {len(spoken)} texts failed, in {sound_s / 60:.1f} minutes of speech"]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("voice", help="a built-in voice, a folder or a .voice file")
    parser.add_argument("--texts", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0, help="of the texts")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--out", type=Path, help="a JSON file for every text and its mishaps")
    arguments = parser.parse_args()
    synthesizer = Synthesizer.load(arguments.voice, threads=arguments.threads)
    spoken = []
    for index, text in enumerate(islice(texts(arguments.seed), arguments.texts)):
        spoken.append(speak(synthesizer, index, text))
        print(f"\r{index + 1} of {arguments.texts}", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    if arguments.out:
        arguments.out.write_text(json.dumps([asdict(one) for one in spoken], indent=1) + "\n", encoding="utf-8")
    print(report(spoken))
    sys.exit(any(one.mishaps for one in spoken))


if __name__ == "__main__":
    main()
