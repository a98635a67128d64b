"""Fuzzing, guided by coverage: what strangers send, and the files that painters and models
bring.
"""
