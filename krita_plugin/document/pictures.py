"""Pixels of the wire laid over each other and scaled, by Qt.

B, G, R, A, rows without padding, alpha not multiplied in.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..preview_data import LayerPicture
from ..qt import QBuffer, QByteArray, QColor, QImage, QIODevice, QPainter, Qt, sure
from .geometry import Rect

OPAQUE = 255

THUMBNAIL_SIDE = 128
"""Pixels along the longer side of a result's small picture; shown at half of that."""

THUMBNAIL_QUALITY = 85
"""Of its JPEG: some 5 KiB."""

MODES = {
    "normal": "SourceOver",
    "multiply": "Multiply",
    "screen": "Screen",
    "overlay": "Overlay",
    "darken": "Darken",
    "lighten": "Lighten",
    "dodge": "ColorDodge",
    "burn": "ColorBurn",
    "hard_light": "HardLight",
    "soft_light_svg": "SoftLight",
    "diff": "Difference",
    "exclusion": "Exclusion",
    "add": "Plus",
    "linear_dodge": "Plus",
}
"""Krita's blending modes, by its ids, and those of Qt that do the same."""


def over(
    pixels: bytes, area: Rect, upper: bytes, place: Rect, opacity: int, deep: bool,
    mode: str = "normal", inside: bool = False,
) -> bytes:  # fmt: skip
    """Pixels with others laid over a part of them.

    area, place: where both lie; place is inside area. `deep`: 16 bits a channel, else 8; Qt then
    has red first: no matter here. opacity: 0..255. mode: one of MODES. inside: the upper ones add
    nothing where the lower ones are transparent.
    """
    lower = _image(pixels, area, deep)
    painter = QPainter(lower)  # detaches the image from our bytes, which stay as they are
    name = "SourceAtop" if inside and mode == "normal" else MODES[mode]
    painter.setCompositionMode(getattr(QPainter.CompositionMode, f"CompositionMode_{name}"))
    painter.setOpacity(opacity / OPAQUE)
    painter.drawImage(place.x - area.x, place.y - area.y, _image(upper, place, deep))
    painter.end()
    laid = sure(lower.constBits()).asstring(len(pixels))
    return laid


def through(
    pixels: bytes, area: Rect, mask: bytes, place: Rect, deep: bool, inverted: bool = False
) -> bytes:
    """Pixels as they are seen through a mask.

    Their alpha is multiplied by the mask's; beside it nothing is seen. mask: one byte a pixel, 255
    lets all through. place: where it lies. inverted: the other way round, with all of it beside the
    mask.
    """
    image = _image(pixels, area, deep).copy()
    part = place.intersected(area)
    step = -(-area.width // 4) * 4  # rows of an 8 bit picture of Qt's begin at multiples of 4
    wide = bytearray(step * area.height)
    for row in range(part.y, part.bottom):
        start = (row - place.y) * place.width + part.x - place.x
        to = (row - area.y) * step + part.x - area.x
        wide[to : to + part.width] = mask[start : start + part.width]
    veil = QImage(bytes(wide), area.width, area.height, step, QImage.Format.Format_Alpha8)
    painter = QPainter(image)
    modes = QPainter.CompositionMode
    painter.setCompositionMode(
        modes.CompositionMode_DestinationOut if inverted else modes.CompositionMode_DestinationIn
    )
    painter.drawImage(0, 0, veil)
    painter.end()
    seen = sure(image.constBits()).asstring(len(pixels))
    return seen


def thumbnail(
    picture: LayerPicture,
    width: int,
    deep: bool,
    parts: Sequence[tuple[bytes, Rect, tuple[Rect, bytes | None] | None]],
) -> bytes:
    """A layer with an edit on it, small, as a JPEG.

    picture: the layer, made small. width: of the layer itself. parts: of the edit, the pixels of
    each (`deep`: 16 bits a channel), where they lie on the layer, and where the mask lies through
    which they are seen, with its bytes.
    """
    scale = picture.width / width
    shown = QImage(picture.width, picture.height, QImage.Format.Format_RGB32)
    shown.fill(QColor(*picture.background))
    painter = QPainter(shown)
    size = picture.width, picture.height
    painter.drawImage(
        0, 0, QImage(picture.data, *size, 4 * picture.width, QImage.Format.Format_ARGB32)
    )
    for pixels, place, veil in parts:
        over = _small(pixels, place, deep, veil, scale)
        painter.drawImage(round(place.x * scale), round(place.y * scale), over)
    painter.end()
    data = QByteArray()
    buffer = QBuffer(data)
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    shown.scaled(
        THUMBNAIL_SIDE,
        THUMBNAIL_SIDE,
        Qt.AspectRatioMode.KeepAspectRatio,
        Qt.TransformationMode.SmoothTransformation,
    ).save(buffer, "JPEG", THUMBNAIL_QUALITY)
    jpeg: bytes = data.data()
    return jpeg


def _small(
    pixels: bytes, place: Rect, deep: bool, veil: tuple[Rect, bytes | None] | None, scale: float
) -> QImage:
    """A part of an edit as it is seen through its mask, made small."""
    wide, high = max(1, round(place.width * scale)), max(1, round(place.height * scale))
    fast = Qt.AspectRatioMode.IgnoreAspectRatio, Qt.TransformationMode.FastTransformation
    over = _image(pixels, place, deep)
    over = over.scaled(wide, high, *fast).convertToFormat(QImage.Format.Format_ARGB32)
    over = over.rgbSwapped() if deep else over  # Qt has red first at 16 bits
    if veil is not None and veil[1] is not None:
        area = veil[0]
        mask = QImage(
            veil[1], area.width, area.height, area.width, QImage.Format.Format_Alpha8
        ).scaled(max(1, round(area.width * scale)), max(1, round(area.height * scale)), *fast)
        whole = QImage(wide, high, QImage.Format.Format_ARGB32)
        whole.fill(0)
        painter = QPainter(whole)
        at = round((area.x - place.x) * scale), round((area.y - place.y) * scale)
        painter.drawImage(*at, mask)
        painter.end()
        painter = QPainter(over)
        painter.setCompositionMode(QPainter.CompositionMode.CompositionMode_DestinationIn)
        painter.drawImage(0, 0, whole)
        painter.end()
    return over


def scaled(data: bytes, old: Rect, new: Rect, format: str) -> bytes:
    """Pixels of one rectangle smoothly scaled to another's size.

    format: "bgra8", "bgra16" or "gray8".
    """
    if format == "gray8":
        image = QImage(data, old.width, old.height, old.width, QImage.Format.Format_Grayscale8)
        plain, inner, size = image.format(), image.format(), 1
    else:
        image = _image(data, old, format == "bgra16")
        plain, size = image.format(), 8 if format == "bgra16" else 4
        inner = (
            QImage.Format.Format_RGBA64_Premultiplied
            if size == 8
            else QImage.Format.Format_ARGB32_Premultiplied
        )
    image = image.convertToFormat(inner).scaled(
        new.width,
        new.height,
        Qt.AspectRatioMode.IgnoreAspectRatio,
        Qt.TransformationMode.SmoothTransformation,
    )
    image = image.convertToFormat(plain)
    return _rows(image, new.width * size)


def reduced(pixels: bytes, area: Rect, times: int, deep: bool) -> bytes:
    """Pixels made so many times smaller, 8 bits a channel.

    Each is the mean of times x times of them; what is left at the right and below is left out.
    """
    wide, high = area.width // times, area.height // times
    image = _image(pixels, area, deep).copy(0, 0, wide * times, high * times)
    image = image.convertToFormat(QImage.Format.Format_ARGB32_Premultiplied).scaled(
        wide,
        high,
        Qt.AspectRatioMode.IgnoreAspectRatio,
        Qt.TransformationMode.SmoothTransformation,
    )
    image = image.convertToFormat(QImage.Format.Format_ARGB32)
    image = image.rgbSwapped() if deep else image  # Qt has red first at 16 bits
    small: bytes = sure(image.constBits()).asstring(4 * wide * high)
    return small


def larger(one: bytes, other: bytes, width: int, height: int) -> bytes:
    """The larger of two masks at each pixel; a byte each, rows without padding."""
    size, grey = (width, height), QImage.Format.Format_Grayscale8
    image = QImage(one, *size, width, grey).convertToFormat(QImage.Format.Format_RGB32)
    painter = QPainter(image)
    painter.setCompositionMode(QPainter.CompositionMode.CompositionMode_Lighten)
    painter.drawImage(0, 0, QImage(other, *size, width, grey))
    painter.end()
    return _rows(image.convertToFormat(grey), width)


def _rows(image: QImage, wide: int) -> bytes:
    """An image's bytes, `wide` of each row: Qt's rows begin at multiples of 4."""
    step, high = image.bytesPerLine(), image.height()
    raw = sure(image.constBits()).asstring(step * high)
    return b"".join(raw[row * step : row * step + wide] for row in range(high))


def _image(pixels: bytes, rect: Rect, deep: bool) -> QImage:
    form = QImage.Format.Format_RGBA64 if deep else QImage.Format.Format_ARGB32
    return QImage(pixels, rect.width, rect.height, rect.width * (8 if deep else 4), form)
