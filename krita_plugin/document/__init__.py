"""Krita's document: layers are read, results written.

All on the main thread, in short turns.
"""
