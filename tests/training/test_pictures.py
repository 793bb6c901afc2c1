import numpy as np

from sonorant.training.pictures import draw_alignment, draw_mels


def test_a_mel_changes_the_picture_where_it_is_loud() -> None:
    quiet, loud = np.zeros((80, 50), np.float32), np.zeros((80, 50), np.float32)
    loud[40:] = 1.0
    plain, split = draw_mels({"mel": quiet}), draw_mels({"mel": loud})
    assert plain.shape == split.shape and plain.dtype == np.uint8
    upper, lower = slice(50, 90), slice(130, 170)
    middle = slice(300, 500)
    assert np.ptp(plain[:, middle][upper].astype(int) - plain[:, middle][lower].astype(int)) == 0
    assert (split[upper, middle].astype(int) != split[lower, middle].astype(int)).any(axis=2).all()


def test_an_alignment_is_drawn_with_its_labels() -> None:
    soft = np.repeat(np.eye(3, dtype=np.float32), 5, axis=0)
    durations = np.array([5, 5, 5])
    with_labels = draw_alignment(soft, ("AA1", "B", "."), durations)
    assert with_labels.ndim == 3 and with_labels.shape[2] == 3
    assert (with_labels != draw_alignment(soft, ("K", "B", "."), durations)).any()
    assert (with_labels != draw_alignment(soft, ("AA1", "B", "."))).any()
