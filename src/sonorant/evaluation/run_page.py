"""The page of a training run: how it went, what it sounds like, and what it was made with."""

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from sonorant.audio import encode, read_audio
from sonorant.evaluation.curve import Marks, Points, chart
from sonorant.evaluation.html import data_url, document
from sonorant.evaluation.run_record import RunRecord, Start
from sonorant.training.metrics import BESIDE_VALUES, Line
from sonorant.training.progress import format_duration
from sonorant.training.samples import PICTURE, SOUND

FORMAT, MEDIA_TYPE = "mp3", "audio/mpeg"
MAX_STEPS = 4
"""Samples of so many steps are shown: the first, the last, and some between."""

_HARDWARE = ("device", "processor", "processes", "threads")
_STYLE = """
.charts { display: grid; grid-template-columns: repeat(auto-fill, minmax(330px, 1fr)); gap: 1em; }
.charts h3 { font-size: .95em; margin: .2em 0; }
svg { width: 100%; overflow: visible; font: 10px system-ui, sans-serif; fill: #555; }
polyline { fill: none; stroke-width: 1.2; }
polyline.train { stroke: #7fa6c0; }
polyline.validation { stroke: #c2571a; }
circle.train { fill: #7fa6c0; }
circle.validation { fill: #c2571a; }
circle.best { fill: none; stroke: #222; stroke-width: 1.2; }
line.grid { stroke: #e4e4e4; }
line.alarm { stroke: #d00; stroke-dasharray: 3 2; }
line.resume { stroke: #bbb; stroke-dasharray: 1 2; }
.train-key { color: #5f8aa6; } .validation-key { color: #c2571a; } .alarm-key { color: #d00; }
.row { display: flex; gap: 1em; overflow-x: auto; }
.row figure { margin: .3em 0; flex: 0 0 auto; }
.row img { display: block; width: 440px; border: 1px solid #ddd; }
pre { background: #f6f6f6; padding: 1em; overflow-x: auto; }
"""


def run_page(run: RunRecord) -> str:
    """Return the whole page; it loads nothing from anywhere.

    Raises:
        CorpusError: A sample is not a sound file.
    """
    description = run.recipe.get("description") or ""
    return document(
        f"{run.name}: {run.recipe.get('name', 'recipe unknown')}",
        _STYLE,
        [
            f"<p>{escape(description)}</p>" if description else "",
            *_summary(run),
            *_alarms(run.of_kind("alarm")),
            *_charts(run),
            *_samples(run.samples, run.last_step),
            *_starts(run.starts),
            f"<h2>Recipe</h2><details><summary>every setting</summary><pre>{escape(run.recipe_text)}</pre></details>",
        ],
    )


def _summary(run: RunRecord) -> Iterator[str]:
    of = run.recipe.get("run", {}).get("steps")
    rows = {"step": f"{run.last_step} of {of}" if of else str(run.last_step)}
    if run.lines:
        rows["epoch"] = str(run.lines[-1]["epoch"])
    if run.best:
        rows["best checkpoint"] = (
            f"step_{run.best['step']:08d}.pt: {run.best['metric']} {run.best['value']:.4g} in validation"
        )
    if run.origin:
        rows["began with"] = run.origin
    rows["duration"] = f"{format_duration(sum(start.duration_s for start in run.starts))} in {len(run.starts)} start(s)"
    if run.starts and (pace := run.starts[-1].seconds_per_step):
        rows["speed"] = f"{1 / pace:.3g} steps/s at last"
    yield "<table>" + "".join(_row([name], [value]) for name, value in rows.items()) + "</table>"


def _row(heads: Sequence[object], cells: Sequence[object]) -> str:
    head = "".join(f"<th>{escape(str(cell))}</th>" for cell in heads)
    return f"<tr>{head}{''.join(f'<td>{escape(str(cell))}</td>' for cell in cells)}</tr>"


def _alarms(alarms: Sequence[Line]) -> Iterator[str]:
    yield "<h2>Alarms</h2>"
    if not alarms:
        yield "<p>None.</p>"
        return
    yield "<table>" + "".join(_row([f"step {line['step']}"], [line["message"]]) for line in alarms) + "</table>"


def _charts(run: RunRecord) -> Iterator[str]:
    yield "<h2>Curves</h2>"
    if not run.lines:
        yield "<p>Nothing has been reported yet.</p>"
        return
    yield (
        "<p><span class='train-key'>training</span>, <span class='validation-key'>validation</span>, "
        "<span class='alarm-key'>alarms</span> dashed, resumes dotted, the best checkpoint circled</p>"
    )
    marks = Marks(
        alarms={line["step"]: line["message"] for line in run.of_kind("alarm")},
        resumes=[start.facts["step"] for start in run.starts if 0 < start.facts["step"] <= run.last_step],
    )
    yield "<div class='charts'>"
    for name, curves in _curves(run).items():
        best = run.best if run.best and run.best["metric"] == name else None
        drawing = chart(curves, run.last_step, marks, (best["step"], best["value"]) if best else None)
        yield f"<div><h3>{escape(name)}</h3>{drawing}</div>"
    yield "</div>"


def _curves(run: RunRecord) -> dict[str, dict[str, Points]]:
    """Return metric -> kind -> points; first the metric of the best checkpoint, then those with most curves."""
    found: dict[str, dict[str, list[tuple[float, float]]]] = {}
    for kind in ("train", "validation"):
        for line in run.of_kind(kind):
            for name in line.keys() - BESIDE_VALUES:
                found.setdefault(name, {}).setdefault(kind, []).append((line["step"], float(line[name])))
    best = run.best["metric"] if run.best else ""
    order = sorted(found, key=lambda name: (name != best, -len(found[name]), "train" in found[name], name))
    return {name: dict(found[name]) for name in order}


def _samples(folders: Mapping[int, Path], last_step: int) -> Iterator[str]:
    shown = {step: folder for step, folder in folders.items() if step <= last_step}
    if not shown:
        return
    yield "<h2>Samples</h2>"
    folders = {step: shown[step] for step in spread(list(shown), MAX_STEPS)}
    for suffix in (SOUND, PICTURE):
        names = {path.stem: None for folder in folders.values() for path in sorted(folder.glob(f"*{suffix}"))}
        for name in names:
            yield f"<h3>{escape(name.replace('_', ' '))}</h3><div class='row'>"
            for step, folder in folders.items():
                if (path := folder / f"{name}{suffix}").is_file():
                    yield f"<figure><figcaption>step {step}</figcaption>{_embedded(path)}</figure>"
            yield "</div>"


def spread(steps: Sequence[int], number: int) -> list[int]:
    """Choose the first, the last, and some evenly between.

    Example:
        >>> spread([10, 20, 30, 40, 50, 60, 70], 4)
        [10, 30, 50, 70]
        >>> spread([10, 20], 4)
        [10, 20]
    """
    if len(steps) <= number:
        return list(steps)
    return [steps[round(index * (len(steps) - 1) / (number - 1))] for index in range(number)]


def _embedded(path: Path) -> str:
    if path.suffix == PICTURE:
        return f"<img alt='{escape(path.stem)}' src='{data_url('image/png', path.read_bytes())}'>"
    sound = encode(read_audio(path), FORMAT)
    return f"<audio controls preload='none' src='{data_url(MEDIA_TYPE, sound)}'></audio>"


def _starts(starts: Sequence[Start]) -> Iterator[str]:
    yield "<h2>Starts</h2><table>"
    yield _row(["date", "steps", "duration", "steps/s", "waiting for data", "hardware", "versions"], [])
    for start in starts:
        facts = start.facts
        yield _row([], [
            facts["date"],
            f"{facts['step']} to {start.last_step if start.last_step is not None else '?'}",
            format_duration(start.duration_s),
            f"{1 / start.seconds_per_step:.3g}" if start.seconds_per_step else "",
            f"{100 * start.waiting:.1f} %" if start.waiting is not None else "",
            _listed({name: facts[name] for name in _HARDWARE if name in facts}),
            _listed({name: value for name, value in facts.items() if name not in (*_HARDWARE, "date", "step")}),
        ])  # fmt: skip
    yield "</table>"


def _listed(facts: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in facts.items())
