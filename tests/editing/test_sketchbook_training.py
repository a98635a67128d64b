"""Training: a killed stage goes on where it was, the variants are exactly the trunk, the grounding loss is what it says."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from editing.sketchbook import dataset, networks, recognition, train
from editing.sketchbook.autoencoder import new_autoencoder
from editing.sketchbook.edits import edit
from editing.sketchbook.grounding import grounding_loss


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
    networks.save_variants(tmp_path, trunk, networks.new_text_encoder(tokenizer), tokenizer, new_autoencoder(), {})
    back, _ = networks.join_variants(tmp_path)
    for old, new in zip(trunk.state_dict().values(), back.state_dict().values(), strict=True):
        torch.testing.assert_close(new, old, atol=2e-3, rtol=2e-3)  # half precision


def test_grounding_is_nothing_on_the_mask_and_one_beside_it() -> None:
    masks = torch.zeros(1, 2, 16, 16)
    masks[0, 0, :8], masks[0, 1, 8:] = 1, 1
    maps = torch.zeros(1, 256, 77)
    maps[0, :128, 3] = 0.5
    assert float(grounding_loss([maps], masks, [[(3, 0)]], torch.ones(1))) == pytest.approx(0, abs=1e-6)
    assert float(grounding_loss([maps], masks, [[(3, 1)]], torch.ones(1))) == pytest.approx(1, abs=1e-6)
    assert float(grounding_loss([maps], masks, [[]], torch.ones(1))) == 0


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
    target[:, 0], target[:, len(recognition.GROUPS[0]) + 1] = 1, 1  # a circle of the second colour everywhere
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


def test_what_a_batch_shows_lies_under_its_masks() -> None:
    entries = dataset.prepare(new_autoencoder().eval(), 100, 6, (16,), processes=1)
    rng = np.random.default_rng(1)
    rows = [dataset.draw(entries, 16, rng, 1.0) for _ in range(40)]
    seen, wanted = dataset.targets(entries, rows)
    assert seen.shape == wanted.shape == (40, recognition.CLASSES, 16, 16)
    changed = [index for index, row in enumerate(rows) if row.seen != row.wanted]
    assert changed and all(not torch.equal(seen[index], wanted[index]) for index in changed)
    kinds = seen[:, : len(recognition.GROUPS[0])].sum(1)
    assert float(kinds.max()) <= 1 + 1e-2 and float(kinds.min()) >= recognition.BACKGROUND_WEIGHT - 1e-2


def test_entries_hold_what_the_tasks_need() -> None:
    entries = dataset.prepare(new_autoencoder().eval(), 100, 6, (16, 32), processes=1)
    assert entries.edits == [edit(seed) for seed in range(100, 106)]
    assert entries.latents[32].shape == (6, 3, 4, 32, 32) and entries.latents[16].shape == (6, 3, 4, 16, 16)
    assert set(entries.holes[32].unique().tolist()) <= {0.0, 1.0}
    rng = np.random.default_rng(0)
    tasks = set()
    for _ in range(200):
        row = dataset.draw(entries, 32, rng, 1.0)
        used = row.condition.flatten(1).abs().amax(1) > 0
        tasks.add((bool(used[:4].any()), bool(used[4:].any())))
        assert all(0 < column <= len(row.words) and mask < dataset.MASKS for column, mask in row.owned)
    assert tasks == {(False, False), (True, False), (False, True)}


@pytest.mark.timeout(600)
def test_a_killed_stage_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """kill -9 in the middle of the autoencoder's stage, both workers: the next run starts from the checkpoint."""
    root = Path(__file__).parents[2]
    program = "import sys; sys.path.insert(0, sys.argv[1]); from editing.sketchbook import checkpoints, train; "
    program += "checkpoints.SAVE_EVERY = 0.5; train.autoencoder(minutes=float(sys.argv[2]), pictures=64, batch=4, workers=2)"

    def command(minutes: float) -> list[str]:
        return [sys.executable, "-c", program, str(root), str(minutes)]

    first = subprocess.Popen(command(10), cwd=tmp_path, start_new_session=True, stdout=subprocess.DEVNULL)
    checkpoint = tmp_path / "training" / "autoencoder.pt"
    deadline = time.monotonic() + 300
    while not checkpoint.exists() and time.monotonic() < deadline:
        time.sleep(0.2)
    time.sleep(1.5)
    first.send_signal(signal.SIGKILL)
    first.wait()
    spent = torch.load(checkpoint, weights_only=True)["spent"]
    assert 0 < spent < 600
    done = subprocess.run(command((spent + 2) / 60), cwd=tmp_path, capture_output=True, text=True, timeout=300, check=True)
    assert "held-out" in done.stdout
    assert (tmp_path / "training" / "vae" / "config.json").exists()


@pytest.mark.timeout(600)
def test_the_denoiser_goes_on_and_is_exported(tmp_path: Path) -> None:
    """Two workers, from published weights; the second run counts on from the first, and all three variants are written."""
    root = Path(__file__).parents[2]
    entries = dataset.prepare(new_autoencoder().eval(), 100, 6, (16,), processes=1)
    new_autoencoder().save_pretrained(tmp_path / "training" / "vae")
    dataset.save(entries, tmp_path / "edits.pt")
    program = "import sys; sys.path.insert(0, sys.argv[1]); from pathlib import Path; from editing.sketchbook import train; "
    program += "train.denoiser([Path('edits.pt')], 16, float(sys.argv[2]), batch=2, workers=2, begin=train.WEIGHTS); "
    program += "train.export(Path('made'), 16)"
    images = []
    for minutes in (0.03, 0.06):
        subprocess.run([sys.executable, "-c", program, str(root), str(minutes)], cwd=tmp_path, timeout=300, check=True)
        images.append(float(torch.load(tmp_path / "training" / "denoiser.pt", weights_only=True)["progress"][1]))
    assert 0 < images[0] < images[1]
    assert {folder.name for folder in (tmp_path / "made").iterdir()} == set(networks.VARIANTS)
    trunk, _ = networks.join_variants(tmp_path / "made")
    published, _ = networks.join_variants(train.WEIGHTS)
    far = max(float((a - b).detach().abs().max()) for a, b in zip(trunk.parameters(), published.parameters(), strict=True))
    assert 0 < far < 0.2, "it went on from the published weights, a few steps"


def test_the_learning_rate_rises_stays_and_falls() -> None:
    rates = [train.learning_rate(1e-3, done / 100, 0.02, 0.6) for done in range(101)]
    assert rates[0] < 1e-4 and rates[2] == rates[59] == 1e-3 and rates[100] == pytest.approx(2e-5)
    assert rates[60:] == sorted(rates[60:], reverse=True)
