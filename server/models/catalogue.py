"""The models that `limn models get` knows.

Where each comes from, and what it is for. A revision is the repository's commit, and a sha256 the
file's, so that what arrives is what was meant. Where a sha256 is not in the table it is the one
that the repository tells for that commit. Sizes are for the disk check before anything is asked of
the network.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Source:
    """Files of a repository on the hub, at one commit.

    patterns: which files, as in a shell. size: bytes of all of them. sha256: of files that are
    known, by their path.
    """

    repository: str
    revision: str
    patterns: tuple[str, ...]
    size: int
    sha256: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Entry:
    """A model that can be fetched.

    kind: a variant, or "previews". sources: by precision, "fp16" and "fp32".
    """

    name: str
    title: str
    kind: str
    what_for: str
    licence: str
    page: str
    sources: Mapping[str, Source]

    def source(self, precision: str) -> Source:
        """In a precision, or in the only one that there is."""
        return self.sources.get(precision) or next(iter(self.sources.values()))


HUB = "https://huggingface.co"
OPENRAIL = "CreativeML OpenRAIL-M"


def _folder(mark: str) -> tuple[str, ...]:
    """What a folder in the diffusers format needs, with the weights of one precision."""
    dot = f".{mark}" if mark else ""
    return (
        "model_index.json",
        "scheduler/scheduler_config.json",
        "tokenizer/*.json",
        "tokenizer/merges.txt",
        "text_encoder/config.json",
        f"text_encoder/model{dot}.safetensors",
        "unet/config.json",
        f"unet/diffusion_pytorch_model{dot}.safetensors",
        "vae/config.json",
        f"vae/diffusion_pytorch_model{dot}.safetensors",
    )


FP16, FP32 = 2_133_000_000, 4_266_000_000
"""Bytes of a folder of Stable Diffusion 1.x: the weights, and 1.6 MB of the rest."""

ENTRIES = (
    Entry(
        "sd15",
        "Stable Diffusion 1.5",
        "text-to-image",
        "AdapEdit and TAS; with sd15-inpainting InstDiffEdit",
        OPENRAIL,
        f"{HUB}/stable-diffusion-v1-5/stable-diffusion-v1-5",
        {
            "fp16": Source(
                "Comfy-Org/stable-diffusion-v1-5-archive",
                "4fddeb7f9096623f1b77f4708feb96126a08a0cf",
                ("v1-5-pruned-emaonly-fp16.safetensors",),
                2_132_696_762,
                {
                    "v1-5-pruned-emaonly-fp16.safetensors": (
                        "e9476a13728cd75d8279f6ec8bad753a66a1957ca375a1464dc63b37db6e3916"
                    ),
                },
            ),
            "fp32": Source(
                "stable-diffusion-v1-5/stable-diffusion-v1-5",
                "451f4fe16113bff5a5d2269ed5ad43b0592e9a14",
                ("v1-5-pruned-emaonly.safetensors",),
                4_265_146_304,
                {
                    "v1-5-pruned-emaonly.safetensors": (
                        "6ce0161689b3853acaa03779ec93eafe75a02f4ced659bee03f50797806fa2fa"
                    ),
                },
            ),
        },
    ),
    Entry(
        "sd15-inpainting",
        "Stable Diffusion 1.5 inpainting",
        "inpainting",
        "InstDiffEdit, with a text-to-image model",
        OPENRAIL,
        f"{HUB}/stable-diffusion-v1-5/stable-diffusion-inpainting",
        {
            "fp16": Source(
                "stable-diffusion-v1-5/stable-diffusion-inpainting",
                "8a4288a76071f7280aedbdb3253bdb9e9d5d84bb",
                _folder("fp16"),
                FP16,
            ),
        },
    ),
    Entry(
        "instruct-pix2pix",
        "InstructPix2Pix",
        "instruction",
        "FoI: instructions such as \"make it night\"",
        "MIT (derived from Stable Diffusion 1.5, CreativeML OpenRAIL-M)",
        f"{HUB}/timbrooks/instruct-pix2pix",
        {
            "fp16": Source(
                "timbrooks/instruct-pix2pix",
                "31519b5cb02a7fd89b906d88731cd4d6a7bbf88d",
                _folder("fp16"),
                FP16,
            ),
            "fp32": Source(
                "timbrooks/instruct-pix2pix",
                "31519b5cb02a7fd89b906d88731cd4d6a7bbf88d",
                _folder(""),
                FP32,
            ),
        },
    ),
    Entry(
        "dreamshaper-8",
        "DreamShaper 8",
        "text-to-image",
        "the same as sd15, for illustration",
        OPENRAIL,
        f"{HUB}/Lykon/DreamShaper",
        {
            "fp16": Source(
                "Lykon/DreamShaper",
                "228d79cb20811466f5c5710aa91f05dabd0b8a14",
                ("DreamShaper_8_pruned.safetensors",),
                2_132_625_894,
                {
                    "DreamShaper_8_pruned.safetensors": (
                        "879db523c30d3b9017143d56705015e15a2cb5628762c11d086fed9538abd7fd"
                    ),
                },
            ),
        },
    ),
    Entry(
        "taesd",
        "TAESD",
        "previews",
        "sharper previews while an edit runs",
        "MIT",
        f"{HUB}/madebyollin/taesd",
        {
            "fp32": Source(
                "madebyollin/taesd",
                "614f76814bbe30edbe2e627ace1c2234c81a2c0e",
                ("config.json", "diffusion_pytorch_model.safetensors"),
                9_793_292 + 1_000,
                {
                    "diffusion_pytorch_model.safetensors": (
                        "db169d69145ec4ff064e49d99c95fa05d3eb04ee453de35824a6d0f325513549"
                    ),
                },
            ),
        },
    ),
)  # fmt: skip
BY_NAME = {entry.name: entry for entry in ENTRIES}

SETS = {
    "all": ("everything for all four algorithms", ("sd15", "sd15-inpainting", "instruct-pix2pix")),
    "painting": (
        "all four, with DreamShaper for illustration",
        ("dreamshaper-8", "sd15-inpainting", "instruct-pix2pix"),
    ),
}
"""Several at once: what they are for, and their names."""
