"""PyKrita's nodes and selections.

Names for those of image.py, made anew at each call.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from PyQt6.QtCore import QByteArray, QPoint, QRect, QUuid

from .image import Image, Plane, Thing, empty

SRGB = "sRGB-elle-V2-srgbtrc.icc"


class Node:
    """PyKrita's `Node`: a name for a node, made anew at each call."""

    __hash__ = None  # type: ignore[assignment]

    def __init__(self, image: Image, thing: Thing) -> None:
        self._image, self._thing = image, thing

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Node) and other._thing is self._thing

    def uniqueId(self) -> Any:
        return QUuid(self._thing.uuid)

    def name(self) -> str:
        return self._thing.name

    def setName(self, name: str) -> None:
        self._thing.name = name

    def type(self) -> str:
        return self._thing.kind

    def visible(self) -> bool:
        return self._thing.visible

    def setVisible(self, visible: bool) -> None:
        self._thing.visible = visible

    def opacity(self) -> int:
        return self._thing.opacity

    def setOpacity(self, value: int) -> None:
        self._thing.opacity = value

    def blendingMode(self) -> str:
        return self._thing.mode

    def setBlendingMode(self, mode: str) -> None:
        self._thing.mode = mode

    def inheritAlpha(self) -> bool:
        return self._thing.inherits

    def setInheritAlpha(self, value: bool) -> None:
        self._thing.inherits = value

    def channels(self) -> list[Any]:
        return []

    def animated(self) -> bool:
        return False

    def layerStyleToAsl(self) -> str:
        return ""

    def colorModel(self) -> str:
        return "RGBA"

    def colorDepth(self) -> str:
        return "U8"

    def colorProfile(self) -> str:
        return SRGB

    def bounds(self) -> Any:
        return QRect(*self._thing.plane.bounds())

    def position(self) -> Any:
        return QPoint(*self._thing.place)

    def pixelData(self, x: int, y: int, width: int, height: int) -> Any:
        return QByteArray(self._thing.plane.read(x, y, width, height).tobytes())

    def projectionPixelData(self, x: int, y: int, width: int, height: int) -> Any:
        return QByteArray(self._thing.seen(x, y, width, height).tobytes())

    def setPixelData(self, data: Any, x: int, y: int, width: int, height: int) -> bool:
        channels = self._thing.plane.pixels.shape[2]
        pixels = np.frombuffer(bytes(data), np.uint8).reshape(height, width, channels)
        self._thing.plane = self._thing.plane.written(pixels, x, y)
        return True

    def duplicate(self) -> Node:
        return Node(self._image, self._thing.copy())

    def parentNode(self) -> Node | None:
        parent = self._thing.parent
        return None if parent is None else Node(self._image, parent)

    def childNodes(self) -> list[Node]:
        nodes = [Node(self._image, one) for one in self._thing.children]
        if self._thing is self._image.root and self._image.selection is not None:
            mask = Thing("selectionmask", "Selection Mask", self._image.selection)
            mask.parent, mask.uuid = self._thing, _SELECTION
            nodes.append(Node(self._image, mask))
        return nodes

    def addChildNode(self, child: Node, above: Node | None) -> bool:
        if not self._image.open or child._thing.parent is not None:
            return False
        child._image = self._image
        self._image.add(child._thing, self._thing, None if above is None else above._thing)
        return True

    def remove(self) -> bool:
        if not self._image.open or self._thing.parent is None:
            return False
        self._image.remove(self._thing)
        return True

    def setChildNodes(self, nodes: list[Node]) -> None:
        """Takes the first node out and puts these in, as Krita's does."""
        if self._thing.children:
            self._thing.children.pop(0).parent = None
        for one in nodes:
            if one._thing.parent is not None:
                one._thing.parent.children.remove(one._thing)
            one._image, one._thing.parent = self._image, self._thing
            self._thing.children.append(one._thing)


_SELECTION = Thing("selectionmask", "", empty(1)).uuid


class Selection:
    """PyKrita's `Selection`."""

    def __init__(self, plane: Plane | None = None) -> None:
        self._plane = plane or empty(1)

    def duplicate(self) -> Selection:
        return Selection(self._plane)

    def x(self) -> int:
        return self._plane.bounds()[0]

    def y(self) -> int:
        return self._plane.bounds()[1]

    def width(self) -> int:
        return self._plane.bounds()[2]

    def height(self) -> int:
        return self._plane.bounds()[3]

    def pixelData(self, x: int, y: int, width: int, height: int) -> Any:
        return QByteArray(self._plane.read(x, y, width, height).tobytes())

    def setPixelData(self, data: Any, x: int, y: int, width: int, height: int) -> None:
        pixels = np.frombuffer(bytes(data), np.uint8).reshape(height, width, 1)
        self._plane = self._plane.written(pixels, x, y)
