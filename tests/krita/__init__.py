"""Limn in a real Krita under Xvfb."""
