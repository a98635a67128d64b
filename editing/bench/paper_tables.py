"""What the papers printed.

The columns of each evaluation, and the figures to stand beside ours. Sources: AdapEdit, AAAI 2024,
Table 1; FoI, CVPR 2024, Table 1; InstDiffEdit, AAAI 2024, Table 1; TAS (arXiv 2402.08601), Fig. 6,
which plots but prints no numbers; PIE-Bench's metrics, Ju et al., ICLR 2024.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

FoI = ("clip_i", "dino_i", "clip_direction", "pickscore")


@dataclass(frozen=True)
class Evaluation:
    """A paper's evaluation.

    Its columns in order, the methods it compared, and what it printed for them (a figure a column,
    or None).
    """

    title: str
    columns: tuple[str, ...]
    methods: tuple[str, ...]
    printed: Mapping[str, tuple[float | None, ...]] = field(default_factory=dict)
    seeds: int = 1  # edits of each sample


EVALUATIONS: Mapping[str, Evaluation] = {
    "instructpix2pix": Evaluation(
        "AdapEdit, Table 1: 700 samples of InstructPix2Pix",
        ("lpips", "clip_score", "clip_direction"),
        ("p2p", "sdedit", "ip2p", "masactrl", "adapedit"),
        {
            "p2p": (0.33, 26.05, 0.11),
            "sdedit": (0.55, 26.52, 0.11),
            "ip2p": (0.27, 24.59, 0.04),
            "masactrl": (0.41, 27.00, 0.13),
            "adapedit": (0.29, 27.08, 0.13),
        },
    ),
    "foi-single": Evaluation(
        "FoI, Table 1: single instruction",
        FoI,
        ("diffedit", "null-text", "ip2p", "foi"),
        {
            "diffedit": (0.8627, 0.7916, 0.0844, 0.0639),
            "ip2p": (0.8605, 0.8264, 0.1685, 0.1353),
            "foi": (0.9402, 0.9277, 0.1699, 0.3901),
        },
    ),
    "foi-multi": Evaluation(
        "FoI, Table 1: several instructions",
        FoI,
        ("diffedit", "null-text", "ip2p", "foi"),
        {
            "diffedit": (0.8505, 0.7529, 0.0629, 0.0616),
            "ip2p": (0.8769, 0.8369, 0.1605, 0.1059),
            "foi": (0.9255, 0.9159, 0.1685, 0.5077),
        },
    ),
    "editing-mask": Evaluation(
        "InstDiffEdit, Table 1: Editing-Mask",
        ("seconds", "iou", "c_m", "c_non", "ratio"),
        ("sdedit", "cyclediffusion", "p2p", "pnp", "diffedit", "instdiffedit"),
        {
            "sdedit": (3.0, None, 0.116, 0.084, 1.38),
            "cyclediffusion": (5.2, None, 0.121, 0.073, 1.66),
            "p2p": (18.2, None, 0.168, 0.129, 1.30),
            "pnp": (80.0, None, 0.121, 0.078, 1.56),
            "diffedit": (64.0, 0.330, 0.195, 0.080, 2.45),
            "instdiffedit": (10.8, 0.562, 0.227, 0.061, 3.71),
        },
    ),
    "imagenet": Evaluation(
        "InstDiffEdit, Table 1: ImageNet (its class-wise CSFID is not computed here)",
        ("lpips",),
        ("sdedit", "cyclediffusion", "pnp", "diffedit", "instdiffedit"),
        {
            "sdedit": (0.311,),
            "cyclediffusion": (0.311,),
            "pnp": (0.273,),
            "diffedit": (0.279,),
            "instdiffedit": (0.286,),
        },
    ),
    "imagen": Evaluation(
        "InstDiffEdit, Table 1: Imagen",
        ("lpips", "fid", "clip_score"),
        ("sdedit", "cyclediffusion", "p2p", "pnp", "diffedit", "instdiffedit"),
        {
            "sdedit": (0.321, 75.2, 23.8),
            "cyclediffusion": (0.258, 63.0, 24.6),
            "p2p": (0.428, 85.67, 24.0),
            "pnp": (0.222, 61.6, 24.0),
            "diffedit": (0.297, 58.8, 24.7),
            "instdiffedit": (0.170, 55.3, 24.9),
        },
    ),
    "tedbench": Evaluation(
        "TAS, Fig. 6: TEdBench, five edits of each (the paper plots, and prints no numbers)",
        ("lpips", "clip_score", "aesthetic"),
        ("sdedit", "masactrl", "edit-friendly", "null-text", "dds", "tas"),
        seeds=5,
    ),
    "pie-bench": Evaluation(
        "PIE-Bench: 700 edits of ten types",
        ("structure", "psnr", "lpips_outside", "mse", "ssim", "clip_score", "clip_inside"),
        (
            "p2p",
            "masactrl",
            "pnp",
            "edit-friendly",
            "ip2p",
            "foi",
            "instdiffedit",
            "adapedit",
            "tas",
        ),
    ),
}
"""The papers' evaluations, by name.

Scores are on the same scales as ours: LPIPS and changes 0..1 (InstDiffEdit prints them times 100),
CLIP scores times 100.
"""
