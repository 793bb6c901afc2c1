"""What each figure means, where it comes from, and when not to trust it; the page of a report shows it."""

from dataclasses import dataclass
from typing import Literal

Unit = Literal["%", "dB", "cents", "1 to 5", "1 to 4.64", "0 to 1", "nepers", ""]


@dataclass(frozen=True, kw_only=True)
class Metric:
    """One figure of a report.

    Attributes:
        title: What it is called.
        unit: What it is measured in; "%" figures are kept as fractions.
        better: Which way is better.
        meaning: What is measured.
        source: Who defined it, or whose program computes it.
        caution: When not to trust it.
        beside: How the same figure of the recordings is put beside it; None where they have none.
    """

    title: str
    unit: Unit
    better: Literal["lower", "higher"]
    meaning: str
    source: str
    caution: str
    beside: Literal["ratio", "difference"] | None = None


_RECOGNISER = "pocketsphinx 5 with its US English model"
_ITS_EARS = (
    "The recogniser mishears natural speech, too: only the ratio to the recordings of the same sentences means "
    "something. Rare names are not in its dictionary."
)
_SECOND_TAKE = "Two takes by one person differ as well: compare systems on the same sentences, not with other papers."
_DNSMOS = "DNSMOS P.835: Reddy, Gopal and Cutler 2022"
_RATED = (
    "Made for noise suppression: it hears noise and distortion, neither wrong words nor a dull melody. Differences "
    "below 0.1 say little."
)

METRICS: dict[str, Metric] = {
    "wer": Metric(
        title="word error rate",
        unit="%",
        better="lower",
        meaning="Words that the recogniser puts in, leaves out or replaces, per word of the text.",
        source=f"{_RECOGNISER}; edits counted by jiwer",
        caution=_ITS_EARS,
        beside="ratio",
    ),
    "cer": Metric(
        title="character error rate",
        unit="%",
        better="lower",
        meaning="The same for characters: a word that is nearly right counts less.",
        source=f"{_RECOGNISER}; edits counted by jiwer",
        caution=_ITS_EARS,
        beside="ratio",
    ),
    "skipped_words": Metric(
        title="skipped words",
        unit="%",
        better="lower",
        meaning="Words whose symbols were all given no frame by the acoustic model.",
        source="the acoustic model's own durations or alignment",
        caution="A word with frames may still be inaudible, and an attention is not always where the sound is.",
    ),
    "repeated_words": Metric(
        title="repeated words",
        unit="%",
        better="lower",
        meaning="Words heard once more than they are written, directly behind each other, alone or in a phrase of up "
        "to four.",
        source=_RECOGNISER,
        caution="The recogniser may hear a repetition where there is none, or miss one; listen to each.",
        beside="difference",
    ),
    "dnsmos_ovrl": Metric(
        title="DNSMOS overall",
        unit="1 to 5",
        better="higher",
        meaning="A network's guess of how listeners would rate the whole.",
        source=_DNSMOS,
        caution=_RATED,
        beside="difference",
    ),
    "dnsmos_sig": Metric(
        title="DNSMOS speech",
        unit="1 to 5",
        better="higher",
        meaning="A network's guess of how listeners would rate the speech alone.",
        source=_DNSMOS,
        caution=_RATED,
        beside="difference",
    ),
    "dnsmos_bak": Metric(
        title="DNSMOS background",
        unit="1 to 5",
        better="higher",
        meaning="A network's guess of how little the background would disturb listeners.",
        source=_DNSMOS,
        caution=_RATED,
        beside="difference",
    ),
    "mcd": Metric(
        title="mel-cepstral distortion",
        unit="dB",
        better="lower",
        meaning="Distance of the smoothed spectra, levels apart: cepstra 1 to 13 of the log-mel spectrogram. Frames "
        "are matched by exact dynamic time warping; in copy synthesis frame k belongs to frame k.",
        source="Kubichek 1993; the cepstra are a cosine transform of log-mel bins, not WORLD's or SPTK's",
        caution=_SECOND_TAKE,
    ),
    "log_spectral_distance": Metric(
        title="log-spectral distance",
        unit="dB",
        better="lower",
        meaning="Root mean square difference of the magnitudes in dB over all frequencies, frames matched as above.",
        source="Gray and Markel 1976",
        caution=f"Quiet bins count as much as loud ones, the level and the noise too. {_SECOND_TAKE}",
    ),
    "f0_rmse": Metric(
        title="pitch error",
        unit="cents",
        better="lower",
        meaning="Root mean square difference of the pitch where both are voiced, frames matched as above; 100 cents "
        "are a semitone.",
        source="pitch by swift-f0",
        caution="An octave error of the tracker weighs 1,200 cents, and another melody may be as good.",
    ),
    "voicing_error": Metric(
        title="voicing error",
        unit="%",
        better="lower",
        meaning="Frames of which only one is voiced, frames matched as above.",
        source="voicing decision error: Nakatani et al. 2008; voicing by swift-f0",
        caution="Creaky endings are voiced or not by chance.",
    ),
    "duration_error": Metric(
        title="duration error",
        unit="%",
        better="lower",
        meaning="Difference of the lengths without the silence at the ends, per length of the recording.",
        source="own definition",
        caution="Another tempo may be as good.",
    ),
    "log_mel_error": Metric(
        title="log-mel error",
        unit="nepers",
        better="lower",
        meaning="Mean absolute difference of the log-mel spectrograms.",
        source="the validation error of HiFi-GAN: Kong, Kim and Bae 2020",
        caution="Griffin-Lim is good at it and sounds bad; a difference in level counts in full.",
    ),
    "stft_distance": Metric(
        title="multi-resolution STFT distance",
        unit="",
        better="lower",
        meaning="Spectral convergence and log magnitude distance, summed, mean of three resolutions.",
        source="Parallel WaveGAN: Yamamoto, Song and Kim 2020",
        caution="Vocoders that were trained on it look better than they sound.",
    ),
    "pesq": Metric(
        title="PESQ wide band",
        unit="1 to 4.64",
        better="higher",
        meaning="A model of hearing rates the copy against the recording.",
        source="ITU-T P.862.2, by the package pesq",
        caution="Made for telephony and up to 8 kHz; it charges for differences of phase that nobody hears.",
    ),
    "stoi": Metric(
        title="STOI",
        unit="0 to 1",
        better="higher",
        meaning="How much of the words survives: correlation of short envelopes in third-octave bands.",
        source="Taal et al. 2011, by the package pystoi",
        caution="Above 0.95 it says nothing any more; up to 5 kHz only.",
    ),
    "real_time_factor": Metric(
        title="real-time factor",
        unit="",
        better="lower",
        meaning="Seconds of wall clock that making the sound took, per second of sound.",
        source="this machine, with the threads that the report names",
        caution="Other work on the machine counts.",
    ),
}
"""By the key that report.json uses, in the order of a report."""
