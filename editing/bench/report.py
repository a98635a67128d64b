"""The quality benchmark's records as tables.

By method, by type, and what the papers claim against what was measured.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import mean

from rich.table import Table

from .metrics import ratio
from .records import Record

Column = tuple[str, str, str]  # title, figure, format

PLACE: tuple[Column, ...] = (
    ("IoU", "iou", ".3f"),
    ("C_m", "c_m", ".3f"),
    ("C_non", "c_non", ".4f"),
    ("PSNR", "psnr", ".1f"),
    ("raw", "psnr_raw", ".1f"),
    ("decoded", "psnr_decoded", ".1f"),
    ("SSIM", "ssim", ".3f"),
    ("error", "error", ".3f"),
    ("towers", "towers_distance", ".4f"),
)
VERDICT: tuple[Column, ...] = (
    ("asked", "success", ".2f"),
    ("kept", "kept", ".2f"),
    ("direction", "direction", ".2f"),
    ("rows", "rows", ".0f"),
    ("seconds", "seconds", ".1f"),
)
PLACE_LEGEND = (
    "IoU: of the mask with the exact one. C_m, C_non: change inside and outside the exact mask. "
    "PSNR (dB), SSIM, towers: of what must\n"
    "stay; raw: PSNR before the composite, at working size; decoded: the same against the picture "
    "encoded and decoded, without the autoencoder's own error; error: squared, inside the exact "
    "mask, against the exact answer; the picture before is 1. towers: LPIPS's formula on the small "
    "towers' features, not its weights."
)
VERDICT_LEGEND = (
    "asked: the judge sees what was asked for. kept: it sees all else as it was. direction: from "
    "picture to edit as from text to text, in\n"
    "the small towers. rows: of the network, a backward pass counted as two. seconds: wall clock, "
    "of one process."
)


def values(records: Sequence[Record], name: str) -> list[float]:
    """A figure of all records that have it."""
    return [float(r[name]) for r in records if r.get(name) is not None]


def average(records: Sequence[Record], name: str) -> float | None:
    """Its mean, or None."""
    found = values(records, name)
    return mean(found) if found else None


def shown(value: float | None, form: str) -> str:
    return "-" if value is None else format(value, form)


def of(records: Sequence[Record], method: str, *types: str) -> list[Record]:
    """A method's records, of these types if any are named."""
    return [r for r in records if r["method"] == method and (not types or r["type"] in types)]


def places(records: Sequence[Record], methods: Sequence[str]) -> Table:
    """Where each method changed the picture, and where not.

    One line a method, all types together.
    """
    table = Table(
        "method",
        *(title for title, _, _ in PLACE[:3]),
        "C_m/C_non",
        *(title for title, _, _ in PLACE[3:]),
        caption=PLACE_LEGEND,
    )
    for method in methods:
        own = of(records, method)
        if own:
            cells = [shown(average(own, name), form) for _, name, form in PLACE]
            cells.insert(3, shown(ratio(values(own, "c_m"), values(own, "c_non")), ".2f"))
            table.add_row(method, *cells)
    return table


def verdicts(records: Sequence[Record], methods: Sequence[str]) -> Table:
    """One line a method, all types together: what the judge says, and what it cost."""
    table = Table(
        "method", "cases", *(title for title, _, _ in VERDICT), "refused", caption=VERDICT_LEGEND
    )
    for method in methods:
        own = of(records, method)
        if own:
            cells = [shown(average(own, name), form) for _, name, form in VERDICT]
            table.add_row(method, str(len(own)), *cells, str(sum("refusal" in r for r in own)))
    return table


def by_type(records: Sequence[Record], methods: Sequence[str], types: Sequence[str]) -> Table:
    """How often the asked change is there, and all else as it was.

    In hundredths: a line a method, a column a type.
    """
    chosen = [method for method in methods if of(records, method)]
    table = Table("asked / kept, %", *types)
    for method in chosen:
        cells = []
        for type in types:
            own = of(records, method, type)
            cells.append(
                "/".join(
                    shown(None if (share := average(own, name)) is None else 100 * share, ".0f")
                    for name in ("success", "kept")
                )
            )
        table.add_row(method, *cells)
    return table


SETTING = (
    "success",
    "success_raw",
    "kept",
    "kept_raw",
    "psnr",
    "psnr_raw",
    "psnr_decoded",
    "error",
    "rows",
)


SETTING_LEGEND = (
    "success: the judge sees what was asked for; kept: all else as it was; psnr: dB, of what must "
    "stay; raw: before the composite;\ndecoded: that against the picture encoded and decoded; "
    "error: squared, against the exact answer, the picture before is 1."
)


def settings_table(by_setting: Mapping[str, Sequence[Record]], methods: Sequence[str]) -> Table:
    """Each method in each setting that concerns it.

    raw: before the composite; decoded: that against the picture encoded and decoded.
    """
    table = Table("method", "setting", "cases", *SETTING, caption=SETTING_LEGEND)
    for method in methods:
        known: list[list[Record]] = []
        for name, records in by_setting.items():
            if (own := of(records, method)) and own not in known:
                known.append(own)
                figures = [shown(average(own, figure), ".2f") for figure in SETTING]
                table.add_row(method, name, str(len(own)), *figures)
    return table


# ---------------------------------------------------------------- claims


@dataclass(frozen=True)
class Claim:
    """What a paper leads one to expect of two methods' figures.

    With the factor, the order or the margin that should hold.
    """

    text: str
    better: str
    other: str
    figure: Callable[[Sequence[Record]], float | None]
    types: tuple[str, ...] = ()
    factor: float = 1.0
    margin: float = 0.0
    lower: bool = False  # less is better
    strictly: bool = True

    def holds(self, a: float, b: float) -> bool:
        """Whether it holds for these two figures."""
        first, second = (b, a) if self.lower else (a, b)
        return (
            first > second * self.factor + self.margin
            if self.strictly and self.factor == 1
            else first >= second * self.factor + self.margin
        )


@dataclass(frozen=True)
class Mean:
    """The mean of one figure."""

    name: str

    def __call__(self, records: Sequence[Record]) -> float | None:
        """Of the records that have it; None where none has."""
        return average(records, self.name)


figure = Mean


def change_ratio(records: Sequence[Record]) -> float | None:
    return ratio(values(records, "c_m"), values(records, "c_non"))


CLAIMS = (
    Claim(
        "InstDiffEdit's mask IoU is 1.7 x DiffEdit's",
        "instdiffedit",
        "diffedit",
        figure("iou"),
        factor=1.7,
    ),
    Claim(
        "InstDiffEdit's C_m / C_non is 1.5 x DiffEdit's",
        "instdiffedit",
        "diffedit",
        change_ratio,
        factor=1.5,
    ),
    Claim("FoI keeps more outside than InstructPix2Pix, PSNR", "foi", "ip2p", figure("psnr")),
    Claim("the same before the composite", "foi", "ip2p", figure("psnr_raw")),
    Claim(
        "the same, distance in the towers' features",
        "foi",
        "ip2p",
        figure("towers_distance"),
        lower=True,
    ),
    Claim("the same, the rest as it was by the judge", "foi", "ip2p", figure("kept")),
    Claim("FoI's success is no lower", "foi", "ip2p", figure("success"), strictly=False),
    Claim(
        "FoI's success on 2 to 4 instructions is higher",
        "foi",
        "ip2p",
        figure("success"),
        ("combined",),
    ),
    Claim(
        "AdapEdit changes poses that prompt-to-prompt leaves",
        "adapedit",
        "p2p",
        figure("success"),
        ("pose",),
    ),
    Claim(
        "AdapEdit changes poses that SDEdit leaves",
        "adapedit",
        "sdedit",
        figure("success"),
        ("pose",),
    ),
    Claim(
        "TAS changes poses that prompt-to-prompt leaves", "tas", "p2p", figure("success"), ("pose",)
    ),
    Claim("TAS changes poses that SDEdit leaves", "tas", "sdedit", figure("success"), ("pose",)),
    *(
        Claim(
            f"{title} keeps 1 dB more outside than prompt-to-prompt, {of_what}",
            method,
            "p2p",
            figure(name),
            ("pose",),
            margin=1.0,
        )
        for title, method in (("AdapEdit", "adapedit"), ("TAS", "tas"))
        for of_what, name in (
            ("PSNR", "psnr"),
            ("PSNR against the decoded original", "psnr_decoded"),
        )
    ),
)


def claims(records: Sequence[Record]) -> Table | None:
    """Each claim that these records can speak to, on the cases that both methods have."""
    table = Table("claim", "cases", "figures", "holds")
    for claim in CLAIMS:
        a, b = of(records, claim.better, *claim.types), of(records, claim.other, *claim.types)
        both = {(r["type"], r["seed"]) for r in a} & {(r["type"], r["seed"]) for r in b}
        first, second = (
            claim.figure([r for r in side if (r["type"], r["seed"]) in both]) for side in (a, b)
        )
        if first is not None and second is not None:
            holds = claim.holds(first, second)
            table.add_row(
                claim.text,
                str(len(both)),
                f"{first:.3f} against {second:.3f}",
                "yes" if holds else "[bold]no[/]",
            )
    return table if table.row_count else None
