"""Limn in Krita: a docker and five actions that edit the active layer.

The painter writes what should change. A server on this machine makes the edit.
"""

try:
    import krita as _krita
except (
    ImportError
):  # read by a test or a tool outside Krita: the parts that know no Krita work there as well
    _krita = None

if _krita is not None:
    from .language import follow_krita

    follow_krita()  # first: words are looked up where they are written down

    from .plugin import register

    register()
