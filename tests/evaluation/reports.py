"""Results made up, for tests of what is made of them."""

from sonorant.evaluation.results import Evaluation, SentenceResult, Share


def result(number: int, errors: int = 1, **changes: object) -> SentenceResult:
    words = "one two three four"
    fields: dict[str, object] = {
        "sentence_id": f"{number:03}",
        "category": "number",
        "text": f"Sentence <{number}> & more.",
        "expected": words,
        "heard": " ".join(words.split()[errors:]),
        "heard_in_recording": words,
        "shares": {"wer": Share(errors, 4), "mcd": Share(5.0 + number), "real_time_factor": Share(0.1, 2.0)},
        "recording_shares": {"wer": Share(1, 4)},
        "notes": (),
    }
    return SentenceResult(**{**fields, **changes})  # type: ignore[arg-type]


def evaluation(*sentences: SentenceResult, subject: str = "ada") -> Evaluation:
    return Evaluation("speech", subject, "a list", {"threads": 1, "date": "2026-01-31"}, sentences)
