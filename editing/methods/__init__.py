"""The methods: the four papers, a file each, and in `baselines` earlier ones to compare with.

A file in here with an ALGORITHM is a method of Limn's. Nothing else names it.
"""
