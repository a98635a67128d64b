"""A result as a small picture: its colours are the result's own, chosen or not.

Qt's own drawing would lay the selection's colour over the picture of the chosen one.
"""

from __future__ import annotations

from ..qt import (
    QBuffer,
    QByteArray,
    QIcon,
    QImage,
    QImageReader,
    QIODevice,
    QModelIndex,
    QPainter,
    QPalette,
    QSize,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    Qt,
)

SIDE = 56
"""Pixels of a small picture: four stand side by side in a narrow docker."""

FRAME = 2
"""Pixels of the frame around the chosen one."""

MOST_SIDE = 1024
"""Pixels along a side of a picture that is read from a file."""


class Thumbnail(QStyledItemDelegate):
    """Draws a picture, and a frame of the theme's own colour around the chosen one."""

    def paint(
        self, painter: QPainter | None, option: QStyleOptionViewItem, index: QModelIndex
    ) -> None:
        if painter is None:
            return
        if option.state & QStyle.StateFlag.State_Selected:
            painter.fillRect(option.rect, option.palette.color(QPalette.ColorRole.Highlight))
        icon = index.data(Qt.ItemDataRole.DecorationRole)
        if isinstance(icon, QIcon):
            within = option.rect.adjusted(FRAME, FRAME, -FRAME, -FRAME)
            icon.paint(painter, within)

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex) -> QSize:
        return QSize(SIDE + 2 * FRAME, SIDE + 2 * FRAME)


def decoded(jpeg: bytes) -> QImage:
    """The picture of a file from anybody; a dark one where it is none or too large."""
    data = QByteArray(jpeg)
    buffer = QBuffer(data)
    buffer.open(QIODevice.OpenModeFlag.ReadOnly)
    reader = QImageReader(buffer, QByteArray(b"jpeg"))
    size = reader.size()
    if size.isValid() and max(size.width(), size.height()) <= MOST_SIDE:
        image = reader.read()
        if not image.isNull():
            return image
    image = QImage(SIDE, SIDE, QImage.Format.Format_RGB32)
    image.fill(0)
    return image
