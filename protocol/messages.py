"""Every message of Limn's protocol, by name. Read this page first.

Client to server, in `from_client.py`: Hello, Read, Submit, Cancel, Resume, Acknowledge.
Server to client, in `from_server.py`: Welcome, Refused, Reading; and about a job: Queued, Missing,
Chosen, Note, Progress, Preview, Mask, Result, Variant, Done, Failed, Cancelled; `found.py` has the
pieces of Mask.
About models, both ways, in `about_models.py`: ListModels, GetModels, StopGetting, UseModels,
UseLoras; ModelList, ModelProgress, ModelsDone.
What they are made of, in `values.py`: pictures, places, sentences, the bounds of fields.

A session:  Hello -> Welcome, then any number of jobs:
    Submit -> Queued, Chosen?, Note*, Progress*, Preview*, Mask*, Result?, Done      -> Acknowledge
                                                  or Failed | Cancelled -> Acknowledge
With several seeds Mask, Result?, Variant come for each of them as it is done, and for the last one
Mask, Result?, Done. Previews and forming masks are those of `Submit.seed`.

A job outlives its connection. After a reconnect `Resume` brings what came after `last_seen`. The
final messages are kept until
they are acknowledged, or have become too old or too many.

On the wire a message is one JSON text frame: its fields, and "type", its class's name in lower
case. A picture in it becomes
{"width", "height", "format", "bytes", "sha256", "transfer"}; its bytes follow in binary frames of
at most 256 KiB, each with a
head of two big-endian 64 bit numbers: the transfer's number and the offset of this chunk in it.
Messages without pictures may come between the chunks. All geometry is in pixels of the submitted
picture, x to the right and y down, from its upper left corner.
Colours are sRGB.
"""

from __future__ import annotations

from .about_models import (
    GetModels,
    ListModels,
    LoraThere,
    ModelList,
    ModelOffered,
    ModelProgress,
    ModelsDone,
    ModelThere,
    StopGetting,
    UseLoras,
    UseModels,
)
from .found import FoundPlace, PartMask, SoftMap
from .from_client import (
    HINT_MODES,
    Acknowledge,
    Cancel,
    Hello,
    HintMode,
    NamedMask,
    Read,
    Resume,
    Submit,
)
from .from_server import (
    Algorithm,
    Cancelled,
    Chosen,
    Done,
    Failed,
    Limits,
    Mask,
    Missing,
    Note,
    Parameter,
    Preview,
    Progress,
    Queued,
    Reading,
    ReadItem,
    Refused,
    Report,
    Result,
    Variant,
    Welcome,
)
from .values import BYTES_PER_PIXEL, PLACE, Box, Pixels, Region, Said, Value, filled

__all__ = [
    "BYTES_PER_PIXEL",
    "FINAL",
    "HINT_MODES",
    "PLACE",
    "PROTOCOL_VERSION",
    "Acknowledge",
    "Algorithm",
    "Box",
    "Cancel",
    "Cancelled",
    "Chosen",
    "ClientMessage",
    "Done",
    "Failed",
    "FoundPlace",
    "GetModels",
    "Hello",
    "HintMode",
    "JobMessage",
    "Limits",
    "ListModels",
    "LoraThere",
    "Mask",
    "Message",
    "Missing",
    "ModelList",
    "ModelMessage",
    "ModelOffered",
    "ModelProgress",
    "ModelThere",
    "ModelsDone",
    "NamedMask",
    "Note",
    "Parameter",
    "PartMask",
    "Pixels",
    "Preview",
    "Progress",
    "Queued",
    "Read",
    "ReadItem",
    "Reading",
    "Refused",
    "Region",
    "Report",
    "Result",
    "Resume",
    "Said",
    "ServerMessage",
    "SoftMap",
    "StopGetting",
    "Submit",
    "UseLoras",
    "UseModels",
    "Value",
    "Variant",
    "Welcome",
    "filled",
]

PROTOCOL_VERSION = 6

ClientMessage = (
    Hello
    | Read
    | Submit
    | Cancel
    | Resume
    | Acknowledge
    | ListModels
    | GetModels
    | StopGetting
    | UseModels
    | UseLoras
)
ModelMessage = ModelList | ModelProgress | ModelsDone
JobMessage = (
    Queued
    | Missing
    | Chosen
    | Note
    | Progress
    | Preview
    | Mask
    | Result
    | Variant
    | Done
    | Failed
    | Cancelled
)
ServerMessage = Welcome | Refused | Reading | ModelMessage | JobMessage
Message = ClientMessage | ServerMessage

FINAL = (Missing, Done, Failed, Cancelled)
"""After one of these a job sends nothing more."""
