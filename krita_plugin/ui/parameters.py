"""The controls of an algorithm's parameters.

They are built from the schema that the server announces.
"""

from __future__ import annotations

from ...protocol.messages import Parameter, Value
from ..qt import (
    QCheckBox,
    QComboBox,
    QDoubleSpinBox,
    QFormLayout,
    QLabel,
    QSpinBox,
    QWidget,
    Signal,
)
from ..translations import tr
from .widgets import scroll_past

INT_BOUND = 2**31 - 1
"""Qt's whole numbers have 32 bits."""

FLOAT_BOUND = 1e6
"""For a number that was announced without bounds."""

LEAST_WIDTH = 56
"""Of a control: seven digits and its arrows."""


class ParameterForm(QWidget):
    """One row a parameter.

    Its title, and the control that fits its kind; its help is the tooltip of both.
    """

    changed = Signal(str, object)

    def __init__(self, name: str) -> None:
        super().__init__()
        self.setObjectName(name)
        self._form = QFormLayout(self)
        self._form.setContentsMargins(0, 0, 0, 0)
        self._form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        self._shown: tuple[Parameter, ...] = ()
        self.controls: list[QWidget] = []
        self.labels: list[QLabel] = []

    def show_parameters(self, parameters: tuple[Parameter, ...], values: dict[str, Value]) -> None:
        """Build the rows, if they are not those that stand there already."""
        if parameters == self._shown:
            return
        self._shown = parameters
        while self._form.rowCount():
            self._form.removeRow(0)
        self.controls, self.labels = [], []
        for parameter in parameters:
            control = self._control(parameter, values[parameter.name])
            control.setObjectName(f"limn_parameter_{parameter.name}")
            control.setToolTip(_help(parameter))
            control.setMinimumWidth(LEAST_WIDTH)
            scroll_past(control)
            label = QLabel(_label(parameter))
            label.setToolTip(_help(parameter))
            label.setBuddy(control)
            control.setAccessibleName(label.text())
            self._form.addRow(label, control)
            self.controls.append(control)
            self.labels.append(label)
        self.setVisible(bool(parameters))

    def _control(self, parameter: Parameter, value: Value) -> QWidget:
        name = parameter.name
        if parameter.kind == "bool":
            box = QCheckBox()
            box.setChecked(bool(value))
            box.toggled.connect(lambda on: self.changed.emit(name, bool(on)))
            return box
        if parameter.kind == "choice":
            choice = QComboBox()
            choice.addItems(list(parameter.choices))
            choice.setCurrentText(str(value))
            choice.setMinimumContentsLength(6)
            choice.setSizeAdjustPolicy(
                QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
            )
            choice.currentTextChanged.connect(lambda text: self.changed.emit(name, text))
            return choice
        if parameter.kind == "int":
            whole = QSpinBox()
            whole.setRange(
                _whole(parameter.minimum, -INT_BOUND), _whole(parameter.maximum, INT_BOUND)
            )
            whole.setValue(int(value))
            whole.valueChanged.connect(lambda number: self.changed.emit(name, int(number)))
            return whole
        low = -FLOAT_BOUND if parameter.minimum is None else parameter.minimum
        high = FLOAT_BOUND if parameter.maximum is None else parameter.maximum
        number = QDoubleSpinBox()
        decimals, step = _fineness(low, high)
        number.setDecimals(decimals)
        number.setSingleStep(step)
        number.setRange(low, high)
        number.setValue(float(value))
        number.valueChanged.connect(lambda real: self.changed.emit(name, round(float(real), 6)))
        return number


def _label(parameter: Parameter) -> str:
    words = tr(parameter.title or parameter.name.replace("_", " "))
    return words[:1].upper() + words[1:]


def _help(parameter: Parameter) -> str:
    """The tooltip of a parameter.

    The help text, the name by which papers and the command line know it, the range and the default.
    """
    bounds = ""
    if parameter.minimum is not None and parameter.maximum is not None:
        low, high = f"{parameter.minimum:g}", f"{parameter.maximum:g}"
        bounds = " " + tr("{least} to {most}", least=low, most=high) + ";"
    usual = tr("default {value}", value=parameter.default)
    return f"{tr(parameter.help)}\n{parameter.name}:{bounds} {usual}".strip()


def _fineness(low: float, high: float) -> tuple[int, float]:
    """Decimals and step of a number.

    Fine enough for its range, and for its lower bound not to become 0.
    """
    if high - low > 2:
        return 2, 0.5
    return (3, 0.05) if high - low > 0.2 else (5, 0.001)


def _whole(bound: float | None, otherwise: int) -> int:
    return otherwise if bound is None else max(-INT_BOUND, min(INT_BOUND, int(bound)))
