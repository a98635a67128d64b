"""Which server makes the edits: this computer's own, or one on another machine.

Address and token are written here once. At the first contact the certificate's fingerprint is
shown, and nothing is sent before the painter has said that it is the right one.
"""

from __future__ import annotations

from ...protocol import remote
from ..panel_values import ServerList, place
from ..qt import (
    QComboBox,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
    Signal,
)
from ..state import Panel
from ..translations import tr
from .widgets import may_shrink, named, quiet, scroll_past

THIS, ANOTHER = "", "another"
"""Entries of the list beside the known servers' addresses."""

IN_A_LINE = 24
"""Signs of a fingerprint in a line: 8 pairs, which a narrow docker has room for."""


class ServerChoice(QWidget):
    """A list of servers.

    Fields for another one; the question whether a certificate is right.

    `controls`: what can be reached by Tab, from top to bottom.
    """

    use_wanted = Signal(str, str)
    """Address and token; "" and "": this computer. A known server needs no token."""
    trust_wanted = Signal()
    forget_wanted = Signal(str)

    def __init__(self, panel: Panel) -> None:
        super().__init__()
        self.setObjectName("limn_servers")
        self._panel = panel
        self._shown: ServerList | None = None
        self._adding = False
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(3)
        row = QHBoxLayout()
        row.addWidget(QLabel(tr("Server")))
        self.choice = named(
            QComboBox(), "limn_server", tr("Which machine makes the edits; others need their token")
        )
        self.choice.setMinimumWidth(80)
        self.choice.setMinimumContentsLength(8)
        self.choice.setSizeAdjustPolicy(
            QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
        )
        scroll_past(self.choice)
        self.choice.activated.connect(self._chosen)
        row.addWidget(self.choice, 1)
        self.forget = self._button(
            "limn_server_forget", tr("Forget"), tr("Forget this server, its token and certificate")
        )
        self.forget.clicked.connect(lambda _: self.forget_wanted.emit(self._panel.servers.used))
        row.addWidget(self.forget)
        column.addLayout(row)
        self._build_new(column)
        self._build_question(column)
        self.controls = [
            *(self.choice, self.forget, self.address, self.token, self.connect_button),
            self.trust,
        ]

    def refresh(self) -> None:
        """Show the servers as they are now."""
        servers = self._panel.servers
        if servers == self._shown:
            return
        self._shown, self._adding = servers, False
        self.choice.clear()
        self.choice.addItem(tr("this computer"), THIS)
        for url in servers.known:
            self.choice.addItem(place(url), url)
        self.choice.addItem(tr("another ..."), ANOTHER)
        self.choice.setCurrentIndex(max(0, self.choice.findData(servers.used)))
        self.fingerprint.setText("\n".join(_lines(servers.asked)))
        self._show_parts()

    def _build_new(self, column: QVBoxLayout) -> None:
        self.address = named(
            QLineEdit(), "limn_server_address", tr("Where it listens, as whoever runs it tells")
        )
        self.address.setPlaceholderText("https://HOST:PORT")
        self.token = named(
            QLineEdit(),
            "limn_server_token",
            tr("What limn users add has shown; it is kept in a file of yours alone"),
        )
        self.token.setPlaceholderText(tr("token"))
        self.token.setEchoMode(QLineEdit.EchoMode.Password)
        for field in (self.address, self.token):
            field.setMinimumWidth(80)
            field.returnPressed.connect(self._connect)
            column.addWidget(field)
        self.wrong = quiet("limn_server_wrong", tr("What is wrong with the address"))
        column.addWidget(self.wrong)
        self.connect_button = self._button(
            "limn_server_connect", tr("Connect"), tr("Use this server from now on")
        )
        self.connect_button.clicked.connect(lambda _: self._connect())
        column.addWidget(self.connect_button)

    def _build_question(self, column: QVBoxLayout) -> None:
        self.fingerprint = quiet(
            "limn_server_fingerprint",
            tr("The certificate's SHA-256; the server prints its own when it starts"),
        )
        column.addWidget(self.fingerprint)
        self.trust = self._button(
            "limn_server_trust", tr("Trust"), tr("The server prints the same: use it")
        )
        self.trust.clicked.connect(lambda _: self.trust_wanted.emit())
        column.addWidget(self.trust)

    def _button(self, name: str, text: str, tip: str) -> QPushButton:
        button = named(QPushButton(text), name, tip)
        may_shrink(button)
        return button

    def _show_parts(self) -> None:
        servers = self._panel.servers
        for added in (self.address, self.token, self.connect_button):
            added.setVisible(self._adding)
        self.wrong.setVisible(self._adding and bool(self.wrong.text()))
        self.forget.setVisible(bool(servers.used) and not self._adding)
        for asked in (self.fingerprint, self.trust):
            asked.setVisible(bool(servers.asked) and not self._adding)

    def _chosen(self, row: int) -> None:
        url = str(self.choice.itemData(row))
        self._adding = url == ANOTHER
        if self._adding:
            self.wrong.setText("")
            self._show_parts()
            self.address.setFocus()
        elif url != self._panel.servers.used:
            self.use_wanted.emit(url, "")
        else:
            self._show_parts()

    def _connect(self) -> None:
        token = self.token.text().strip()
        try:
            url = remote.url_of(self.address.text())
            if not token or not token.isascii() or not token.isprintable() or " " in token:
                raise ValueError(tr("The token is missing, or is none."))
        except ValueError as error:
            self.wrong.setText(tr(str(error)))
            self._show_parts()
            return
        self.token.clear()
        self.use_wanted.emit(url, token)


def _lines(fingerprint: str) -> list[str]:
    """A fingerprint in lines that fit a narrow docker."""
    text = remote.shown(fingerprint) if fingerprint else ""
    return [text[at : at + IN_A_LINE].rstrip(":") for at in range(0, len(text), IN_A_LINE)]
