"""A model tried on its user's own machine: `limn doctor --model PLACE --try`.

Does the loop give what the stock pipelines give with these weights, where do nouns localise, what
does each paper's algorithm take of time and memory, and what will not fit. Everything is measured.
"""
