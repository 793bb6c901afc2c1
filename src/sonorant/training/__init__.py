"""Features to a trained model: one `fit`, a task per model, and checkpoints that hold everything.

The modules need torch and are imported by their full path: `sonorant.training.fit`, `sonorant.training.checkpoint`.
"""
