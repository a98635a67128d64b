"""The two small pictures of the panel: the edit as it forms, and its mask.

Both show the same part of the layer.
"""

from __future__ import annotations

from typing import Any

from ..preview_data import WHOLE, GreyPicture, LayerPicture, Look, View
from ..qt import (
    QBoxLayout,
    QColor,
    QImage,
    QPainter,
    QPaintEvent,
    QPalette,
    QRect,
    QRectF,
    QResizeEvent,
    QSize,
    QSizePolicy,
    Qt,
    QWidget,
    sure,
)
from ..translations import tr

LEAST = 56
"""Height: so all that matters is in view at Krita's default size of a docker.

Where there is more room, the pictures take it.
"""

TALL = 1.2
"""Times its width: room taller than this shows the pictures below each other."""


class SmallPicture(QWidget):
    """One picture, scaled into its place with its shape kept.

    A quiet word where there is none yet.
    """

    def __init__(self, name: str, word: str, tip: str) -> None:
        super().__init__()
        self.setObjectName(name)
        self.setToolTip(tip)
        self.setAccessibleName(word)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(60, LEAST)
        self._word = word
        self._image: QImage | None = None
        self._over: QImage | None = None
        self._place = self._view = WHOLE
        self._given: tuple[Any, ...] | None = None

    def sizeHint(self) -> QSize:
        return QSize(2 * LEAST, LEAST)

    def show_edit(
        self, layer: LayerPicture | None, look: Look | None, mask: GreyPicture | None, view: View
    ) -> None:
        """The layer, and over its part of it the edit, as far as the mask lets it through.

        That is what will reach the canvas. Without a mask yet, the whole edit is shown.
        """
        given = layer, look, mask, view
        if self._given is not None and all(a is b for a, b in zip(given, self._given, strict=True)):
            return
        if self._given is None or self._given[0] is not layer:
            self._image = None if layer is None else _coloured(layer)
        if self._given is None or self._given[1:3] != (look, mask):
            self._over = None if look is None else _seen_through(look, mask)
        self._place = WHOLE if look is None else look.shows
        self._given, self._view = given, view
        self.update()

    def show_grey(self, picture: GreyPicture | None, view: View) -> None:
        if (picture, view) != self._given:
            self._image = None if picture is None else _grey(picture)
            self._given, self._view = (picture, view), view
            self.update()

    def shown(self) -> QRectF:
        """Where in this widget the view lies: as large as it fits into the frame."""
        frame, image = QRectF(self._frame()), sure(self._image)
        wide, high = (
            self._view.width * image.width(),
            self._view.height * image.height(),
        )
        scale = min(frame.width() / wide, frame.height() / high)
        place = QRectF(0, 0, wide * scale, high * scale)
        place.moveCenter(frame.center())
        return place

    def paintEvent(self, event: QPaintEvent) -> None:
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

    def _frame(self) -> QRect:
        return self.rect().adjusted(0, 0, -1, -1)

    def _draw(self, painter: QPainter, shown: QRectF) -> None:
        """The view, and what lies over the picture at its own place."""
        view, place = self._view, self._place
        image = sure(self._image)
        wide, high = image.width(), image.height()
        painter.setClipRect(shown)
        painter.drawImage(
            shown,
            image,
            QRectF(view.x * wide, view.y * high, view.width * wide, view.height * high),
        )
        if self._over is not None and not self._over.isNull():
            across, down = shown.width() / view.width, shown.height() / view.height
            x, y = shown.x() + (place.x - view.x) * across, shown.y() + (place.y - view.y) * down
            painter.drawImage(QRectF(x, y, place.width * across, place.height * down), self._over)
        painter.setClipping(False)


def _coloured(layer: LayerPicture) -> QImage:
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


def _grey(picture: GreyPicture) -> QImage:
    """A mask as an image of its own: QImage does not keep the bytes alive."""
    form = QImage.Format.Format_Grayscale8
    return QImage(picture.data, picture.width, picture.height, picture.width, form).copy()


def _seen_through(look: Look, mask: GreyPicture | None) -> QImage | None:
    """The edit with the mask of its place as its alpha; all of it without one."""
    image = QImage.fromData(look.jpeg)
    if mask is None or image.isNull():
        return image
    shows, (wide, high) = look.shows, (mask.width, mask.height)
    grey = _grey(mask)
    alpha = QImage(image.size(), QImage.Format.Format_Grayscale8)
    alpha.fill(0)
    painter = QPainter(alpha)
    painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
    part = QRectF(shows.x * wide, shows.y * high, shows.width * wide, shows.height * high)
    painter.drawImage(QRectF(alpha.rect()), grey, part)
    painter.end()
    image = image.convertToFormat(QImage.Format.Format_ARGB32)
    image.setAlphaChannel(alpha)
    return image


class Pictures(QWidget):
    """The edit and its mask: beside each other, or below where there is height."""

    def __init__(self, tip: str, mask_tip: str) -> None:
        super().__init__()
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self._row = QBoxLayout(QBoxLayout.Direction.LeftToRight, self)
        self._row.setContentsMargins(0, 0, 0, 0)
        self._row.setSpacing(6)
        self.preview = SmallPicture("limn_preview", tr("picture"), tip)
        self.found = SmallPicture("limn_mask_picture", tr("mask"), mask_tip)
        self._row.addWidget(self.preview)
        self._row.addWidget(self.found)

    def minimumSizeHint(self) -> QSize:
        return QSize(120, LEAST)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        tall = self.height() > TALL * self.width()
        ways = QBoxLayout.Direction
        self._row.setDirection(ways.TopToBottom if tall else ways.LeftToRight)


def _faded(colour: QColor) -> QColor:
    return QColor(colour.red(), colour.green(), colour.blue(), 110)
