"""What must hold between the fields of a message."""

from __future__ import annotations

from . import limits
from .errors import Malformed, TooLarge
from .messages import (
    Box,
    FoundPlace,
    Mask,
    Message,
    Pixels,
    Preview,
    Region,
    Result,
    SoftMap,
    Submit,
)


def check_size(pixels: Pixels, size: int) -> None:
    """A picture's sides, format and size in bytes. Raises Malformed or TooLarge."""
    sides = {"width": pixels.width, "height": pixels.height, "bytes": size}
    if pixels.format == "jpeg":
        if (
            max(pixels.width, pixels.height) > limits.MAX_PREVIEW_SIDE
            or size > limits.MAX_PREVIEW_BYTES
        ):
            raise TooLarge("A preview is too large.", sides)
    elif pixels.width * pixels.height > limits.MAX_PIXELS:
        raise TooLarge(
            f"A picture of {pixels.width} x {pixels.height} pixels is too large; "
            f"{limits.MAX_PIXELS:,} pixels are the most.",
            sides,
        )
    elif size != pixels.raw_size:
        raise Malformed(
            "A picture's size in bytes does not fit its width, height and format.",
            sides | {"wanted": pixels.raw_size},
        )


def check(message: Message) -> None:
    """A whole message. Raises Malformed."""
    if isinstance(message, Submit):
        _want(message.pixels, "rgba8", "bgra8", "rgba16", "bgra16")
        _check_seeds(message)
        if message.places and not (message.mask_only and message.full_resolution):
            raise Malformed(
                "Places are told with a mask alone, at full resolution.",
                {"mask_only": message.mask_only},
            )
        for one in message.named:
            _check_within(one.area, message.pixels)
        if message.hint is None:
            if message.hint_mode != "off":
                raise Malformed(
                    "A selection is to be used, but none was sent.",
                    {"hint_mode": message.hint_mode},
                )
            return
        _want(message.hint, "gray8")
        here, there = (
            (message.hint.width, message.hint.height),
            (message.pixels.width, message.pixels.height),
        )
        if here != there:
            raise Malformed(
                "The selection and the picture have different sizes.",
                {"selection": here, "picture": there},
            )
    elif isinstance(message, Preview):
        _want(message.picture, "jpeg")
    elif isinstance(message, Result):
        _want(message.area.pixels, "rgba8", "bgra8", "rgba16", "bgra16")
    elif isinstance(message, Mask):
        for area in _regions(message):
            _want(area.pixels, "gray8")
        for place in message.places:
            _check_inside(place)
        for soft in _maps(message):
            _want(soft.pixels, "gray8")
            sides = soft.pixels.width, soft.pixels.height
            if max(sides) > limits.MAX_MAP_SIDE:
                raise TooLarge(
                    "A mask's map is too large.", {"sides": sides, "limit": limits.MAX_MAP_SIDE}
                )


def _check_within(area: Region, picture: Pixels) -> None:
    _want(area.pixels, "gray8")
    right, bottom = area.x + area.pixels.width, area.y + area.pixels.height
    if right > picture.width or bottom > picture.height:
        raise Malformed(
            "A named mask lies beyond the picture.",
            {"ends": (right, bottom), "picture": (picture.width, picture.height)},
        )


def _check_inside(place: FoundPlace) -> None:
    """Raises Malformed where a place's selection is not within its crop."""
    crop, hint = place.crop, place.hint
    right, bottom = hint.x + hint.pixels.width, hint.y + hint.pixels.height
    across = crop.x <= hint.x and right <= crop.x + crop.width
    if not across or hint.y < crop.y or bottom > crop.y + crop.height:
        raise Malformed("A place's selection lies beyond its crop.", {"ends": (right, bottom)})
    if place.hint_mode == "off":
        raise Malformed("A place's selection is to mean something.", {"hint_mode": "off"})


def _check_seeds(submit: Submit) -> None:
    seeds = (submit.seed, *submit.seeds)
    if len(seeds) > limits.MAX_SEEDS:
        raise TooLarge(
            f"An edit has {len(seeds)} seeds; {limits.MAX_SEEDS} are the most.",
            {"seeds": len(seeds), "limit": limits.MAX_SEEDS},
        )
    if len(set(seeds)) < len(seeds) or (submit.seeds and submit.mask_only):
        raise Malformed(
            "Seeds have to differ, and a mask alone takes one.", {"seeds": len(set(seeds))}
        )


def places(message: Message) -> tuple[Box, ...]:
    """All the places in the submitted picture that a message speaks of."""
    if isinstance(message, Preview):
        return (message.shows,)
    shown: tuple[Box, ...] = ()
    if isinstance(message, Mask):
        crops = (one.crop for one in message.places)
        shown = (*(soft.shows for soft in _maps(message)), *crops)
    return shown + tuple(
        Box(area.x, area.y, area.pixels.width, area.pixels.height) for area in _regions(message)
    )


def _regions(message: Message) -> tuple[Region, ...]:
    if isinstance(message, Result):
        return (message.area,)
    if isinstance(message, Mask):
        return tuple(
            area
            for area in (
                message.area,
                *(part.area for part in message.parts),
                *(one.hint for one in message.places),
            )
            if area is not None
        )
    return ()


def _maps(mask: Mask) -> tuple[SoftMap, ...]:
    every = (mask.map, *(part.map for part in mask.parts))
    return tuple(soft for soft in every if soft is not None)


def _want(pixels: Pixels, *formats: str) -> None:
    if pixels.format not in formats:
        raise Malformed(
            "A picture has the wrong format.", {"format": pixels.format, "wanted": formats}
        )
