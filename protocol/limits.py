"""Every bound of the protocol, in one place, each with its reason.

Whatever exceeds one is refused with a typed error.
"""

from __future__ import annotations

CHUNK_HEAD_BYTES = 16
"""Transfer id and offset, 8 bytes each.

Enough for any size, and it keeps the pixels aligned to 16 bytes.
"""

CHUNK_BYTES = 256 * 1024
"""Pixels in one binary frame.

64 KiB to 1 MiB are equally fast; above that loopback slows down and a cancel waits longer.
"""

MAX_FRAME_BYTES = 1024 * 1024
"""A whole websocket frame, text or binary.

Both websocket libraries are told so. Nothing honest comes near it.
"""

MAX_TEXT_BYTES = 512 * 1024
"""A JSON message in UTF-8.

The longest honest one is the welcome with every algorithm's schema, some tens of KiB.
"""

MAX_SIDE = 16_384
"""Pixels along a side of a submitted picture.

Twice the largest canvas that Limn is tested with.
"""

MAX_PIXELS = 8_192 * 8_192
"""Pixels of a submitted picture.

512 MiB at 16 bits a channel, about what a painter's machine can hold twice.
"""

MAX_PREVIEW_SIDE = 512
"""Pixels along a preview's longer side: a docker shows no more."""

MAX_PREVIEW_BYTES = 1024 * 1024
"""Bytes of a preview.

A JPEG of 512 x 512 pixels takes 20 to 150 KiB, and never more than its raw size.
"""

MAX_MAP_SIDE = 512
"""Cells along a side of a mask's soft map.

Algorithms look for a thing on grids of 16 to 128 cells.
"""

MAX_INSTRUCTION = 2_000
"""Characters of an instruction or a caption.

The text encoder reads 77 tokens, a long list of edits some hundreds.
"""

MAX_ID = 64
"""Characters of a job id and of names of algorithms and parameters.

A UUID has 36.
"""

MAX_LABEL = 200
"""Characters of a short text for people: a stage, a title, a device, a keyword."""

MAX_TEXT = 4_000
"""Characters of a long text for people.

A help text, an error's sentence, what was understood.
"""

MAX_PERCENT = 400
"""Of a LoRA file's changes."""

MAX_ITEMS = 64
"""Entries of any list or table.

Algorithms, parameters of one, choices, keywords, warnings, sub-masks.
"""

MAX_SEED = 2**32 - 1
"""Seeds are unsigned 32 bit numbers, which every random number generator takes."""

MAX_SEEDS = 8
"""Seeds of one edit.

Each gives a picture that is kept until it is fetched.
"""

MAX_COUNT = 2**53 - 1
"""Steps, forwards, sequence numbers and byte counts.

It is the largest whole number that every JSON reader keeps exact.
"""

MAX_LOGGED = 400
"""Characters of an error's data in a log.

Enough to see what is meant, too few to fill a disk with what a client has made up.
"""

MAX_TRANSFERS = 3 * MAX_ITEMS + 2
"""Pictures in one message.

A mask, its soft map, the same for each instruction, and a selection for each place.
"""

MAX_MESSAGE_BYTES = MAX_PIXELS * 9
"""Pixels of all pictures of one message.

The largest picture at 16 bits a channel, and its selection.
"""

MAX_QUEUED_MESSAGES = 4_096
"""Messages waiting to be written on one connection.

Previews and progress replace each other, so only a peer that never reads gets here.
"""
