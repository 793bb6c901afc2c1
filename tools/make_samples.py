"""Speak the samples of docs/samples with a voice and list them in its README.

    python tools/make_samples.py kathleen docs/samples
"""

import argparse
from pathlib import Path

from sonorant.audio import write_audio
from sonorant.synthesis import Synthesizer

TEXTS = (
    "The boat drifted slowly down the river, and nobody on board said a word.",
    "Good morning! It is 7:30 a.m., and the first train leaves in 12 minutes.",
    "Dr. Lee paid $3.50 for 2 lb. of apples on March 3rd, 1998.",
    "Would you rather read the book, or listen to it?",
    "She sells sea shells by the sea shore, but on Sundays she sells umbrellas.",
    "No voice is perfect; this one learned from an hour and a half of speech, on an ordinary processor.",
    "Yes.",
    "Mr. O'Neill's flight, BA 2490, was 45 minutes late; he missed the 10 o'clock meeting in Zurich.",
    "Bring paper, scissors, two red pencils, a ruler and, if you can find one, a compass.",
    "What a strange thought, that the light of those stars left them before any of us was born!",
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("voice")
    parser.add_argument("out", type=Path)
    arguments = parser.parse_args()
    synthesizer = Synthesizer.load(arguments.voice)
    arguments.out.mkdir(parents=True, exist_ok=True)
    rows = []
    for number, text in enumerate(TEXTS, 1):
        name = f"{synthesizer.manifest.name}-{number}.flac"
        write_audio(arguments.out / name, synthesizer.speak(text))
        rows.append(f"| [{text}]({name}) |")
    title = f"# What the voice {synthesizer.manifest.name} sounds like\n\n"
    made = "Made by `python tools/make_samples.py`; nothing was chosen or touched up.\n\n| text and sound |\n|---|\n"
    (arguments.out / "README.md").write_text(title + made + "\n".join(rows) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
