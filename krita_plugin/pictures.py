"""The two small pictures of the panel: the edit as it forms, and its mask."""

from __future__ import annotations

from typing import Any

from .qt import QColor, QImage, QPainter, QPalette, QRect, QSize, QSizePolicy, Qt, QWidget
from .state import GreyPicture

HEIGHT = 116
"""With 240 pixels of width two pictures stand beside each other, about square."""


class SmallPicture(QWidget):  # type: ignore[misc]
    """One picture, scaled into its place with its shape kept; a quiet word where there is none yet."""

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
        self._given: object = None

    def sizeHint(self) -> Any:
        return QSize(HEIGHT, HEIGHT)

    def show_jpeg(self, data: bytes | None) -> None:
        if data is not self._given:
            self._given = data
            self._image = None if not data else QImage.fromData(data)
            self.update()

    def show_grey(self, picture: GreyPicture | None) -> None:
        if picture is not self._given:
            self._given = picture
            self._image = None
            if picture is not None:  # copied: QImage does not keep the bytes alive
                image = QImage(picture.data, picture.width, picture.height, picture.width, QImage.Format.Format_Grayscale8)
                self._image = image.copy()
            self.update()

    def paintEvent(self, event: Any) -> None:
        painter = QPainter(self)
        frame = self.rect().adjusted(0, 0, -1, -1)
        painter.fillRect(frame, self.palette().color(QPalette.ColorRole.Base))
        if self._image is None or self._image.isNull():
            painter.setPen(_faded(self.palette().color(QPalette.ColorRole.Text)))
            painter.drawText(frame, Qt.AlignmentFlag.AlignCenter, self._word)
        else:
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
            size = self._image.size().scaled(frame.size(), Qt.AspectRatioMode.KeepAspectRatio)
            place = QRect((self.width() - size.width()) // 2, (self.height() - size.height()) // 2, size.width(), size.height())
            painter.drawImage(place, self._image)
        painter.setPen(self.palette().color(QPalette.ColorRole.Mid))
        painter.drawRect(frame)
        painter.end()


def _faded(colour: Any) -> Any:
    return QColor(colour.red(), colour.green(), colour.blue(), 110)
