"""The wire to the server, as the panel sees it.

What the panel wants goes in by a queue, what the server says comes out as Qt signals. Two threads,
in writer.py: Krita's main thread never waits for either, and is called by queued signals only.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ...protocol.messages import GetModels, ListModels, Read, StopGetting, UseLoras, UseModels
from ..translations import tr
from .remote_server import RemoteServer
from .signals import Order, Signals
from .submitted import Draft
from .writer import Writer


class Client(Signals):
    """The panel's side of the wire.

    Every method returns at once; signals arrive on the main thread.
    """

    def __init__(self, resources: Sequence[Path], name: str) -> None:
        """Begins the client's thread.

        resources: Krita's folders that may hold limn/environment.json; the log goes into the first.
        name: of this program.
        """
        super().__init__()
        self._writer = Writer(resources, name, self)

    def connect_to_server(self) -> None:
        """Find or start a server, if there is no connection yet."""
        self._writer.start()
        self._writer.orders.put(Order("connect"))

    def submit(self, draft: Draft) -> None:
        self.connect_to_server()
        self._writer.orders.put(Order("submit", draft))

    def ask(self, question: Read) -> None:
        """How would this be understood? No connection is made for it."""
        self._writer.orders.put(Order("read", question))

    def about_models(
        self, asked: ListModels | GetModels | StopGetting | UseModels | UseLoras
    ) -> None:
        """Asks about the server's models, or wants something of them."""
        self.connect_to_server()
        self._writer.orders.put(Order("models", asked))

    def cancel(self, job: str) -> None:
        self._writer.orders.put(Order("cancel", job))

    def acknowledge(self, job: str) -> None:
        self._writer.orders.put(Order("acknowledge", job))

    def use_server(self, url: str, token: str = "") -> None:
        """Use the server at this address from now on; "" is this computer's own.

        Without a token it is one that is known. Edits that run elsewhere end here.
        """
        known = self._writer.servers.known.get(url)
        self._change(RemoteServer(url, token) if token else known)

    def trust(self) -> None:
        """The certificate that was asked about is the right one."""
        if self._writer.asked is not None:
            self._change(self._writer.asked)

    def forget_server(self, url: str) -> None:
        """Forget a server, its token and its certificate.

        This computer's own is used then.
        """
        self._writer.servers.forget(url)
        self._change(None)

    def show_servers(self) -> None:
        """Tell which servers there are."""
        self._writer.show_servers()

    def _change(self, server: RemoteServer | None) -> None:
        self._writer.asked = None
        try:
            self._writer.servers.use(server)
        except OSError as error:
            self._writer.trouble(
                tr("The server can't be remembered: {error}.", error=str(error.strerror)), "", ""
            )
            return
        self.show_servers()
        self._writer.stop_wanted.set()
        self._writer.orders.put(Order("stop"))
        self.connect_to_server()

    def stop_server(self) -> None:
        """End the connection, and the server if this Krita has started it."""
        self._writer.stop_wanted.set()
        self._writer.orders.put(Order("stop"))

    def close(self) -> None:
        """Krita ends: so does everything here."""
        self._writer.closing = True
        self.stop_server()
