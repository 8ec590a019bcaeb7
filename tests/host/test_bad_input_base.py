"""Video bases that lack something: refused in words before anything is built, whatever it is."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
import torch
from jobs import core
from safetensors.torch import load_file, save_file

WEIGHTS = "weights/stylecrafter_small.safetensors"
UNET, TEXT, VAE = "model.diffusion_model.", "cond_stage_model.model.", "first_stage_model."

Tensors = dict[str, torch.Tensor]


@pytest.fixture(scope="module")
def whole(pytestconfig: pytest.Config) -> Tensors:
    return load_file(pytestconfig.rootpath / WEIGHTS)


@pytest.fixture
def load(host: Any, pack: Any, run_node: Callable) -> Callable[[Tensors], Any]:
    def load(tensors: Tensors) -> Any:
        save_file(
            {name: tensor.contiguous() for name, tensor in tensors.items()},
            host.models("checkpoints") / "odd.safetensors",
        )
        return run_node(
            "StyleCrafterVideoModelLoader",
            ckpt_name="odd.safetensors",
            adapter_name="none",
            temporal_name="none",
        )

    return load


def without(pattern: str) -> Callable[[Tensors], Tensors]:
    return lambda whole: {name: tensor for name, tensor in whole.items() if not re.search(pattern, name)}


def resized(name: str, *shape: int) -> Callable[[Tensors], Tensors]:
    return lambda whole: {**whole, name: torch.zeros(shape)}


DAMAGES = {
    "no middle block": without(r"middle_block\."),
    "half a middle block": without(r"middle_block\.1\.proj_out"),
    "no output blocks": without(r"output_blocks\."),
    "an output block less": without(r"output_blocks\.1\."),
    "the last output blocks less": without(r"output_blocks\.(2|3)\."),
    "an input block less": without(r"input_blocks\.2\."),
    "no time embedding": without(r"time_embed"),
    "no head": without(r"diffusion_model\.out\."),
    "no temporal blocks in the middle": without(r"middle_block\.2\."),
    "no token embedding": without("token_embedding"),
    "no position embedding": without("cond_stage_model.model.positional_embedding"),
    "no last norm of the text": without("cond_stage_model.model.ln_final"),
    "no text blocks": without(r"cond_stage_model.model.transformer\."),
    "a text block less": without(r"resblocks\.0\."),
    "one weight of the text less": without(r"resblocks\.1\.attn\.in_proj_weight"),
    "one text block alone": without(r"resblocks\.([1-9]|\d\d)\."),
    "half an autoencoder": without(r"first_stage_model\.taesd_decoder\.3\."),
    "an autoencoder's encoder alone": without(r"first_stage_model\.taesd_decoder"),
    "a vocabulary of its own": resized(f"{TEXT}token_embedding.weight", 100, 64),
    "a text of another width": resized(f"{TEXT}ln_final.weight", 72),
    "a first layer of immense width": resized(f"{UNET}input_blocks.0.0.weight", 300_000, 4, 3, 3),
    "a first layer of no multiple": resized(f"{UNET}input_blocks.0.0.weight", 7, 4, 3, 3),
    "a wide time embedding": resized(f"{UNET}time_embed.0.weight", 64, 64),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_base_that_lacks_something(
    pack: Any, whole: Tensors, load: Callable[[Tensors], Any], damage: str
) -> None:
    damaged = DAMAGES[damage](whole)
    assert damaged.keys() != whole.keys() or any(damaged[n].shape != whole[n].shape for n in whole)
    with pytest.raises(core(pack, "errors").WeightFileError) as caught:
        load(damaged)
    assert "odd.safetensors" in caught.value.what
    assert caught.value.found
    assert caught.value.fix


def test_a_base_without_text_encoder_and_autoencoder(
    pack: Any, whole: Tensors, load: Callable[[Tensors], Any]
) -> None:
    model, clip, vae, adapter = load(without("cond_stage_model|first_stage_model")(whole))
    assert model is not None
    assert (clip, vae, adapter) == (None, None, None)


def test_what_the_host_saves_of_a_video_model_loads_again(
    host: Any, pack: Any, run_node: Callable, whole: Tensors, load: Callable[[Tensors], Any]
) -> None:
    """Under its published names, each tensor with the same bytes: a merge or a baked LoRA is a new base."""
    model, clip, vae, _ = load(whole)
    run_node("CheckpointSave", model=model, clip=clip, vae=vae, filename_prefix="saved/whole")
    saved = load_file(next((host.output / "saved").glob("whole_*.safetensors")))
    for name, tensor in saved.items():
        if name in whole and not name.endswith("logit_scale"):  # which nothing reads
            torch.testing.assert_close(tensor.float(), whole[name].float(), atol=0, rtol=0, msg=name)
    assert {name for name in whole if name.startswith((UNET, TEXT, VAE))} <= set(saved)
    again, clip_again, vae_again, _ = load(saved)
    for one, other in (
        (model.model.diffusion_model, again.model.diffusion_model),
        (clip.cond_stage_model, clip_again.cond_stage_model),
        (vae.first_stage_model, vae_again.first_stage_model),
    ):
        for (name, first), second in zip(one.state_dict().items(), other.state_dict().values(), strict=True):
            assert torch.equal(first, second), name


def test_a_merge_saved_as_a_model_loads_again(
    host: Any, pack: Any, run_node: Callable, whole: Tensors, load: Callable[[Tensors], Any]
) -> None:
    first = load(whole)[0]
    moved = {name: tensor * 1.5 if name.startswith(UNET) else tensor for name, tensor in whole.items()}
    (merged,) = run_node("ModelMergeSimple", model1=first, model2=load(moved)[0], ratio=0.5)
    run_node("ModelSave", model=merged, filename_prefix="saved/merge")
    model, clip, vae, _ = load(load_file(next((host.output / "saved").glob("merge_*.safetensors"))))
    assert (clip, vae) == (None, None)
    name = "middle_block.2.proj_in.weight"
    expected = 1.25 * whole[f"{UNET}{name}"].float()
    out = model.model.diffusion_model.state_dict()[name].float()
    torch.testing.assert_close(out, expected, atol=1e-3, rtol=1e-2)


def test_a_model_saved_under_other_names_is_named(
    pack: Any, whole: Tensors, load: Callable[[Tensors], Any]
) -> None:
    renamed = {
        name.replace("embeddings_table", "weight").replace("init_attn.0.", "input_blocks.0.1."): tensor
        for name, tensor in whole.items()
    }
    with pytest.raises(core(pack, "errors").WeightFileError, match="saved before StyleCrafter gave"):
        load(renamed)
