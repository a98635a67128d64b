"""Training.

A killed stage goes on where it was, the variants are exactly the trunk, the grounding loss is what
it says.
"""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
import typer

from limn.editing.sketchbook import dataset, networks, recognition, train
from limn.editing.sketchbook.autoencoder import new_autoencoder
from limn.editing.sketchbook.drawing import KINDS
from limn.editing.sketchbook.edits import edit
from limn.editing.sketchbook.grounding import grounding_loss


def test_a_variant_is_the_trunk_with_the_other_channels_at_zero() -> None:
    torch.manual_seed(0)
    trunk = networks.new_unet().eval()
    words, full = torch.randn(1, 77, 128), torch.randn(1, 13, 16, 16)
    for variant, channels in networks.VARIANTS.items():
        inputs = torch.zeros_like(full)
        inputs[:, list(channels)] = full[:, list(channels)]
        with torch.no_grad():
            expected = trunk(inputs, 500, words).sample
            found = networks.cut(trunk, variant).eval()(full[:, list(channels)], 500, words).sample
        torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-4)


def test_the_trunk_comes_back_from_its_variants(tmp_path: Path) -> None:
    trunk, tokenizer = networks.new_unet(), networks.new_tokenizer()
    networks.save_variants(
        tmp_path, trunk, networks.new_text_encoder(tokenizer), tokenizer, new_autoencoder(), {}
    )
    back, _ = networks.join_variants(tmp_path)
    for old, new in zip(trunk.state_dict().values(), back.state_dict().values(), strict=True):
        torch.testing.assert_close(new, old, atol=2e-3, rtol=2e-3)  # half precision


def test_grounding_is_nothing_on_the_mask_and_one_beside_it() -> None:
    masks = torch.zeros(1, 2, 16, 16)
    masks[0, 0, :8], masks[0, 1, 8:] = 1, 1
    maps = torch.zeros(1, 256, 77, requires_grad=True)
    with torch.no_grad():
        maps[0, :128, 3] = 0.5
    for mask, wanted in ((0, 0), (1, 1), (dataset.NOWHERE, 0)):
        places = torch.full((1, 77), dataset.NOWHERE)
        places[0, 3] = mask
        loss = grounding_loss([maps], masks, places, torch.ones(1))
        assert float(loss.detach()) == pytest.approx(wanted, abs=1e-6)
        (slope,) = torch.autograd.grad(loss, maps)
        assert bool(slope.isfinite().all()), (
            "also of the tokens whose attention is nothing everywhere"
        )


def test_recognition_knows_what_stands_where() -> None:
    made = edit(7, "recolour")
    shares = recognition.classes(made.before, dataset.THINGS + 1)
    names = [name for group in recognition.GROUPS for name in group]
    for column, thing in enumerate(made.before.things):
        told = {names[row] for row in np.flatnonzero(shares[:, column])}
        assert told == {thing.kind, thing.colour, thing.texture, thing.state, thing.size} - {""}
    assert [names[row] for row in np.flatnonzero(shares[:, -1])] == [made.before.background]


def test_recognition_is_nothing_where_the_features_tell_everything() -> None:
    trunk = networks.new_unet()
    reader = recognition.Recognition(trunk)
    target = torch.zeros(1, recognition.CLASSES, 16, 16)
    target[:, 0], target[:, len(recognition.GROUPS[0]) + 1] = (
        1,
        1,
    )  # a circle of the second colour everywhere
    right = torch.where(target[:, :, :1, :1].bool(), 50.0, -50.0)
    for head in reader.heads:
        assert isinstance(head, torch.nn.Conv2d)
        torch.nn.init.zeros_(head.weight)
        head.bias.data = right.flatten()
    for wanted, least, most in ((target, 0, 1e-6), (target.flip(1), 1, 1e3)):
        trunk(torch.zeros(1, 13, 16, 16), 500, torch.randn(1, 77, 128))
        assert len(reader.features) == 2
        assert least <= reader.loss((wanted, wanted), torch.ones(1)).item() <= most
        assert not reader.features


@pytest.fixture(scope="module")
def entries() -> dataset.Entries:
    return dataset.prepare(
        new_autoencoder().eval(), networks.new_tokenizer(), range(100, 124), (16, 32), processes=2
    )


def drawn(entries: dataset.Entries, side: int, rows: int = 400) -> dataset.Batch:
    return dataset.draw(entries, side, rows, torch.Generator().manual_seed(0), 1.0)


def test_what_a_batch_shows_lies_under_its_masks(entries: dataset.Entries) -> None:
    batch = drawn(entries, 16)
    assert batch.seen.shape == batch.wanted.shape == (400, recognition.CLASSES, 16, 16)
    changed = (batch.seen != batch.wanted).flatten(1).any(1)
    assert 0.2 < float(changed.float().mean()) < 0.6
    assert bool(batch.looks[changed].all()), (
        "only an instruction that sees its picture wants another one than it sees"
    )
    kinds = batch.seen[:, : len(recognition.GROUPS[0])].sum(1)
    assert (
        float(kinds.max()) <= 1 + 1e-2
        and float(kinds.min()) >= recognition.BACKGROUND_WEIGHT - 1e-2
    )


def test_entries_hold_what_the_tasks_need(entries: dataset.Entries) -> None:
    assert len(entries) == 24
    assert entries.latents[32].shape == (24, 3, 4, 32, 32) and entries.latents[16].shape == (
        24,
        3,
        4,
        16,
        16,
    )
    assert set(entries.holes[32].unique().tolist()) <= {0.0, 1.0}
    batch = drawn(entries, 32)
    used = batch.condition.flatten(2).abs().amax(2) > 0
    tasks = set(zip(used[:, :4].any(1).tolist(), used[:, 4:].any(1).tolist(), strict=True))
    assert tasks == {(False, False), (True, False), (False, True)}
    assert torch.equal(batch.looks, used[:, :4].any(1))
    begun = batch.begun
    assert bool(begun.any()) and torch.equal(batch.start[begun], batch.condition[begun, :4]), (
        "an edit begins from the picture before"
    )
    assert torch.equal(batch.start[~begun], batch.target[~begun])


def test_a_row_says_what_it_shows(entries: dataset.Entries) -> None:
    """Every token with a place is a word of the sentence.

    What it names stands at that place.
    """
    tokenizer, names = (
        networks.new_tokenizer(),
        [name for group in recognition.GROUPS for name in group],
    )
    batch = drawn(entries, 16)
    kinds = 0
    for row in range(len(batch.tokens)):
        length = int((batch.tokens[row] == tokenizer.eos_token_id).nonzero()[0])
        owned = (batch.places[row] >= 0).nonzero().flatten().tolist()
        assert all(0 < column < length for column in owned)
        for column in owned:
            word, mask = (
                tokenizer.decode(batch.tokens[row, column]).strip(),
                int(batch.places[row, column]),
            )
            if (
                word not in KINDS or mask >= dataset.PART
            ):  # an instruction's mask may cover both what was and what shall be
                continue
            shown = batch.wanted if mask >= dataset.AFTER or not batch.looks[row] else batch.seen
            under = (shown[row, names.index(word)] * batch.masks[row, mask]).sum() / batch.masks[
                row, mask
            ].square().sum()
            assert float(under) > 0.9, (word, mask)
            kinds += 1
    assert kinds > 50


def test_what_was_saved_comes_back(entries: dataset.Entries, tmp_path: Path) -> None:
    dataset.save(entries, tmp_path / "edits.pt")
    for old, new in zip(
        vars(entries).values(), vars(dataset.load(tmp_path / "edits.pt")).values(), strict=True
    ):
        for part, again in (
            zip(old.values(), new.values(), strict=True) if isinstance(old, dict) else [(old, new)]
        ):
            assert torch.equal(part, again)


def test_edits_may_come_while_the_denoiser_learns(entries: dataset.Entries, tmp_path: Path) -> None:
    with pytest.raises(typer.BadParameter, match="stage data"):
        train.Dataset([tmp_path], "cpu")
    dataset.save(entries, tmp_path / "a.pt")
    loaded = train.Dataset([tmp_path], "cpu")
    dataset.save(entries, tmp_path / "b.pt")
    assert list(loaded.files) == [tmp_path / "a.pt"]
    loaded.look()
    picked = {id(loaded.pick(np.random.default_rng(seed))) for seed in range(40)}
    assert picked == {id(part) for part in loaded.files.values()} and len(picked) == 2


@pytest.mark.timeout(600)
def test_a_killed_stage_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """kill -9 in the middle of the autoencoder's stage, both workers.

    The next run starts from the checkpoint.
    """
    root = Path(__file__).parents[2]
    program = "import sys; from limn.editing.sketchbook import checkpoints, train; "
    program += (
        "checkpoints.SAVE_EVERY = 0.5; train.autoencoder(minutes=float(sys.argv[2]), "
        "pictures=64, batch=4, workers=2)"
    )

    def command(minutes: float) -> list[str]:
        return [sys.executable, "-c", program, str(root), str(minutes)]

    first = subprocess.Popen(
        command(10), cwd=tmp_path, start_new_session=True, stdout=subprocess.DEVNULL
    )
    checkpoint = tmp_path / "training" / "autoencoder.pt"
    deadline = time.monotonic() + 300
    while not checkpoint.exists() and time.monotonic() < deadline:
        time.sleep(0.2)
    time.sleep(1.5)
    first.send_signal(signal.SIGKILL)
    first.wait()
    spent = torch.load(checkpoint, weights_only=True)["spent"]
    assert 0 < spent < 600
    done = subprocess.run(
        command((spent + 2) / 60),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    )
    assert "held-out" in done.stdout
    assert (tmp_path / "training" / "vae" / "config.json").exists()


@pytest.mark.timeout(600)
def test_the_denoiser_goes_on_and_is_exported(tmp_path: Path) -> None:
    """Two workers, from published weights.

    The second run counts on from the first, and all three variants are written.
    """
    root = Path(__file__).parents[2]
    new_autoencoder().save_pretrained(tmp_path / "training" / "vae")
    program = "import sys; from pathlib import Path; from limn.editing.sketchbook import train; "
    program += "train.data(count=8, first=100, side=[16], a_file=6, processes=1); "
    program += (
        "train.denoiser([Path('training/edits')], 16, float(sys.argv[2]), batch=2, "
        "workers=2, begin=train.WEIGHTS); "
    )
    program += "train.export(Path('made'), 16)"
    images = []
    for minutes in (0.03, 0.15):
        subprocess.run(
            [sys.executable, "-c", program, str(root), str(minutes)],
            cwd=tmp_path,
            timeout=300,
            check=True,
        )
        images.append(
            float(
                torch.load(tmp_path / "training" / "denoiser.pt", weights_only=True)["progress"][1]
            )
        )
    assert 0 < images[0] < images[1]
    assert {folder.name for folder in (tmp_path / "made").iterdir()} == set(networks.VARIANTS)
    trunk, _ = networks.join_variants(tmp_path / "made")
    published, _ = networks.join_variants(train.WEIGHTS)
    far = max(
        float((a - b).detach().abs().max())
        for a, b in zip(trunk.parameters(), published.parameters(), strict=True)
    )
    assert 0 < far < 0.2, "it went on from the published weights, a few steps"


def test_the_learning_rate_rises_stays_and_falls() -> None:
    rates = [train.learning_rate(1e-3, done / 100, 0.02, 0.6) for done in range(101)]
    assert rates[0] < 1e-4 and rates[2] == rates[59] == 1e-3 and rates[100] == pytest.approx(2e-5)
    assert rates[60:] == sorted(rates[60:], reverse=True)
