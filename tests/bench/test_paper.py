"""The papers' evaluations.

A small data set in each layout, read and run through with the tiny model and tiny instruments.
"""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from click.testing import Result
from PIL import Image
from transformers import (
    CLIPConfig,
    CLIPModel,
    CLIPTokenizer,
    Dinov2Config,
    Dinov2Model,
    ViTConfig,
    ViTModel,
)
from typer.testing import CliRunner

from limn.editing import load_models
from limn.editing.bench import methods, paper, paper_figures, paper_report
from limn.editing.bench.paper_sets import Sample
from limn.editing.bench.paper_tables import EVALUATIONS
from limn.editing.bench.perception import Aesthetic, MissingWeights, Perception, Sources

from ..editing.conftest import picture
from .small_sets import SHORT, WRITERS
from .test_paper_sets import read
from .test_records import read as read_records


@pytest.fixture(scope="module")
def instruments(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Sources:
    """CLIP, PickScore, DINO and the aesthetic predictor with random weights.

    In their publishers' formats.
    """
    folder = tmp_path_factory.mktemp("instruments")
    tokenizer = CLIPTokenizer.from_pretrained(tiny_model / "text-to-image" / "tokenizer")
    ends = {
        "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.pad_token_id,
    }
    small = {
        "hidden_size": 16,
        "intermediate_size": 32,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
    }
    with torch.random.fork_rng():
        torch.manual_seed(0)
        clip = CLIPModel(
            CLIPConfig(
                text_config=small | ends | {"vocab_size": len(tokenizer)},
                vision_config=small | {"image_size": 32, "patch_size": 8},
                projection_dim=12,
            )
        )
        dino = Dinov2Model(
            Dinov2Config(
                hidden_size=16,
                num_hidden_layers=1,
                num_attention_heads=2,
                image_size=224,
                patch_size=56,
            )
        )
        keys = ViTModel(ViTConfig(**small, image_size=224, patch_size=56), add_pooling_layer=False)
        widths = [(12, 8), (8, 6), (6, 5), (5, 4), (4, 1)]
        layers = zip((0, 2, 4, 6, 7), widths, strict=True)
        weights = {}
        for i, (inside, outside) in layers:
            weights |= {
                f"layers.{i}.weight": torch.randn(outside, inside),
                f"layers.{i}.bias": torch.randn(outside),
            }
    clip.save_pretrained(folder / "clip")
    tokenizer.save_pretrained(folder / "clip")
    dino.save_pretrained(folder / "dino")
    keys.save_pretrained(folder / "keys")
    torch.save(weights, folder / "aesthetic.pth")
    clip_folder = str(folder / "clip")
    return Sources(
        clip_folder,
        str(folder / "dino"),
        clip_folder,
        str(folder / "keys"),
        str(folder / "aesthetic.pth"),
        "",
    )


def test_instruments_give_what_their_definitions_say(instruments: Sources) -> None:
    eyes = Perception(instruments)
    image, other = picture(), picture(seed=1)
    assert float(eyes.clip().image(image).norm()) == pytest.approx(1, abs=1e-5)
    assert float(eyes.clip().text("a red star").norm()) == pytest.approx(1, abs=1e-5)
    assert not torch.equal(eyes.clip().text("a red star"), eyes.clip().text("a blue star"))
    sample = Sample(
        "s", None, methods.Words("", "a red star", "a blue star"), torch.ones(1, 1, 64, 64)
    )
    assert paper_figures.clip_i(eyes, sample, image, image) == pytest.approx(1, abs=1e-5)
    assert (
        paper_figures.dino_i(eyes, sample, image, image)
        == pytest.approx(1, abs=1e-5)
        != paper_figures.dino_i(eyes, sample, image, other)
    )
    assert (
        paper_figures.structure(eyes, sample, image, image)
        == 0
        < paper_figures.structure(eyes, sample, image, other)
    )
    assert paper_figures.clip_inside(eyes, sample, image, other) == pytest.approx(
        paper_figures.clip_score(eyes, sample, image, other)
    )
    similarity = eyes.keys().self_similarity(image)
    torch.testing.assert_close(similarity.diagonal(), torch.ones(len(similarity)))


def test_clip_equals_transformers_own_score(instruments: Sources) -> None:
    eyes = Perception(instruments)
    model = CLIPModel.from_pretrained(instruments.clip).eval()
    ids = CLIPTokenizer.from_pretrained(instruments.clip)(
        ["a red star"], return_tensors="pt"
    ).input_ids
    from limn.editing.bench.perception import OPENAI_MEAN, OPENAI_STD, prepared

    with torch.no_grad():
        logits = model(
            input_ids=ids, pixel_values=prepared(picture(), 32, OPENAI_MEAN, OPENAI_STD)
        ).logits_per_image
    mine = eyes.clip().scale * float(
        (eyes.clip().image(picture()) * eyes.clip().text("a red star")).sum()
    )
    assert mine == pytest.approx(float(logits), abs=1e-4)


def test_the_aesthetic_predictor_is_five_layers_without_activations() -> None:
    generator = torch.Generator().manual_seed(0)
    shapes = {0: (8, 12), 2: (6, 8), 4: (5, 6), 6: (4, 5), 7: (1, 4)}
    weights = {
        f"layers.{i}.weight": torch.randn(shape, generator=generator) for i, shape in shapes.items()
    }
    weights |= {
        f"layers.{i}.bias": torch.randn(shape[0], generator=generator)
        for i, shape in shapes.items()
    }
    x = expected = torch.randn(2, 12, generator=generator)
    for i in shapes:
        expected = expected @ weights[f"layers.{i}.weight"].T + weights[f"layers.{i}.bias"]
    torch.testing.assert_close(Aesthetic(weights)(x), expected)


def test_what_cannot_be_had_is_named_once_and_not_tried_again(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    eyes = Perception(Sources(clip=str(tmp_path / "empty"), dino="", lpips=""))
    for _ in range(2):
        with pytest.raises(MissingWeights, match=r"CLIP: .* could not be loaded"):
            eyes.clip()
        with pytest.raises(MissingWeights, match=r"DINO: no weights were given"):
            eyes.dino()
    assert set(eyes.missing) == {"CLIP", "DINO"}


# ---------------------------------------------------------------- the whole way


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two steps a method."""
    monkeypatch.setattr(methods, "settings", lambda name, _: SHORT[name])
    monkeypatch.setattr(paper, "STEPS", 2)


def bench(name: str, data: Path, out: Path, model: Path, sources: Sources, *more: str) -> Result:
    weights = [
        f"--{what}={getattr(sources, what)}"
        for what in ("clip", "dino", "pick", "structure", "aesthetic", "lpips")
    ]
    arguments = [
        name,
        "--data",
        str(data),
        "--out",
        str(out),
        "--model",
        str(model),
        "--seeds",
        "1",
        *weights,
        *more,
    ]
    return CliRunner(env={"COLUMNS": "240"}).invoke(paper.app, arguments)


@pytest.mark.parametrize("name", WRITERS)
def test_each_evaluation_runs_through(
    name: str, tiny_model: Path, instruments: Sources, tmp_path: Path
) -> None:
    data, out = tmp_path / "data", tmp_path / "out"
    data.mkdir()
    samples = read(name, data)
    chosen = [method for method in EVALUATIONS[name].methods if method in SHORT][:2]
    result = bench(name, data, out, tiny_model, instruments, "--methods", ",".join(chosen))
    assert result.exit_code == 0, result.output
    records = read_records(out / f"{name}.jsonl")
    assert len(records) == len(samples) * len(chosen)
    possible = {
        c
        for c in EVALUATIONS[name].columns
        if not c.startswith("lpips") and c not in ("fid", "ratio")
    }
    for record in records:
        assert "refusal" not in record, record
        assert possible <= set(record)
        assert record["rows"] > 0
    for method in chosen:
        assert method in result.output
    assert EVALUATIONS[name].title.split(":")[0] in " ".join(result.output.split())
    again = bench(name, data, out, tiny_model, instruments, "--methods", ",".join(chosen))
    assert f"{len(records)} of them done before" in again.output


def test_a_picture_that_the_set_lacks_is_generated_once(tiny_model: Path, tmp_path: Path) -> None:
    models = load_models(tiny_model)
    (tmp_path / "before").mkdir()
    sample = Sample("0", None, methods.Words("", "a red star", "a blue star"))
    first = paper.before_of(models, sample, 3, tmp_path)
    assert first.shape == (1, 3, 64, 64)
    assert Image.open(tmp_path / "before" / "3.png").size == (64, 64)
    assert torch.equal(paper.before_of(models, sample, 3, tmp_path), first)


def test_pictures_are_edited_from_their_own_noise_and_swept(
    tiny_model: Path, instruments: Sources, tmp_path: Path
) -> None:
    """Raw by default, as the papers measured; --composite is another run."""
    data, out = tmp_path / "data", tmp_path / "out"
    data.mkdir()
    read("instructpix2pix", data)
    more = ["--methods", "p2p", "--cases", "1", "--own-noise", "--set", "p2p.own=0.5"]
    more += ["--sweep", "p2p.cross=0:1:0.5"]
    result = bench("instructpix2pix", data, out, tiny_model, instruments, *more)
    assert result.exit_code == 0, result.output
    for value in ("0", "0.5", "1"):
        (record,) = read_records(out / f"p2p.cross={value}" / "instructpix2pix.jsonl")
        assert "refusal" not in record, record
        assert record["rows"] == 2 * 2 + 2 * 3 and record["composite"] is False
        assert {"p2p.origin=seed", f"p2p.cross={float(value)}"} <= set(record["changed"])
    page = (out / "index.html").read_text(encoding="utf-8")
    assert "p2p.cross=0.5" in page and "limn bench paper instructpix2pix" in page
    mixed = bench("instructpix2pix", data, out, tiny_model, instruments, *more, "--composite")
    assert mixed.exit_code == 2 and "--composite" in " ".join(mixed.output.split())


def test_pickscore_shares_sum_to_one_over_the_methods() -> None:
    records = [
        {"sample": "a", "seed": 0, "method": m, "pickscore": s}
        for m, s in (("foi", 2.0), ("ip2p", 1.0), ("diffedit", 0.0))
    ]
    found = paper_report.shares(records)
    assert sum(values[0] for values in found.values()) == pytest.approx(1)
    assert found["foi"][0] > found["ip2p"][0] > found["diffedit"][0]


def test_the_wrong_folder_or_name_is_answered_in_a_sentence(
    tiny_model: Path, instruments: Sources, tmp_path: Path
) -> None:
    wrong = bench("tedbench", tmp_path, tmp_path / "out", tiny_model, instruments)
    assert wrong.exit_code == 2 and "input_list.json" in wrong.output
    unknown = bench("tedbanch", tmp_path, tmp_path / "out", tiny_model, instruments)
    assert unknown.exit_code == 2 and "tedbench" in unknown.output
