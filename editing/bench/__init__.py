"""Benchmarks: figures, not tests."""

import os

os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
"""Its words about an absent torchvision, which nothing here needs, would stand in each figure."""
