"""Qt as this Krita has it: PyQt5 in Krita 5, PyQt6 in Krita 6.

Chosen once, here. Enumerations are written in full, which both take.
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Any

BINDING = "PyQt6" if "PyQt6.QtCore" in sys.modules else "PyQt5"
"""Krita has imported its own before any plugin."""

_core: Any = import_module(f"{BINDING}.QtCore")
_gui: Any = import_module(f"{BINDING}.QtGui")
_widgets: Any = import_module(f"{BINDING}.QtWidgets")

Signal: Any = _core.pyqtSignal
Q_ARG: Any = _core.Q_ARG
QBuffer: Any = _core.QBuffer
QByteArray: Any = _core.QByteArray
QLocale: Any = _core.QLocale
QEvent: Any = _core.QEvent
QIODevice: Any = _core.QIODevice
QMetaObject: Any = _core.QMetaObject
QObject: Any = _core.QObject
QProcess: Any = _core.QProcess
QProcessEnvironment: Any = _core.QProcessEnvironment
QRectF: Any = _core.QRectF
QSize: Any = _core.QSize
Qt: Any = _core.Qt
QUuid: Any = _core.QUuid
QThread: Any = _core.QThread
QTimer: Any = _core.QTimer

QColor: Any = _gui.QColor
QGuiApplication: Any = _gui.QGuiApplication
QIcon: Any = _gui.QIcon
QImage: Any = _gui.QImage
QImageReader: Any = _gui.QImageReader
QKeySequence: Any = _gui.QKeySequence
QPainter: Any = _gui.QPainter
QPalette: Any = _gui.QPalette
QPixmap: Any = _gui.QPixmap

QAbstractItemView: Any = _widgets.QAbstractItemView
QApplication: Any = _widgets.QApplication
QBoxLayout: Any = _widgets.QBoxLayout
QButtonGroup: Any = _widgets.QButtonGroup
QCheckBox: Any = _widgets.QCheckBox
QComboBox: Any = _widgets.QComboBox
QDialog: Any = _widgets.QDialog
QDoubleSpinBox: Any = _widgets.QDoubleSpinBox
QFormLayout: Any = _widgets.QFormLayout
QHBoxLayout: Any = _widgets.QHBoxLayout
QLabel: Any = _widgets.QLabel
QLineEdit: Any = _widgets.QLineEdit
QListView: Any = _widgets.QListView
QListWidget: Any = _widgets.QListWidget
QListWidgetItem: Any = _widgets.QListWidgetItem
QMdiSubWindow: Any = _widgets.QMdiSubWindow
QMenu: Any = _widgets.QMenu
QPlainTextEdit: Any = _widgets.QPlainTextEdit
QProgressBar: Any = _widgets.QProgressBar
QPushButton: Any = _widgets.QPushButton
QScrollArea: Any = _widgets.QScrollArea
QSizePolicy: Any = _widgets.QSizePolicy
QSlider: Any = _widgets.QSlider
QSpinBox: Any = _widgets.QSpinBox
QToolButton: Any = _widgets.QToolButton
QVBoxLayout: Any = _widgets.QVBoxLayout
QWidget: Any = _widgets.QWidget
