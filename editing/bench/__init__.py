"""Benchmarks: figures, not tests."""

import os

os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
"""Its words about an absent torchvision would stand in each figure.

Nothing here needs that.
"""
