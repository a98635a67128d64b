"""Hypothesis strategies: any valid message, from the annotations of messages.py."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from limn.protocol import PROTOCOL_VERSION, limits
from limn.protocol import messages as m

text = st.text(st.characters(codec="utf-8"), max_size=20)
identifiers = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,12}", fullmatch=True)
counts = st.integers(0, limits.MAX_COUNT)
numbers = st.floats(-1e9, 1e9)
values = st.one_of(st.booleans(), st.integers(-(10**9), 10**9), numbers, text)


@st.composite
def pixels(
    draw: st.DrawFn, formats: tuple[str, ...], size: tuple[int, int] | None = None
) -> m.Pixels:
    """A small picture in one of the formats, now and then larger than a chunk."""
    width, height = size or (draw(st.integers(1, 6)), draw(st.sampled_from((1, 2, 5, 20_000))))
    height = min(height, limits.MAX_SIDE)
    layout = draw(st.sampled_from(formats))
    count = width * height * m.BYTES_PER_PIXEL.get(layout, 0) or draw(st.integers(1, 300))
    if layout == "jpeg":
        height = min(height, limits.MAX_PREVIEW_SIDE)
    seed = draw(st.binary(min_size=1, max_size=8))
    return m.Pixels(width, height, layout, (seed * (count // len(seed) + 1))[:count])  # type: ignore[arg-type]


colour = pixels(("rgba8", "bgra8", "rgba16", "bgra16"))
places = st.integers(0, 50)
sides = st.integers(1, 50)


def regions(*formats: str) -> st.SearchStrategy[m.Region]:
    return st.builds(m.Region, places, places, pixels(formats))


@st.composite
def submits(draw: st.DrawFn, job: st.SearchStrategy[str] = identifiers) -> m.Submit:
    """A submit, with or without a selection, with or without the pixels' bytes."""
    picture = draw(colour)
    hint = draw(st.none() | pixels(("gray8",), (picture.width, picture.height)))
    mode = draw(st.sampled_from(("off", "guide", "limit"))) if hint else "off"
    masks = st.lists(pixels(("gray8",), (picture.width, picture.height)), max_size=2)
    level, seed = st.integers(0, 255), st.integers(0, limits.MAX_SEED)
    mask_only = draw(st.booleans())
    most = 1 if mask_only else limits.MAX_SEEDS
    full_resolution = draw(st.booleans())
    seeds = draw(st.lists(seed, min_size=1, max_size=most, unique=True))
    return m.Submit(
        job=draw(job),
        algorithm=draw(identifiers),
        instruction=draw(text),
        pixels=draw(st.sampled_from((picture, picture.held()))),
        seed=seeds[0],
        seeds=tuple(seeds[1:]),
        parameters=draw(st.dictionaries(text, values, max_size=4)),
        hint=hint,
        hint_mode=mode,  # type: ignore[arg-type]
        previews=draw(st.integers(0, limits.MAX_PREVIEW_SIDE)),
        background=draw(st.tuples(level, level, level)),
        caption=draw(text),
        mask_only=mask_only,
        keep_transparency=draw(st.booleans()),
        ask=draw(st.booleans()),
        full_resolution=full_resolution,
        places=mask_only and full_resolution and draw(st.booleans()),
        named=tuple(m.NamedMask(draw(text), m.Region(0, 0, one)) for one in draw(masks)),
    )


parameters = st.builds(
    m.Parameter,
    identifiers,
    st.sampled_from(("float", "int", "bool", "choice")),
    values,
    st.none() | numbers,
    st.none() | numbers,
    st.lists(text, max_size=3).map(tuple),
    text,
    st.booleans(),
    text,
)
algorithms = st.builds(
    m.Algorithm,
    identifiers,
    text,
    text,
    st.lists(parameters, max_size=3).map(tuple),
    text,
    st.booleans(),
    st.sampled_from(("unused", "useful", "needed")),
)
welcomes = st.builds(
    m.Welcome,
    st.just(PROTOCOL_VERSION),
    text,
    text,
    text,
    st.lists(algorithms, max_size=3).map(tuple),
    st.builds(m.Limits, counts, counts, counts, counts),
)
hellos = st.builds(m.Hello, st.just(PROTOCOL_VERSION), text)
refusals = st.builds(m.Refused, identifiers, text, text)
soft_maps = st.none() | st.builds(
    m.SoftMap, st.builds(m.Box, places, places, sides, sides), pixels(("gray8",), (3, 5))
)
found_places = st.builds(
    m.FoundPlace,
    st.just(m.Box(3, 4, 20, 30)),
    st.builds(m.Region, st.integers(3, 9), st.integers(4, 9), pixels(("gray8",), (5, 7))),
    st.sampled_from(("guide", "limit", "exactly")),
    text,
)
parts = st.builds(m.PartMask, text, text, st.none() | regions("gray8"), soft_maps)


said = st.builds(m.Said, text, st.dictionaries(text, values, max_size=3), text)
sayings = st.lists(said, max_size=3).map(tuple)
read_items = st.builds(m.ReadItem, text, text, text, text, text, text, st.booleans())
readings = st.builds(
    m.Reading,
    counts,
    st.lists(read_items, max_size=3).map(tuple),
    text,
    text,
    said,
    text,
    sayings,
    said,
)


def job_messages(
    job: st.SearchStrategy[str] = identifiers, seq: st.SearchStrategy[int] = counts
) -> st.SearchStrategy[Any]:
    """Whatever a server says about a job."""
    floats = st.dictionaries(text, numbers, max_size=3)
    texts = st.lists(text, max_size=3).map(tuple)
    return st.one_of(
        st.builds(m.Queued, job, seq, counts, st.lists(identifiers, max_size=2).map(tuple)),
        st.builds(m.Missing, job, seq),
        st.builds(m.Chosen, job, seq, identifiers, text),
        st.builds(m.Note, job, seq, said),
        st.builds(m.Progress, job, seq, text, counts, counts, st.none() | numbers),
        st.builds(
            m.Preview,
            job,
            seq,
            counts,
            pixels(("jpeg",)),
            st.builds(m.Box, places, places, sides, sides),
        ),
        st.builds(
            m.Mask,
            job,
            seq,
            st.none() | regions("gray8"),
            st.lists(parts, max_size=3).map(tuple),
            st.booleans(),
            soft_maps,
            st.lists(found_places, max_size=2).map(tuple),
        ),
        st.builds(m.Result, job, seq, regions("rgba8", "bgra8", "rgba16", "bgra16")),
        *(
            st.builds(
                kind,
                job,
                seq,
                identifiers,
                st.integers(0, limits.MAX_SEED),
                texts,
                floats,
                floats,
                counts,
                counts,
                st.dictionaries(text, text, max_size=3),
                sayings,
                texts,
                text,
            )
            for kind in (m.Done, m.Variant)
        ),
        st.builds(m.Failed, job, seq, identifiers, text, text, text, sayings),
        st.builds(m.Cancelled, job, seq),
    )


named = st.lists(identifiers, max_size=3).map(tuple)
there = st.builds(m.ModelThere, text, text, counts, st.booleans(), text, text)
percents = st.integers(-limits.MAX_PERCENT, limits.MAX_PERCENT)
offered = st.builds(
    m.ModelOffered, identifiers, text, text, text, text, text, counts, st.booleans(), text
)
client_messages = st.one_of(
    hellos,
    st.builds(m.Read, counts, text, text),
    submits(),
    st.builds(m.Cancel, identifiers),
    st.builds(m.Resume, identifiers, counts),
    st.builds(m.Acknowledge, identifiers),
    st.just(m.ListModels()),
    st.builds(m.GetModels, named, st.lists(text, max_size=3).map(tuple), counts),
    st.just(m.StopGetting()),
    st.builds(m.UseModels, st.lists(text, max_size=3).map(tuple)),
    st.builds(m.UseLoras, st.lists(text, max_size=3).map(tuple), percents.map(lambda p: (p,))),
)
model_messages = st.one_of(
    st.builds(
        m.ModelList, st.booleans(), text, st.booleans(), st.lists(there, max_size=3).map(tuple),
        st.lists(offered, max_size=3).map(tuple), text,
        st.lists(st.builds(m.LoraThere, text, percents, text), max_size=3).map(tuple),
    ),
    st.builds(m.ModelProgress, identifiers, counts, counts),
    st.builds(m.ModelsDone, st.sampled_from(("get", "use")), text, text),
)  # fmt: skip
messages = st.one_of(client_messages, welcomes, refusals, readings, model_messages, job_messages())
