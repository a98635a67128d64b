"""Picture files <-> raw pixels of the wire, for the command line.

What is read keeps its size, depth, mode and colours, and what else the file says, when it is
written as PNG.
"""

from .opening import PictureError
from .picture import Picture, composed, layer_array
from .reading import FORMATS, read, read_selection
from .writing import write, write_array, write_layer, write_mask

__all__ = [
    "FORMATS",
    "Picture",
    "PictureError",
    "composed",
    "layer_array",
    "read",
    "read_selection",
    "write",
    "write_array",
    "write_layer",
    "write_mask",
]
