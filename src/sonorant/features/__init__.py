"""Records to features on disk, and features to batches. Batches need torch and are imported by their full path."""

from sonorant.features.order import crop_start, epoch_batches

__all__ = ["crop_start", "epoch_batches"]
