"""What stands in a model's JSON files.

The bundled models' are taken, hostile ones are refused with a sentence, and nothing that a file
names is ever imported.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from limn.editing import UnreadableModel, sketchbook
from limn.editing.diffusion import checked_json
from limn.editing.diffusion.checked_json import parse, read
from limn.editing.diffusion.configuration import (
    VAE,
    Scheduler,
    TextEncoder,
    TinyVAE,
    TokenizerConfig,
    UNet,
    Vocabulary,
)
from limn.editing.diffusion.notes import Notes

FILES = {
    UNet: "unet/config.json",
    VAE: "vae/config.json",
    TextEncoder: "text_encoder/config.json",
    Scheduler: "scheduler/scheduler_config.json",
    TokenizerConfig: "tokenizer/tokenizer_config.json",
    Vocabulary: "tokenizer/tokenizer.json",
    Notes: "limn.json",
}
KINDS = [*FILES, TinyVAE]


@pytest.mark.parametrize("variant", ["text-to-image", "inpainting", "instruction"])
def test_what_the_bundled_models_say_is_taken_whole(variant: str) -> None:
    for kind, name in FILES.items():
        file = Path(sketchbook.folder()) / variant / name
        described = read(kind, file)
        if isinstance(described, (UNet, VAE)):
            written = json.loads(file.read_text())
            taken = described.arguments()
            left_out = {key for key in written if key not in taken and not key.startswith("_")}
            assert left_out <= {"addition_embed_type_num_heads"}
            assert {key: written[key] for key in taken} == taken


@pytest.mark.parametrize(
    ("kind", "text", "said"),
    [
        (Notes, '{"semantic_level": "abc"}', "semantic_level is 'abc'"),
        (Notes, '{"semantic_level": true}', "semantic_level is True"),
        (Notes, '{"semantic_level": -1}', "greater than or equal to 0"),
        (Notes, '{"native_size": Infinity}', "native_size is inf"),
        (Notes, '{"native_size": 1e400}', "native_size is inf"),
        (Notes, '{"native_size": 2305843009213693952}', "less than or equal to 8192"),
        (Notes, '{"name": ["a"]}', "name is ['a']"),
        (Notes, '{"defaults": {"foi": {"tau": [0.1]}}}', "defaults.foi.tau"),
        (Notes, '{"native_sice": 512}', "native_sice is 512"),
        (Notes, "[]", "should be an object"),
        (Notes, "[" * 100_000, "recursion limit"),
        (Notes, '{"name": ' + "[" * 100_000, "recursion limit"),
        (Notes, b"\xff\xfe{}", "Invalid JSON"),
        (Notes, b"", "Invalid JSON"),
        (UNet, '{"in_channels": [4]}', "in_channels is [4]"),
        (UNet, '{"in_channels": null}', "in_channels is None"),
        (UNet, '{"_class_name": "FluxTransformer2DModel"}', "'FluxTransformer2DModel'"),
        (UNet, '{"block_out_channels": []}', "at least 1"),
        (UNet, '{"block_out_channels": [1000000000]}', "less than or equal to 8192"),
        (UNet, '{"down_block_types": ["os.system"]}', "'os.system'"),
        (UNet, '{"quantization_config": {"quant_method": "gguf"}}', "quantization_config"),
        (UNet, '{"addition_embed_type": "text_time"}', "addition_embed_type is 'text_time'"),
        (VAE, '{"scaling_factor": NaN}', "scaling_factor is nan"),
        (VAE, '{"latent_channels": 16}', "latent_channels is 16"),
        (TextEncoder, '{"model_type": "t5"}', "model_type is 't5'"),
        (TextEncoder, '{"hidden_size": 1e3}', "hidden_size"),
        (Scheduler, '{"num_train_timesteps": 1099511627776}', "less than or equal to 10000"),
        (Scheduler, '{"num_train_timesteps": ' + "9" * 6000 + "}", "out of range"),
        (Scheduler, '{"prediction_type": "sample"}', "'sample'"),
        (Scheduler, '{"beta_end": 1}', "less than 1"),
        (Scheduler, '{"trained_betas": [0.1]}', "1 betas for 1000 timesteps"),
        (Scheduler, '{"_class_name": "FlowMatchEulerDiscreteScheduler"}', "FlowMatch"),
        (TokenizerConfig, '{"bos_token": 5}', "bos_token is 5"),
        (Vocabulary, '{"model": {"vocab": {"a": -1}, "merges": []}}', "greater than or equal"),
        (TinyVAE, '{"num_encoder_blocks": 3}', "num_encoder_blocks is 3"),
    ],
)  # fmt: skip
def test_what_can_not_be_used_is_told_with_its_place(
    kind: type[Any], text: str | bytes, said: str
) -> None:
    with pytest.raises(UnreadableModel) as caught:
        parse(kind, text, "some/file.json")
    assert "some/file.json" in caught.value.sentence
    assert said in caught.value.sentence
    assert len(caught.value.sentence) < 600 and caught.value.remedy


def test_keys_that_nobody_knows_reach_no_library() -> None:
    hostile = {
        "_class_name": "UNet2DConditionModel",
        "auto_map": {"AutoModel": "evil.Evil"},
        "attn_implementation": "kernels-community/evil",
        "_attn_implementation": "kernels-community/evil",
        "trust_remote_code": True,
        "_target_": "os.system",
    }
    for kind in (UNet, VAE, TextEncoder, TinyVAE, Scheduler):
        text = json.dumps({k: v for k, v in hostile.items() if k != "_class_name"})
        assert parse(kind, text, "file").arguments() == {}


@pytest.mark.parametrize("kind", KINDS)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
        lambda inner: (
            st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
        ),
        max_leaves=8,
    ),
    st.data(),
)
def test_any_value_under_any_key_is_taken_or_refused_in_a_sentence(
    kind: type[Any], value: object, data: st.DataObject
) -> None:
    keys = [field.alias or name for name, field in kind.model_fields.items()]
    key = data.draw(st.sampled_from(keys))
    try:
        parse(kind, json.dumps({key: value}), "file")
    except UnreadableModel as error:
        assert error.sentence.startswith("file can't be used: ")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes with a name")
def test_only_regular_files_of_a_bounded_size_are_read(tmp_path: Path) -> None:
    pipe, large = tmp_path / "pipe", tmp_path / "large"
    os.mkfifo(pipe)
    large.write_bytes(b" " * 2001)
    for file, said in (
        (pipe, "is not a file"),
        (tmp_path, "directory"),
        (Path("/dev/zero"), "is not a file"),
        (tmp_path / "absent", "No such file"),
    ):
        with pytest.raises(UnreadableModel, match=said):
            read(Notes, file)
    with pytest.raises(UnreadableModel, match="more than"):
        checked_json.read_bytes(large, 2000)
    assert checked_json.read_bytes(large, 2001) == b" " * 2001
