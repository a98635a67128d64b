"""The two small pictures of the panel: the edit as it forms, and its mask.

Both show the same part of the layer.
"""

from __future__ import annotations

from typing import Any

from ..preview_data import WHOLE, GreyPicture, LayerPicture, Look, View
from ..qt import QColor, QImage, QPainter, QPalette, QRectF, QSize, QSizePolicy, Qt, QWidget

HEIGHT = 116
"""With 240 pixels of width two pictures stand beside each other, about square."""


class SmallPicture(QWidget):  # type: ignore[misc]
    """One picture, scaled into its place with its shape kept.

    A quiet word where there is none yet.
    """

    def __init__(self, name: str, word: str, tip: str) -> None:
        super().__init__()
        self.setObjectName(name)
        self.setToolTip(tip)
        self.setAccessibleName(word)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setMinimumWidth(60)
        self.setFixedHeight(HEIGHT)
        self._word = word
        self._image: Any = None
        self._over: Any = None
        self._place = self._view = WHOLE
        self._given: tuple[Any, ...] | None = None

    def sizeHint(self) -> Any:
        return QSize(HEIGHT, HEIGHT)

    def show_edit(self, layer: LayerPicture | None, look: Look | None, view: View) -> None:
        """The layer, and the edit as far as it is over its part of it."""
        if (layer, look, view) != self._given:
            if self._given is None or self._given[0] is not layer:
                self._image = None if layer is None else _coloured(layer)
            if self._given is None or self._given[1] is not look:
                self._over = None if look is None else QImage.fromData(look.jpeg)
            self._place = WHOLE if look is None else look.shows
            self._given, self._view = (layer, look, view), view
            self.update()

    def show_grey(self, picture: GreyPicture | None, view: View) -> None:
        if (picture, view) != self._given:
            self._image = None
            if picture is not None:  # copied: QImage does not keep the bytes alive
                image = QImage(
                    picture.data,
                    picture.width,
                    picture.height,
                    picture.width,
                    QImage.Format.Format_Grayscale8,
                )
                self._image = image.copy()
            self._given, self._view = (picture, view), view
            self.update()

    def shown(self) -> Any:
        """Where in this widget the view lies: as large as it fits into the frame."""
        frame = QRectF(self._frame())
        wide, high = (
            self._view.width * self._image.width(),
            self._view.height * self._image.height(),
        )
        scale = min(frame.width() / wide, frame.height() / high)
        place = QRectF(0, 0, wide * scale, high * scale)
        place.moveCenter(frame.center())
        return place

    def paintEvent(self, event: Any) -> None:
        painter = QPainter(self)
        frame = self._frame()
        painter.fillRect(frame, self.palette().color(QPalette.ColorRole.Base))
        if self._image is None or self._image.isNull():
            painter.setPen(_faded(self.palette().color(QPalette.ColorRole.Text)))
            painter.drawText(frame, Qt.AlignmentFlag.AlignCenter, self._word)
        else:
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
            self._draw(painter, self.shown())
        painter.setPen(self.palette().color(QPalette.ColorRole.Mid))
        painter.drawRect(frame)
        painter.end()

    def _frame(self) -> Any:
        return self.rect().adjusted(0, 0, -1, -1)

    def _draw(self, painter: Any, shown: Any) -> None:
        """The view, and what lies over the picture at its own place."""
        view, place = self._view, self._place
        wide, high = self._image.width(), self._image.height()
        painter.setClipRect(shown)
        painter.drawImage(
            shown,
            self._image,
            QRectF(view.x * wide, view.y * high, view.width * wide, view.height * high),
        )
        if self._over is not None and not self._over.isNull():
            across, down = shown.width() / view.width, shown.height() / view.height
            x, y = shown.x() + (place.x - view.x) * across, shown.y() + (place.y - view.y) * down
            painter.drawImage(QRectF(x, y, place.width * across, place.height * down), self._over)
        painter.setClipping(False)


def _coloured(layer: LayerPicture) -> Any:
    """The layer's picture as the painter sees it, over the document's background."""
    image = QImage(layer.width, layer.height, QImage.Format.Format_RGB32)
    image.fill(QColor(*layer.background))
    painter = QPainter(image)
    painter.drawImage(
        0,
        0,
        QImage(layer.data, layer.width, layer.height, 4 * layer.width, QImage.Format.Format_ARGB32),
    )
    painter.end()
    return image


def _faded(colour: Any) -> Any:
    return QColor(colour.red(), colour.green(), colour.blue(), 110)
