"""Limn's server on the painter's own machine, and a client for it.

Jobs and sessions. Knows no Krita.
"""

from importlib.metadata import version

__version__ = version("limn")
