"""How a rule rewrites a text and leaves a trace of what it did."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

Speak = Callable[[re.Match[str]], str | None]


@dataclass(frozen=True)
class Step:
    """One rewriting: the rule, what stood there and what is said instead (empty for a mark that is silent)."""

    rule: str
    written: str
    spoken: str


@dataclass(frozen=True)
class Rule:
    """A named rewriting of every match of a pattern.

    Attributes:
        name: What `Step.rule` says.
        pattern: Matches in time linear in the text: repetitions are bounded, possessive, or begin where a
            look-behind forbids a second attempt inside the same run.
        speak: The spoken form of a match, or None to leave it as it is.
    """

    name: str
    pattern: re.Pattern[str]
    speak: Speak


@dataclass
class Draft:
    """A text on its way to the spoken form, with the steps and reports made so far."""

    text: str
    steps: list[Step] = field(default_factory=list)
    reports: dict[str, int] = field(default_factory=dict)

    def apply(self, rules: Iterable[Rule]) -> None:
        """Rewrite by each rule in turn."""
        for rule in rules:
            self.rewrite(rule)

    def rewrite(self, rule: Rule) -> None:
        """Rewrite every match of a rule and record a step for each that changes."""

        def replace(match: re.Match[str]) -> str:
            spoken = rule.speak(match)
            if spoken is None or spoken == match[0]:
                return match[0]
            if spoken.strip() != match[0].strip():
                self.steps.append(Step(rule.name, match[0].strip(), spoken.strip()))
            return spoken

        self.text = rule.pattern.sub(replace, self.text)

    def report(self, message: str) -> None:
        """Say once, with a count, that something was dropped or transliterated."""
        self.reports[message] = self.reports.get(message, 0) + 1

    def messages(self) -> tuple[str, ...]:
        """Return the reports in the order in which they first arose."""
        return tuple(message if count == 1 else f"{message} ({count} times)" for message, count in self.reports.items())


def sentence_ends(after: str) -> bool:
    """Say whether the text ends, or a capital letter begins what may be a sentence, after a dot.

    Example:
        >>> sentence_ends(" Then"), sentence_ends('"'), sentence_ends(" then")
        (True, True, False)
    """
    return bool(re.match(r"""["')\]]*(?:$| ["'(]?[A-Z])""", after))


def text_before(match: re.Match[str], num_characters: int = 32) -> str:
    """Return the few characters before a match (a slice of constant length keeps rules linear)."""
    return match.string[max(0, match.start() - num_characters) : match.start()]


def text_after(match: re.Match[str], num_characters: int = 32) -> str:
    """Return the few characters after a match."""
    return match.string[match.end() : match.end() + num_characters]
