"""Limn's tests: one folder for each room, and `krita/`, which runs inside a real Krita."""
