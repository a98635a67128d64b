"""Jobs and sessions: Limn's server on the painter's own machine, and a client for it. Knows no
Krita.
"""

__version__ = "0.1.0"
