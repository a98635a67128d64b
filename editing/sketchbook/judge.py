"""The measuring instruments of the sketchbook's world.

A judge that says what lies inside a mask, and two towers for direction scores. The judge is a small
convolutional network trained on renders alone, half of them as the autoencoder shows them, never on
what the diffusion model makes. It sees the picture cut out around a mask (with the mask as a fourth
channel) and names kind, colour, texture and state; from the whole picture it names the background.
The towers put pictures and captions into one space, as CLIP does, for this world only.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import Tensor, nn

from .drawing import COLOURS, KINDS
from .networks import new_tokenizer
from .scenes import BACKGROUNDS, STATES, TEXTURES

FILE = Path(__file__).parent / "weights" / "judge" / "judge.safetensors"
VIEW = 64  # pixels on each side of what the judge sees of a thing
MARGIN = 1.25  # the view around a mask's bounding box, as a factor
EDGE = 6  # pixels at a picture's sides, where nothing stands
DIFFERENCE = 0.1  # from the background, in one channel, 0..1: a thing
JOINED = 2  # pixels between the parts of one thing
LABELS: dict[str, tuple[str, ...]] = {
    "kind": tuple(KINDS),
    "colour": tuple(COLOURS),
    "texture": TEXTURES,
    "count": ("1", "2", "3"),
    "state": ("", *dict.fromkeys(state for states in STATES.values() for state in states)),
}
PLACES = tuple(BACKGROUNDS)
TOWER = 64  # channels of the common space


def _stage(inside: int, outside: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inside, outside, 3, padding=1),
        nn.BatchNorm2d(outside),
        nn.ReLU(),
        nn.MaxPool2d(2),
    )


class ThingJudge(nn.Module):
    """(batch, 4, 64, 64) -> logits for each attribute."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(_stage(4, 24), _stage(24, 48), _stage(48, 96), _stage(96, 128))
        self.heads = nn.ModuleDict(
            {name: nn.Linear(128 * 16, len(labels)) for name, labels in LABELS.items()}
        )

    def forward(self, views: Tensor) -> dict[str, Tensor]:
        seen = self.body(views).flatten(1)
        return {name: head(seen) for name, head in self.heads.items()}


class PlaceJudge(nn.Module):
    """(batch, 3, 32, 32), the whole picture made small -> logits for the background."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(_stage(3, 16), _stage(16, 32), _stage(32, 32))
        self.head = nn.Linear(32 * 16, len(PLACES))

    def forward(self, pictures: Tensor) -> Tensor:
        return self.head(self.body(pictures).flatten(1))


class Towers(nn.Module):
    """Pictures (batch, 3, 64, 64) and captions into one space of unit vectors."""

    def __init__(self) -> None:
        super().__init__()
        self.tokenizer = new_tokenizer()
        self.eye = nn.Sequential(_stage(3, 24), _stage(24, 48), _stage(48, 96), _stage(96, 96))
        self.look = nn.Linear(96 * 16, TOWER)
        self.words = nn.Embedding(len(self.tokenizer), TOWER)
        self.reader = nn.GRU(TOWER, 96, batch_first=True)
        self.tell = nn.Linear(96, TOWER)
        self.temperature = nn.Parameter(torch.tensor(2.5))

    def image(self, pictures: Tensor) -> Tensor:
        """(batch, 3, height, width) in 0..1 -> (batch, 64), unit length."""
        small = F.interpolate(pictures, size=(64, 64), mode="area")
        return F.normalize(self.look(self.eye(small).flatten(1)), dim=-1)

    def text(self, captions: str | list[str]) -> Tensor:
        """One caption or several -> (batch, 64), unit length."""
        sentences = [captions] if isinstance(captions, str) else captions
        tokens = self.tokenizer(
            sentences, padding="max_length", max_length=40, truncation=True, return_tensors="pt"
        ).input_ids
        states, _ = self.reader(self.words(tokens))
        return F.normalize(self.tell(states[:, -1]), dim=-1)


def view(pictures: Tensor, masks: Tensor) -> Tensor:
    """Cuts each picture out around its mask: (batch, 4, 64, 64).

    Pictures are (batch, 3, height, width) in 0..1, masks (batch, 1, height, width). An empty mask
    gives the whole picture.
    """
    out = []
    for picture, mask in zip(pictures, masks, strict=True):
        rows, columns = (
            torch.nonzero(mask[0].amax(1) > 0.3).flatten(),
            torch.nonzero(mask[0].amax(0) > 0.3).flatten(),
        )
        if len(rows) == 0:
            rows, columns = torch.arange(mask.shape[1]), torch.arange(mask.shape[2])
        middle_y, middle_x = (
            float(rows[0] + rows[-1] + 1) / 2,
            float(columns[0] + columns[-1] + 1) / 2,
        )
        reach = (
            MARGIN
            * max(float(rows[-1] - rows[0] + 1), float(columns[-1] - columns[0] + 1), 8.0)
            / 2
        )
        height, width = picture.shape[1:]
        place = torch.tensor(
            [
                [
                    [2 * reach / width, 0, 2 * middle_x / width - 1],
                    [0, 2 * reach / height, 2 * middle_y / height - 1],
                ]
            ]
        )
        grid = F.affine_grid(place, [1, 4, VIEW, VIEW], align_corners=False)
        whole = torch.cat([picture, mask])[None]
        out.append(F.grid_sample(whole, grid, padding_mode="border", align_corners=False))
    return torch.cat(out)


def framed(picture: Tensor, part: Tensor) -> Tensor:
    """The rectangle around the largest thing within a part of a picture.

    ``part`` is (1, 128, 128), the picture (3, 128, 128); ``part`` itself if there is none. Every
    background of the world is one colour along a row, as it is at the picture's edges: what differs
    from that, is a thing.
    """
    edges = torch.cat([picture[..., :EDGE], picture[..., -EDGE:]], -1)
    differs = (
        (picture - edges.median(-1, keepdim=True).values).abs().amax(0, keepdim=True) > DIFFERENCE
    ) & (part > 0)
    joined = F.max_pool2d(differs.float(), 2 * JOINED + 1, 1, JOINED)  # (1, 128, 128)
    pieces, before = joined * torch.arange(1, joined.numel() + 1).view_as(joined), torch.zeros(())
    while not torch.equal(pieces, before):  # each piece takes the highest number of its places
        pieces, before = F.max_pool2d(pieces, 3, 1, 1) * joined, pieces
    if not bool(differs.any()):
        return part
    _, rows, columns = (pieces == pieces[differs].mode().values).nonzero(as_tuple=True)
    frame = torch.zeros_like(part)
    frame[:, rows.min() : rows.max() + 1, columns.min() : columns.max() + 1] = 1
    return frame


@dataclass(frozen=True)
class Judge:
    things: ThingJudge
    places: PlaceJudge
    towers: Towers

    @torch.no_grad()
    def look(self, image: Tensor, mask: Tensor) -> dict[str, str]:
        """What lies inside a mask: kind, colour, texture, count, state.

        ``mask`` is (1, 1, 128, 128), ``image`` (1, 3, 128, 128) in 0..1.
        """
        logits = self.things(view(image, mask))
        return {name: LABELS[name][int(rows[0].argmax())] for name, rows in logits.items()}

    @torch.no_grad()
    def background(self, image: Tensor) -> str:
        """The background of ``image`` (1, 3, 128, 128; 0..1)."""
        return PLACES[
            int(self.places(F.interpolate(image, size=(32, 32), mode="area"))[0].argmax())
        ]

    @torch.no_grad()
    def features(self, image: Tensor) -> list[Tensor]:
        """The towers' inner maps of a picture.

        They serve as a perceptual distance in this world (it is not LPIPS).
        """
        seen, out = F.interpolate(image, size=(64, 64), mode="area"), []
        for stage in list(self.towers.eye)[:3]:
            seen = stage(seen)
            out.append(seen)
        return out


def new_judge() -> nn.ModuleDict:
    return nn.ModuleDict({"things": ThingJudge(), "places": PlaceJudge(), "towers": Towers()})


def judge_of(parts: nn.ModuleDict) -> Judge:
    """The judge that looks with these networks, trained or being trained."""
    things, places, towers = parts["things"], parts["places"], parts["towers"]
    assert (
        isinstance(things, ThingJudge)
        and isinstance(places, PlaceJudge)
        and isinstance(towers, Towers)
    )
    return Judge(things, places, towers)


def load_judge(file: Path = FILE) -> Judge:
    """The trained judge. Raises FileNotFoundError when it has not been trained."""
    parts = new_judge()
    parts.load_state_dict(load_file(file))
    parts.eval()
    return judge_of(parts)
