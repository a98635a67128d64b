"""Limn in Krita: a docker and five actions that edit the active layer.

The painter writes what should change. A server on this machine makes the edit.
"""

try:
    import krita  # noqa: F401
except ImportError:  # read by a test or a tool: the parts that know no Krita work there as well
    IN_KRITA = False
else:
    IN_KRITA = True

if IN_KRITA:
    from .language import follow_krita

    follow_krita()  # first: words are looked up where they are written down

    from .plugin import register

    register()
