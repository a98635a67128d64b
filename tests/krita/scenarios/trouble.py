"""Edits that do not come to their end.

Cancelled, without their worker, without their server.
"""

import contextlib
import os
import signal
import socket

from help import (
    QByteArray,
    edit,
    ended,
    keys,
    note,
    panel,
    quick,
    ready,
    screenshot,
    start,
    under_way,
    widget,
    write,
)
from painting import (
    HEIGHT,
    WIDTH,
    Scene,
    X,
    Y,
    enlarged,
    fingerprints,
    names,
    new_document,
    paint,
    picture,
    selection_bytes,
)


def processes(word):
    """Ids of processes below this Krita with a word in their command line."""
    parents, commands = {}, {}
    for entry in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{entry}/stat", encoding="utf-8") as file:
                parents[int(entry)] = int(file.read().rpartition(")")[2].split()[1])
            with open(f"/proc/{entry}/cmdline", "rb") as file:
                commands[int(entry)] = file.read().replace(b"\0", b" ").decode("utf-8", "replace")
        except OSError:
            continue

    def ours(pid):
        while pid in parents:
            if pid == os.getpid():
                return True
            pid = parents[pid]
        return False

    return [
        pid
        for pid, command in commands.items()
        if word in command and pid != os.getpid() and ours(pid)
    ]


def kill(word):
    victims = processes(word)
    assert victims, f"there is no {word}"
    for pid in victims:
        os.kill(pid, signal.SIGKILL)


def half_way(result, disturb):
    """An edit that is disturbed after its second preview, long before its end.

    Then the same, shorter and undisturbed.
    """
    document, _ = yield from picture("recolour")
    yield from quick(200)
    before, layers = fingerprints(document), names(document)
    yield from start("make the star blue")
    yield from under_way(2)
    disturb()
    yield from ended()
    result["note"], result["kind"], result["details"] = (
        note(),
        panel().note.kind,
        panel().note.details,
    )
    result["link"] = panel().link.words
    result["as it was"] = (
        fingerprints(document) == before
        and names(document) == layers
        and selection_bytes(document) is None
    )
    yield from screenshot(result["name"])
    yield from quick()
    yield from edit("make the star blue")
    result["next note"], result["next layers"] = note(), names(document)


def check_cancel(result):
    result["name"] = "cancelled"
    yield from half_way(result, lambda: keys("key", "ctrl+shift+h"))


def check_cancel_button(result):
    result["name"] = "cancelled-button"
    yield from half_way(result, lambda: widget("limn_cancel_button").click())


def check_kill_worker(result):
    result["name"] = "worker-killed"
    yield from half_way(result, lambda: kill("limn.server.worker"))


def check_kill_server(result):
    result["name"] = "server-killed"
    yield from half_way(result, lambda: kill("limn.server.cli"))


def stop():
    next(
        act for act in widget("limn_link_menu").actions() if act.text() == "Stop the server"
    ).trigger()


def check_stop_server(result):
    """Stopped by the docker's own menu, started again by pressing Edit."""
    yield from ready()
    stop()
    came = yield lambda: panel().link.kind == "off", 20
    result["stopped"], result["processes"] = came, processes("limn.server.cli")
    result["link"] = panel().link.words
    document, layer = yield from new_document(WIDTH, HEIGHT)
    yield from paint(document, layer, Scene("recolour"), X, Y)
    yield from edit("make the star blue")
    result["note"], result["layers"] = note(), names(document)


def check_stop_while_starting(result):
    """Stopped before it is ready, with an edit waiting for it.

    Then the same edit again.
    """
    yield from ready()
    stop()
    came = yield lambda: panel().link.kind == "off", 20
    assert came, panel().link
    document, layer = yield from new_document(WIDTH, HEIGHT)
    yield from paint(document, layer, Scene("recolour"), X, Y)
    yield from start("make the star blue")
    came = yield lambda: processes("limn.server.cli"), 20
    assert came and panel().link.kind == "starting", panel().link
    stop()
    yield lambda: panel().link.kind == "off", 20
    result["link"], result["note"], result["layers"] = panel().link.kind, note(), names(document)
    result["working"], result["processes"] = panel().work is not None, processes("limn.server.cli")
    yield from edit("make the star blue")
    result["next note"], result["next layers"] = note(), names(document)


def check_out_of_memory(result):
    """There is no memory to join the layer's pixels."""
    from limn.krita_plugin.wire import submitted

    document, _ = yield from picture("recolour")
    whole = submitted.Pixels

    def exhausted(*arguments):
        raise MemoryError

    submitted.Pixels = exhausted
    try:
        yield from write("make the star blue")
        keys("key", "Return")  # it ends before anyone could see it under way
        yield lambda: "memory" in note(), 20
    finally:
        submitted.Pixels = whole
    result["note"], result["link"], result["layers"] = note(), panel().link.kind, names(document)
    yield from quick()
    yield from edit("make the star blue")
    result["next note"], result["next layers"] = note(), names(document)


def check_wire_that_fails(result):
    """Something that nobody has thought of happens in the thread that writes.

    The docker says so, and a click connects again.
    """
    from limn.krita_plugin.plugin import application

    def fails(address):
        raise RuntimeError("as never before")

    document, _ = yield from picture("recolour")
    wire = application().client
    wire.stop_server()
    yield lambda: panel().link.kind == "off", 20
    wire._writer._serve = fails
    try:
        yield from start("make the star blue")
        yield from ended(60)
    finally:
        del wire._writer._serve
    result["note"], result["kind"], result["link"] = note(), panel().note.kind, panel().link.kind
    result["details"], result["layers"] = panel().note.details, names(document)
    widget("limn_link").click()  # as the docker says
    yield from quick()
    yield from edit("make the star blue")
    result["next note"], result["next layers"] = note(), names(document)


@contextlib.contextmanager
def cut_off(when):
    """Have the plugin's connections cut, as a network cuts them.

    After each frame that it writes for which `when` is true.
    """
    from limn.krita_plugin.wire import session

    whole = session.connect

    def connect(*where, **how):
        wire = whole(*where, **how)
        write = wire.send

        def send(frame):
            write(frame)
            if when(frame):
                broken_off(wire.socket)

        wire.send = send
        return wire

    session.connect = connect
    try:
        yield
    finally:
        session.connect = whole


def broken_off(wire):
    """Cut a connection, and write into it what was on its way.

    SIGPIPE comes for that, which would be Krita's end.
    """
    with socket.socket(
        fileno=os.dup(wire.fileno())
    ) as own:  # the wire's own thread closes the other one when it sees the end
        own.shutdown(socket.SHUT_RDWR)
        with contextlib.suppress(BrokenPipeError):
            own.send(b"on its way")


def connected_anew():
    """Let the connection that is there go, and have the next one made."""
    from limn.krita_plugin.plugin import application

    application().client.stop_server()
    yield lambda: panel().link.kind == "off", 20
    application().client.connect_to_server()
    yield from ready()


def check_cut_while_sending(result):
    """The connection breaks off when only half of the layer has gone.

    It is sent again.
    """
    scene, factor, chunks = Scene("recolour"), 4, []

    def second_chunk(frame):
        chunks.append(frame) if isinstance(frame, bytes) else None
        return isinstance(frame, bytes) and len(chunks) == 2

    with cut_off(second_chunk):
        yield from connected_anew()
        document, layer = yield from new_document(scene.width * factor, scene.height * factor)
        layer.setPixelData(
            QByteArray(enlarged(scene, factor)), 0, 0, scene.width * factor, scene.height * factor
        )
        document.refreshProjection()
        yield 0.5
        yield from quick()
        yield from edit(scene.instruction)
    result["chunks"], result["note"], result["layers"] = len(chunks), note(), names(document)


def check_cut_again_and_again(result):
    """A connection that breaks off each time that the edit is asked for.

    It is given up, and the painter is told.
    """
    with cut_off(lambda frame: isinstance(frame, str) and '"resume"' in frame):
        yield from connected_anew()
        document, _ = yield from picture("recolour")
        yield from quick(200)
        yield from start("make the star blue")
        yield from under_way(1)
        from limn.krita_plugin.plugin import application

        resumed = []
        application().client.linked.connect(resumed.append)
        cut_now()
        yield from ended(60)
        result["note"], result["kind"], result["link"] = (
            note(),
            panel().note.kind,
            panel().link.kind,
        )
        result["attempts"] = sum(link.words == "connecting again" for link in resumed)
        application().client.linked.disconnect(resumed.append)
    widget("limn_link").click()  # as the note says
    yield from quick()
    yield from edit("make the star blue")
    result["next note"], result["next layers"] = note(), names(document)


def cut_now():
    """Cut every connection that this Krita has to a server on this machine."""
    for entry in os.listdir("/proc/self/fd"):
        with contextlib.suppress(OSError):
            wire = socket.socket(fileno=os.dup(int(entry)))
            try:
                if wire.family == socket.AF_INET and wire.getpeername()[0] == "127.0.0.1":
                    wire.shutdown(socket.SHUT_RDWR)
            finally:
                wire.close()
