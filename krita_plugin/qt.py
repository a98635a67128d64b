"""Qt as this Krita has it: PyQt5 in Krita 5, PyQt6 in Krita 6.

Chosen once, here. Enumerations are written in full, which both take. Types are those of PyQt6,
which says more than PyQt5 of what may be None.
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import TYPE_CHECKING, TypeVar

T = TypeVar("T")

BINDING = "PyQt6" if "PyQt6.QtCore" in sys.modules else "PyQt5"
"""Krita has imported its own before any plugin."""

if TYPE_CHECKING:
    from PyQt6.QtCore import (
        Q_ARG as Q_ARG,
    )
    from PyQt6.QtCore import (
        QBuffer as QBuffer,
    )
    from PyQt6.QtCore import (
        QByteArray as QByteArray,
    )
    from PyQt6.QtCore import (
        QEvent as QEvent,
    )
    from PyQt6.QtCore import (
        QIODevice as QIODevice,
    )
    from PyQt6.QtCore import (
        QLocale as QLocale,
    )
    from PyQt6.QtCore import (
        QMetaObject as QMetaObject,
    )
    from PyQt6.QtCore import (
        QModelIndex as QModelIndex,
    )
    from PyQt6.QtCore import (
        QObject as QObject,
    )
    from PyQt6.QtCore import (
        QPoint as QPoint,
    )
    from PyQt6.QtCore import (
        QProcess as QProcess,
    )
    from PyQt6.QtCore import (
        QProcessEnvironment as QProcessEnvironment,
    )
    from PyQt6.QtCore import (
        QRect as QRect,
    )
    from PyQt6.QtCore import (
        QRectF as QRectF,
    )
    from PyQt6.QtCore import (
        QSize as QSize,
    )
    from PyQt6.QtCore import (
        Qt as Qt,
    )
    from PyQt6.QtCore import (
        QThread as QThread,
    )
    from PyQt6.QtCore import (
        QTimer as QTimer,
    )
    from PyQt6.QtCore import (
        QUuid as QUuid,
    )
    from PyQt6.QtCore import (
        pyqtBoundSignal,
        pyqtSignal,
    )
    from PyQt6.QtGui import (
        QAction as QAction,
    )
    from PyQt6.QtGui import (
        QColor as QColor,
    )
    from PyQt6.QtGui import (
        QFocusEvent as QFocusEvent,
    )
    from PyQt6.QtGui import (
        QGuiApplication as QGuiApplication,
    )
    from PyQt6.QtGui import (
        QIcon as QIcon,
    )
    from PyQt6.QtGui import (
        QImage as QImage,
    )
    from PyQt6.QtGui import (
        QImageReader as QImageReader,
    )
    from PyQt6.QtGui import (
        QKeyEvent as QKeyEvent,
    )
    from PyQt6.QtGui import (
        QKeySequence as QKeySequence,
    )
    from PyQt6.QtGui import (
        QPainter as QPainter,
    )
    from PyQt6.QtGui import (
        QPaintEvent as QPaintEvent,
    )
    from PyQt6.QtGui import (
        QPalette as QPalette,
    )
    from PyQt6.QtGui import (
        QPixmap as QPixmap,
    )
    from PyQt6.QtGui import (
        QResizeEvent as QResizeEvent,
    )
    from PyQt6.QtGui import (
        QShowEvent as QShowEvent,
    )
    from PyQt6.QtGui import (
        QStandardItemModel as QStandardItemModel,
    )
    from PyQt6.QtWidgets import (
        QAbstractButton as QAbstractButton,
    )
    from PyQt6.QtWidgets import (
        QAbstractItemView as QAbstractItemView,
    )
    from PyQt6.QtWidgets import (
        QApplication as QApplication,
    )
    from PyQt6.QtWidgets import (
        QBoxLayout as QBoxLayout,
    )
    from PyQt6.QtWidgets import (
        QButtonGroup as QButtonGroup,
    )
    from PyQt6.QtWidgets import (
        QCheckBox as QCheckBox,
    )
    from PyQt6.QtWidgets import (
        QComboBox as QComboBox,
    )
    from PyQt6.QtWidgets import (
        QDialog as QDialog,
    )
    from PyQt6.QtWidgets import (
        QDoubleSpinBox as QDoubleSpinBox,
    )
    from PyQt6.QtWidgets import (
        QFileDialog as QFileDialog,
    )
    from PyQt6.QtWidgets import (
        QFormLayout as QFormLayout,
    )
    from PyQt6.QtWidgets import (
        QHBoxLayout as QHBoxLayout,
    )
    from PyQt6.QtWidgets import (
        QLabel as QLabel,
    )
    from PyQt6.QtWidgets import (
        QLineEdit as QLineEdit,
    )
    from PyQt6.QtWidgets import (
        QListView as QListView,
    )
    from PyQt6.QtWidgets import (
        QListWidget as QListWidget,
    )
    from PyQt6.QtWidgets import (
        QListWidgetItem as QListWidgetItem,
    )
    from PyQt6.QtWidgets import (
        QMainWindow as QMainWindow,
    )
    from PyQt6.QtWidgets import (
        QMdiArea as QMdiArea,
    )
    from PyQt6.QtWidgets import (
        QMdiSubWindow as QMdiSubWindow,
    )
    from PyQt6.QtWidgets import (
        QMenu as QMenu,
    )
    from PyQt6.QtWidgets import (
        QPlainTextEdit as QPlainTextEdit,
    )
    from PyQt6.QtWidgets import (
        QProgressBar as QProgressBar,
    )
    from PyQt6.QtWidgets import (
        QPushButton as QPushButton,
    )
    from PyQt6.QtWidgets import (
        QScrollArea as QScrollArea,
    )
    from PyQt6.QtWidgets import (
        QSizePolicy as QSizePolicy,
    )
    from PyQt6.QtWidgets import (
        QSlider as QSlider,
    )
    from PyQt6.QtWidgets import (
        QSpinBox as QSpinBox,
    )
    from PyQt6.QtWidgets import (
        QStyle as QStyle,
    )
    from PyQt6.QtWidgets import (
        QStyledItemDelegate as QStyledItemDelegate,
    )
    from PyQt6.QtWidgets import (
        QStyleOptionViewItem as QStyleOptionViewItem,
    )
    from PyQt6.QtWidgets import (
        QToolButton as QToolButton,
    )
    from PyQt6.QtWidgets import (
        QVBoxLayout as QVBoxLayout,
    )
    from PyQt6.QtWidgets import (
        QWidget as QWidget,
    )

    Signal = pyqtSignal
    BoundSignal = pyqtBoundSignal
else:
    _core = import_module(f"{BINDING}.QtCore")
    _gui = import_module(f"{BINDING}.QtGui")
    _widgets = import_module(f"{BINDING}.QtWidgets")
    Signal = _core.pyqtSignal
    Q_ARG = _core.Q_ARG
    QBuffer = _core.QBuffer
    QByteArray = _core.QByteArray
    QLocale = _core.QLocale
    QEvent = _core.QEvent
    QIODevice = _core.QIODevice
    QMetaObject = _core.QMetaObject
    QObject = _core.QObject
    QProcess = _core.QProcess
    QProcessEnvironment = _core.QProcessEnvironment
    QRectF = _core.QRectF
    QModelIndex = _core.QModelIndex
    QSize = _core.QSize
    Qt = _core.Qt
    QUuid = _core.QUuid
    QThread = _core.QThread
    QTimer = _core.QTimer
    QColor = _gui.QColor
    QGuiApplication = _gui.QGuiApplication
    QIcon = _gui.QIcon
    QImage = _gui.QImage
    QImageReader = _gui.QImageReader
    QKeySequence = _gui.QKeySequence
    QPainter = _gui.QPainter
    QPalette = _gui.QPalette
    QPixmap = _gui.QPixmap
    QAbstractItemView = _widgets.QAbstractItemView
    QApplication = _widgets.QApplication
    QBoxLayout = _widgets.QBoxLayout
    QButtonGroup = _widgets.QButtonGroup
    QCheckBox = _widgets.QCheckBox
    QComboBox = _widgets.QComboBox
    QDialog = _widgets.QDialog
    QDoubleSpinBox = _widgets.QDoubleSpinBox
    QFileDialog = _widgets.QFileDialog
    QFormLayout = _widgets.QFormLayout
    QHBoxLayout = _widgets.QHBoxLayout
    QLabel = _widgets.QLabel
    QLineEdit = _widgets.QLineEdit
    QListView = _widgets.QListView
    QListWidget = _widgets.QListWidget
    QListWidgetItem = _widgets.QListWidgetItem
    QMainWindow = _widgets.QMainWindow
    QMdiArea = _widgets.QMdiArea
    QMdiSubWindow = _widgets.QMdiSubWindow
    QMenu = _widgets.QMenu
    QPlainTextEdit = _widgets.QPlainTextEdit
    QProgressBar = _widgets.QProgressBar
    QPushButton = _widgets.QPushButton
    QScrollArea = _widgets.QScrollArea
    QSizePolicy = _widgets.QSizePolicy
    QSlider = _widgets.QSlider
    QSpinBox = _widgets.QSpinBox
    QStyle = _widgets.QStyle
    QStyledItemDelegate = _widgets.QStyledItemDelegate
    QStyleOptionViewItem = _widgets.QStyleOptionViewItem
    QToolButton = _widgets.QToolButton
    QVBoxLayout = _widgets.QVBoxLayout
    QWidget = _widgets.QWidget

    QPoint = _core.QPoint
    QRect = _core.QRect
    QFocusEvent = _gui.QFocusEvent
    QKeyEvent = _gui.QKeyEvent
    QPaintEvent = _gui.QPaintEvent
    QResizeEvent = _gui.QResizeEvent
    QShowEvent = _gui.QShowEvent
    QStandardItemModel = _gui.QStandardItemModel
    QAbstractButton = _widgets.QAbstractButton
    QAction = (_gui if BINDING == "PyQt6" else _widgets).QAction


def sure(value: T | None) -> T:
    """What Qt's types say may be None, and is not where this is called."""
    assert value is not None
    return value
