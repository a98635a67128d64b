"""Limn's place in Krita.

One state and one connection for all windows, a docker and the actions in each.
"""

from __future__ import annotations

from pathlib import Path

from krita import (
    Canvas,
    DockWidget,
    DockWidgetFactory,
    DockWidgetFactoryBase,
    Extension,
    Krita,
    Window,
)

from .document import documents, masks
from .document.colour import prepare
from .document.cooperative import Task
from .document.unfinished import steps
from .edits import Edits
from .mask_slider import STEP
from .prospect import Prospects
from .qt import QTimer
from .reading_ahead import ReadingAhead
from .state import Panel
from .translations import tr
from .ui.docker import PanelView
from .ui.install_server import InstallServer
from .ui.model_menu import ModelMenu
from .wire.client import Client
from .wire.installation import Installation
from .wire.model_commands import ModelCommands

SETTINGS = ("limn", "panel")
"""Group and key in Krita's own settings, which outlive an update of the plugin."""

DOCKER_ID = "limn_docker"


class Application:
    """What all windows share."""

    def __init__(self) -> None:
        own = Path(__file__).resolve().parents[3]
        folders = list(dict.fromkeys((own, Path(Krita.getAppDataLocation()))))
        self.panel = Panel()
        self.panel.recall(Krita.instance().readSetting(*SETTINGS, ""))
        self.client = Client(folders, f"Krita {Krita.instance().version()}")
        self.client.servers.connect(self.panel.listed)
        self.client.show_servers()
        self.models = ModelCommands(self.client)
        self.installation = Installation(own)
        self.installation.ended.connect(self._installed)
        self.installing: InstallServer | None = None
        self.edits = Edits(self.panel, self.client)
        self.ahead = ReadingAhead(self.panel, self.client)
        self.prospects = Prospects(self.panel, self.edits.selections, self.edits.last_layer)
        self._saved = self.panel.remembered()
        self.panel.listeners.append(self._save)
        notifier = Krita.instance().notifier()
        notifier.setActive(True)
        notifier.applicationClosing.connect(
            self._save
        )  # a seed or a parameter set last, without an edit after it
        notifier.applicationClosing.connect(self.client.close)
        notifier.applicationClosing.connect(self.installation.stop)
        notifier.applicationClosing.connect(masks.close)

    def turn(self) -> None:
        """The panel shows what belongs to the picture in front."""
        self.panel.keep_only(documents.is_open)
        self.panel.turn_to(documents.active_document())

    def _installed(self, code: str, _: str) -> None:
        if code == "done":
            self.panel.noted(None)
            self.client.connect_to_server()

    def _save(self) -> None:
        """Write down what is to be remembered, when it has changed."""
        text = self.panel.remembered()
        if text != self._saved:
            self._saved = text
            Krita.instance().writeSetting(*SETTINGS, text)


_application: list[Application] = []


def application() -> Application:
    """The one house, built at first need: by then Krita is up."""
    if not _application:
        _application.append(Application())
    return _application[0]


class LimnDocker(DockWidget):
    """Krita's frame around the panel."""

    def __init__(self) -> None:
        super().__init__()
        self.setWindowTitle("Limn")
        self.setObjectName(DOCKER_ID)
        shared = application()
        self.view = PanelView(shared.panel)
        self.view.edit_wanted.connect(shared.edits.edit)
        self.view.again_wanted.connect(shared.edits.again)
        self.view.answered.connect(shared.edits.answer)
        results = shared.edits.results
        self.view.parts.shown.connect(results.show_part)
        self.view.strip.shown.connect(results.show)
        self.view.strip.kept.connect(results.keep)
        self.view.strip.discarded.connect(results.discard)
        self.view.strip.compared.connect(results.compare)
        self.view.strip.more_wanted.connect(results.more_like_this)
        self.view.strip.others_wanted.connect(results.other_algorithms)
        self.view.strip.redo_wanted.connect(results.redo)
        self.view.strip.looked.connect(results.refresh)
        self.view.mask_sliders.moved.connect(shared.edits.mask_slider.move)
        self.view.mask_sliders.let_go.connect(shared.edits.mask_slider.let_go)
        self.view.status.cancel_wanted.connect(shared.edits.cancel)
        self.view.status.open_kept_wanted.connect(shared.edits.open_kept)
        self.view.status.start_wanted.connect(shared.client.connect_to_server)
        self.view.servers.use_wanted.connect(shared.client.use_server)
        self.view.servers.trust_wanted.connect(shared.client.trust)
        self.view.servers.forget_wanted.connect(shared.client.forget_server)
        self.view.status.stop_wanted.connect(shared.client.stop_server)
        self.view.status.install_wanted.connect(self._install)
        models = ModelMenu(shared.panel, shared.models)
        self.view.status.last.addWidget(models, 1)
        self.view.status.offers.addWidget(models.get)
        controls = self.view.status.controls
        controls.insert(controls.index(self.view.status.link), models.get)
        controls.append(models.button)
        self.setWidget(self.view)

    def _install(self) -> None:
        """The window in which the server is installed; one for all of Krita."""
        shared = application()
        if shared.installing is None:
            shared.installing = InstallServer(shared.installation, self.window())
        shared.installing.open()

    def canvasChanged(self, canvas_now: Canvas | None) -> None:
        """Krita calls this when another picture comes to the front; None: there is none."""
        QTimer.singleShot(0, application().turn)  # by then Krita knows the picture in front
        if canvas_now is not None:
            Task(prepare(), lambda _: steps.watch(), lambda _: steps.watch())
            Task(masks.prepare(), lambda _: None, lambda _: None)


class LimnExtension(Extension):
    """The actions in Krita's shortcut list and its Scripts menu."""

    def setup(self) -> None:
        """Nothing before there is a window."""

    def createActions(self, window: Window) -> None:
        acts = {
            "limn_edit": ("Limn: Edit the Layer in Words", lambda edits: edits.edit()),
            "limn_again": ("Limn: Again with a New Seed", lambda edits: edits.again()),
            "limn_focus": ("Limn: Write an Instruction", lambda edits: _focus()),
            "limn_mask": ("Limn: Find the Mask Only", lambda edits: edits.edit(mask_only=True)),
            "limn_cancel": ("Limn: Cancel the Edit", lambda edits: edits.cancel()),
            "limn_next": ("Limn: Show the Next Result", lambda edits: edits.results.step(1)),
            "limn_previous": ("Limn: Show the Result Before", lambda edits: edits.results.step(-1)),
            "limn_keep": ("Limn: Keep This Result", lambda edits: edits.results.keep()),
            "limn_discard": ("Limn: Discard This Result", lambda edits: edits.results.discard()),
            "limn_compare": (
                "Limn: Compare with the Picture Before",
                lambda edits: edits.results.compare(not edits.results.comparing),
            ),
            "limn_more": ("Limn: More Like This", lambda edits: edits.results.more_like_this()),
            "limn_others": (
                "Limn: The Same by Other Algorithms",
                lambda edits: edits.results.other_algorithms(),
            ),
            "limn_larger": (
                "Limn: Make the Mask Larger",
                lambda edits: edits.mask_slider.nudge(STEP, 0),
            ),
            "limn_smaller": (
                "Limn: Make the Mask Smaller",
                lambda edits: edits.mask_slider.nudge(-STEP, 0),
            ),
            "limn_softer": (
                "Limn: Make the Mask Softer",
                lambda edits: edits.mask_slider.nudge(0, STEP),
            ),
            "limn_harder": (
                "Limn: Make the Mask Harder",
                lambda edits: edits.mask_slider.nudge(0, -STEP),
            ),
            "limn_redo": ("Limn: Do This Edit Anew", lambda edits: edits.results.redo()),
        }
        for name, (title, act) in acts.items():
            action = window.createAction(name, tr(title), "tools/scripts")
            action.triggered.connect(lambda checked=False, act=act: act(application().edits))


def _focus() -> None:
    """Shows the docker of the active window.

    And puts the cursor into its instruction box.
    """
    window = Krita.instance().activeWindow()
    if window is None:
        return
    main = window.qwindow()
    dockers = [one for one in Krita.instance().dockers() if isinstance(one, LimnDocker)]
    for docker in [one for one in dockers if main in (one.parent(), one.window())] or dockers:
        docker.setVisible(True)
        docker.raise_()
        docker.view.focus_instruction()
        return


def register() -> None:
    """Tell Krita about both; called once, when Krita loads the plugin."""
    application = Krita.instance()
    application.addExtension(LimnExtension(application))
    application.addDockWidgetFactory(
        DockWidgetFactory(DOCKER_ID, DockWidgetFactoryBase.DockPosition.DockRight, LimnDocker)
    )
