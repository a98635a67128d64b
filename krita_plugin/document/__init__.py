"""Krita's document: layers read, results written, on the main thread in short turns."""
