"""What the plugin sees of Krita: pictures, nodes, selections, undo.

Facts that were seen in a real one, and hold here: objects are wrapped anew at each call, and equal
where they mean the same. A closed picture answers with nothing. A new layer becomes the active one
some time after it was added, if its picture is in front. A duplicate shares pixels until either
changes. Adding, removing and *Select Opaque* can be undone; `setPixelData`, `setVisible`,
`setChildNodes` and annotations can't. A selection is a node of the picture, on top. `crop` cuts off
what lies beside the new canvas. A picture is locked while the painter holds a stroke.
"""

from __future__ import annotations

from typing import Any

from PyQt6.QtCore import QByteArray
from PyQt6.QtGui import QColor

from .clock import clock
from .image import DRAWING_SECONDS, Image, Plane, Thing, empty, screen
from .nodes import SRGB, Node, Selection


class Document:
    """PyKrita's `Document`: a name for a picture, which may be closed by now."""

    __hash__ = None  # type: ignore[assignment]

    def __init__(self, image: Image) -> None:
        self._image = image

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Document) and other._image is self._image

    def rootNode(self) -> Node | None:
        return Node(self._image, self._image.root) if self._image.open else None

    def activeNode(self) -> Node | None:
        active = self._image.active
        return Node(self._image, active) if self._image.open and active is not None else None

    def setActiveNode(self, node: Node) -> None:
        if self._image.open and app.front is self._image and node._thing.parent is not None:
            self._image.active = node._thing

    def createNode(self, name: str, kind: str) -> Node | None:
        return Node(self._image, Thing(kind, name, empty(4))) if self._image.open else None

    def width(self) -> int:
        return self._image.width if self._image.open else 0

    def height(self) -> int:
        return self._image.height if self._image.open else 0

    def xOffset(self) -> int:
        return 0

    def yOffset(self) -> int:
        return 0

    def colorModel(self) -> str:
        return "RGBA"

    def colorDepth(self) -> str:
        return "U8"

    def colorProfile(self) -> str:
        return SRGB

    def name(self) -> str:
        return self._image.name

    def fileName(self) -> str:
        return ""

    def backgroundColor(self) -> Any:
        return QColor(255, 255, 255, 255)

    def currentTime(self) -> int:
        return 0

    def fullClipRangeEndTime(self) -> int:
        return 0

    def selection(self) -> Selection | None:
        plane = self._image.selection
        return None if plane is None or not self._image.open else Selection(plane)

    def tryBarrierLock(self) -> bool:
        return self._image.open and not self._image.held and clock.now >= self._image.busy_until

    def unlock(self) -> None:
        pass

    def waitForDone(self) -> None:
        clock.now = max(clock.now, self._image.busy_until)

    def refreshProjection(self) -> None:
        self._image.busy_until = clock.now + DRAWING_SECONDS

    def setModified(self, modified: bool) -> None:
        pass

    def setBatchmode(self, quiet: bool) -> None:
        pass

    def annotationTypes(self) -> list[str]:
        return list(self._image.notes) if self._image.open else []

    def annotation(self, name: str) -> Any:
        return QByteArray(self._image.notes.get(name, b""))

    def setAnnotation(self, name: str, description: str, data: Any) -> None:
        if self._image.open:
            self._image.notes[name] = bytes(data)

    def removeAnnotation(self, name: str) -> None:
        self._image.notes.pop(name, None)

    def close(self) -> bool:
        app.close(self._image)
        return True


class Krita:
    """PyKrita's `Krita`, and what stands behind it."""

    def __init__(self) -> None:
        self.images: list[Image] = []

    @property
    def front(self) -> Image | None:
        """The picture that the painter looks at."""
        return screen.front

    @front.setter
    def front(self, image: Image | None) -> None:
        screen.front = image

    @staticmethod
    def instance() -> Krita:
        return app

    def documents(self) -> list[Document]:
        return [Document(one) for one in self.images]

    def activeDocument(self) -> Document | None:
        return None if self.front is None else Document(self.front)

    def windows(self) -> list[Any]:
        return []

    def dockers(self) -> list[Any]:
        return []

    def activeWindow(self) -> Any:
        return self

    def addView(self, document: Document) -> None:
        self.front = document._image

    def batchmode(self) -> bool:
        return False

    def setBatchmode(self, quiet: bool) -> None:
        pass

    def createDocument(self, width: int, height: int, name: str, *_: Any) -> Document:
        self.images.append(Image(width, height, name))
        return Document(self.images[-1])

    def openDocument(self, path: str) -> Document:
        """The plugin opens one file only, of a layer with a mask."""
        made = self.createDocument(64, 64, path)
        layer = Thing("paintlayer", "layer", empty(4), parent=made._image.root)
        layer.children = [Thing("transparencymask", "mask", empty(1), parent=layer)]
        made._image.root.children = [layer]
        return made

    def action(self, name: str) -> Any:
        """None for *Close All*: there are no windows."""
        return None if name == "file_close_all" else Action(name)

    def close(self, image: Image) -> None:
        image.open, image.active = False, None
        self.images = [one for one in self.images if one is not image]
        if self.front is image:
            self.front = next((one for one in self.images if not one.name.endswith(".kra")), None)


class Signal:
    """Qt's of an action: nobody presses it here."""

    def connect(self, slot: Any) -> None:
        """Never called back."""


class Action:
    """One of Krita's actions, on the picture in front."""

    def __init__(self, name: str) -> None:
        self._name = name
        self.triggered = Signal()

    def text(self) -> str:
        image = app.front
        return f"Undo {len(image.steps)}" if image is not None else "Undo"

    def trigger(self) -> None:
        assert self._name == "selectopaque", self._name
        image = app.front
        if image is None or image.active is None:
            return
        thing = image.active
        if thing.kind.endswith("mask"):
            plane = thing.plane
        else:
            x, y, width, height = thing.plane.bounds()
            plane = Plane(thing.seen(x, y, width, height)[..., 3:], x, y)
        image.change([(image, "selection", plane)])


app = Krita()
"""The one that runs."""
