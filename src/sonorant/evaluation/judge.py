"""All figures of one sentence."""

from sonorant.audio import Audio
from sonorant.config import FeatureConfig
from sonorant.evaluation.closeness import copy_shares, speech_shares
from sonorant.evaluation.dnsmos import Dnsmos
from sonorant.evaluation.making import Made
from sonorant.evaluation.material import Item
from sonorant.evaluation.recognition import Recogniser
from sonorant.evaluation.results import Kind, SentenceResult, Share
from sonorant.evaluation.words import heard_words, mishearing, spoken_words

_CLOSENESS = {"speech": speech_shares, "copy": copy_shares}


class Judge:
    """Measures sounds.

    Args:
        kind: Whether they are spoken texts or copies of recordings.
        features: How mel and pitch are computed and what counts as silence.
        recogniser: Hears.
        dnsmos: Rates without a reference; None leaves it out.

    Attributes:
        features: The same.
    """

    def __init__(
        self, kind: Kind, features: FeatureConfig, recogniser: Recogniser, dnsmos: Dnsmos | None = None
    ) -> None:
        self._kind = kind
        self.features = features
        self._recogniser = recogniser
        self._dnsmos = dnsmos

    def judge(self, item: Item, made: Made, recording: Audio | None) -> SentenceResult:
        """Measure one sound, and its recording where there is one."""
        expected = spoken_words(item.text)
        heard, shares = self._alone(made.sound, expected)
        shares |= _making_shares(made)
        heard_in_recording: str | None = None
        recording_shares: dict[str, Share] = {}
        if recording is not None:
            heard_in_recording, recording_shares = self._alone(recording, expected)
            shares |= _CLOSENESS[self._kind](recording, made.sound, self.features)
        return SentenceResult(
            sentence_id=item.sentence_id,
            category=item.category,
            text=item.text,
            expected=expected,
            heard=heard,
            heard_in_recording=heard_in_recording,
            shares=shares,
            recording_shares=recording_shares,
            notes=(*made.warnings, *(f"skipped: {word}" for word in made.skipped)),
        )

    def _alone(self, sound: Audio, expected: str) -> tuple[str, dict[str, Share]]:
        """Return what is heard, and the figures that need no reference."""
        heard = heard_words(self._recogniser.hear(sound.samples, sound.sample_rate))
        shares = _word_shares(expected, heard)
        if self._dnsmos is not None:
            ratings = self._dnsmos.rate(sound.samples, sound.sample_rate)
            shares |= {f"dnsmos_{name}": Share(rating) for name, rating in ratings._asdict().items()}
        return heard, shares


def _word_shares(expected: str, heard: str) -> dict[str, Share]:
    errors = mishearing(expected, heard)
    return {
        "wer": Share(errors.word_errors, errors.num_words),
        "cer": Share(errors.character_errors, errors.num_characters),
        "repeated_words": Share(errors.num_repeated, errors.num_words),
    }


def _making_shares(made: Made) -> dict[str, Share]:
    shares = {"real_time_factor": Share(made.compute_s, made.sound.duration_s)}
    if made.num_words:
        shares["skipped_words"] = Share(len(made.skipped), made.num_words)
    return shares
