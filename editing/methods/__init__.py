"""The methods that edit.

The four papers have a file each; in `baselines` are earlier ones to compare with. A file in here
with an ALGORITHM is a method of Limn's. Nothing else names it.
"""
