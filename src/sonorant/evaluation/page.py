"""report.html: one file with the figures, what they mean, and every sentence to hear and see, the worst first."""

from collections.abc import Iterable, Iterator, Sequence
from html import escape

from sonorant.evaluation.evaluate import MEDIA_TYPE, Clip, Judged
from sonorant.evaluation.figures import Figure
from sonorant.evaluation.html import data_url, document
from sonorant.evaluation.metrics import METRICS
from sonorant.evaluation.results import Evaluation, SentenceResult
from sonorant.evaluation.table import figure_cells, number, title
from sonorant.evaluation.words import mishearing

_SOUNDS = {"speech": "voice", "copy": "copy"}
_PIXELS_PER_S = 130
_STYLE = """
section { border-top: 2px solid #ccc; margin-top: 1.6em; padding-top: .6em; }
h3 { margin: 0 0 .4em; font-size: 1em; }
mark { background: #ffd4c2; }
figure { margin: .5em 0; overflow-x: auto; }
figure img { display: block; height: 110px; border: 1px solid #ddd; }
"""


def page(evaluation: Evaluation, rows: Sequence[Figure], judged: Sequence[Judged]) -> str:
    """Return the whole page; it loads nothing from anywhere."""
    name = _SOUNDS[evaluation.kind]
    heading = f"{evaluation.subject}: {evaluation.material}"
    facts = "; ".join(f"{name} {value}" for name, value in evaluation.facts.items())
    return document(
        heading,
        _STYLE,
        [
            f"<p>{len(judged)} sentences; in brackets 95 % of the figures of as many sentences drawn anew. "
            f"<small>{escape(facts)}</small></p>",
            *_figure_table(rows),
            *_explanations(rows),
            "<h2>Sentences, the worst first</h2>",
            *(_section(each, name) for each in sorted(judged, key=lambda each: badness(each.result), reverse=True)),
        ],
    )


def badness(result: SentenceResult) -> tuple[float, float]:
    """Return what sentences are sorted by.

    Speech by the share of words misheard beyond those in the recording, copies by the log-mel error; then by the
    mel-cepstral distortion.
    """
    mcd = result.shares["mcd"].part if "mcd" in result.shares else 0.0
    if "log_mel_error" in result.shares:
        return result.shares["log_mel_error"].part, mcd
    errors = result.shares["wer"]
    excess = errors.part - (result.recording_shares["wer"].part if result.recording_shares else 0.0)
    return excess / errors.whole, mcd


def _figure_table(rows: Iterable[Figure]) -> Iterator[str]:
    yield "<table><tr><th></th><th>measured</th><th>recordings</th><th>beside them</th><th></th></tr>"
    for row in rows:
        metric = METRICS[row.metric]
        cells = "".join(f"<td>{escape(cell)}</td>" for cell in figure_cells(row))
        hint = f"<small>{metric.better} is better</small>"
        yield f"<tr><td title='{escape(metric.meaning)}'>{escape(title(metric))}</td>{cells}<td>{hint}</td></tr>"
    yield "</table>"


def _explanations(rows: Iterable[Figure]) -> Iterator[str]:
    yield "<details><summary>What the figures mean, and when not to trust them</summary><dl>"
    for row in rows:
        metric = METRICS[row.metric]
        yield f"<dt><b>{escape(metric.title)}</b></dt><dd>{escape(metric.meaning)}<br>"
        yield f"<i>Source: {escape(metric.source)}.</i> {escape(metric.caution)}</dd>"
    yield "</dl></details>"


def _section(judged: Judged, name: str) -> str:
    result = judged.result
    category = f" <small>{escape(result.category)}</small>" if result.category else ""
    figures = ", ".join(_sentence_figures(result))
    lines = [
        f"<section><h3>{escape(result.sentence_id)}{category}</h3><p>{escape(result.text)}</p>",
        _figure(name, judged.clip, result.expected, result.heard),
    ]
    if judged.recording is not None:
        lines.append(_figure("recording", judged.recording, result.expected, result.heard_in_recording or ""))
    lines.append(f"<small>{figures}</small>")
    lines += [f"<br><small>{escape(note)}</small>" for note in result.notes]
    return "\n".join([*lines, "</section>"])


def _figure(name: str, clip: Clip, expected: str, heard: str) -> str:
    width = round(_PIXELS_PER_S * clip.duration_s)
    player = f"<audio controls preload='none' src='{data_url(MEDIA_TYPE, clip.sound)}'></audio>"
    return (
        f"<figure><figcaption>{name} {player} heard: {_marked(expected, heard)}</figcaption>"
        f"<img alt='spectrogram' style='width:{width}px' src='{data_url('image/png', clip.picture)}'></figure>"
    )


def _marked(expected: str, heard: str) -> str:
    wrong = mishearing(expected, heard).wrong
    words = (escape(word) for word in heard.split())
    return " ".join(f"<mark>{word}</mark>" if index in wrong else word for index, word in enumerate(words)) or "nothing"


def _sentence_figures(result: SentenceResult) -> Iterator[str]:
    for name, metric in METRICS.items():
        share = result.shares.get(name)
        if share is not None and share.whole:
            yield f"{metric.title} {number(share.part / share.whole, metric)}"
