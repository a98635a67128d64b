"""Limn's tests.

There is one folder for each room, and `krita/`, which runs inside a real Krita.
"""
