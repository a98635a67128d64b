"""Fuzzing, guided by coverage.

What strangers send, and the files that painters and models bring.
"""
