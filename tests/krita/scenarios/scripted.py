"""A server by hand.

The plugin's edits run in this Krita, and the scenario says when which answer comes.
"""

import contextlib

from help import app, panel, widget


class Wire:
    """In the place of the plugin's connection.

    Keeps what would be sent, sends nothing.
    """

    def __init__(self):
        self.drafts, self.cancelled, self.acknowledged = [], [], []

    def connect_to_server(self):
        pass

    def submit(self, draft):
        self.drafts.append(draft)

    def cancel(self, job):
        self.cancelled.append(job)

    def acknowledge(self, job):
        self.acknowledged.append(job)


@contextlib.contextmanager
def server():
    """Gives the wire, while the plugin believes to be connected."""
    from limn.krita_plugin.panel_values import Link
    from limn.krita_plugin.plugin import application

    shared = application()
    real, wire = shared.edits.under_way.client, Wire()
    with contextlib.suppress(TypeError):  # another check has done so already
        real.linked.disconnect(shared.edits.incoming.link_changed)
    shared.edits.under_way.client = wire
    link, shared.panel.link = shared.panel.link, Link("ready", "by hand")
    try:
        yield wire
    finally:
        shared.edits.under_way.client, shared.panel.link = real, link
        real.linked.connect(shared.edits.incoming.link_changed)


def begin(wire, instruction="make the star blue", action="limn_edit"):
    """An edit, up to where the server has it; returns the plugin's edit."""
    from limn.krita_plugin.plugin import application

    count = len(wire.drafts)
    widget("limn_instruction").setPlainText(instruction)
    panel().set_instruction(instruction)
    app().action(action).trigger()
    came = yield lambda: len(wire.drafts) > count, 20
    assert came, f"nothing was sent: {panel().note}"
    return application().edits.under_way.of(wire.drafts[-1].job)


def sent(draft):
    """What the server would get of a draft: the Submit."""
    from limn.protocol.messages import Pixels

    pixels = Pixels(draft.width, draft.height, draft.format, b"".join(draft.pixels))
    hint = draft.hint and Pixels(draft.width, draft.height, "gray8", b"".join(draft.hint))
    return draft.submit(pixels, hint, ())


def answer(edit, x, y, width, height, pixels, form="bgra8", clears=False):
    """The server's last words on an edit.

    A result in the sent picture, its mask, and the end. The result's alpha is the mask; a whole
    result is opaque, as the server's is. clears: something was removed, and the result has nothing
    to show.
    """
    from limn.krita_plugin.plugin import application
    from limn.krita_plugin.wire.reader import MaskLook
    from limn.protocol.messages import Done, Mask, Pixels, Region, Result

    size = 8 if form == "bgra16" else 4
    mask = pixels[size - 1 :: size]
    area = Region(x, y, Pixels(width, height, "gray8", mask))
    edits = application().edits
    edits.incoming.received(MaskLook(Mask(edit.job, 1, area), None))
    if not edit.request.flat:
        whole = bytearray(pixels)
        for channel in range(3 * size // 4, size):
            whole[channel::size] = b"\xff" * (width * height)
        pixels = bytes(whole)
    if not edit.request.mask_only and not clears:
        region = Region(x, y, Pixels(width, height, form, pixels))
        edits.incoming.received(Result(edit.job, 2, region))
    edits.incoming.received(Done(edit.job, 3, "foi", 0, clears=clears))


def settled(seconds=60):
    """Wait until no edit runs any more; returns what the panel says."""
    came = yield lambda: panel().work is None and panel().note is not None, seconds
    assert came, f"the edit did not end: {panel().work}"
    yield 0.3
    note = panel().note
    return {"kind": note.kind, "sentence": note.sentence, "remedy": note.remedy}


def kept_results():
    """The results that wait to be opened, oldest first.

    With the ninth the oldest goes.
    """
    from limn.krita_plugin.plugin import application

    return list(application().edits.under_way.kept._kept)


def mark(width, height, size=1):
    """A result without any symmetry, soft at one side; `size` bytes a channel."""
    out = bytearray()
    for y in range(height):
        for x in range(width):
            values = (x * 7 % 256, y * 11 % 256, 200, min(255, 40 + x * 9))
            out += b"".join(bytes([value]) * size for value in values)
    return bytes(out)
