"""The small family's recipe, a few steps of everything: its files are ones that the nodes load."""

from __future__ import annotations

import json
import re
import shutil

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors import safe_open
from safetensors.torch import load_file
from small_family import run_script

pytestmark = pytest.mark.launched


@pytest.fixture(scope="module")
def loaded(host, pack, run_node, small_family):
    """MODEL, CLIP and VAE from the base, by the pack's loader."""
    shutil.copy(small_family / "base.safetensors", host.models("checkpoints") / "small.safetensors")
    shutil.copy(small_family / "image_encoder.safetensors", host.models("clip_vision") / "small.safetensors")
    names = {"ckpt_name": "small.safetensors", "adapter_name": "none", "temporal_name": "none"}
    return run_node("StyleCrafterVideoModelLoader", **names)[:3]


@pytest.fixture(scope="module")
def picture(small_family) -> torch.Tensor:
    """The first picture, [1, H, W, 3] in 0..1."""
    with Image.open(small_family / "data" / "pictures" / "00000.jpg") as file:
        return torch.from_numpy(np.array(file)).float()[None] / 255


def test_the_hosts_autoencoder_gives_the_latents_that_were_learnt_from(loaded, small_family, picture):
    model, _, vae = loaded
    with torch.no_grad():
        latents = model.model.process_latent_in(vae.encode(picture))
    recorded = load_file(small_family / "latents.safetensors")["pictures"][:1].float()
    torch.testing.assert_close(latents.reshape(recorded.shape).float(), recorded, atol=5e-3, rtol=0)


def test_a_latent_decodes_to_a_picture(loaded, picture):
    vae = loaded[2]
    with torch.no_grad():
        decoded = vae.decode(vae.encode(picture))
    assert decoded.shape[-3:] == (128, 128, 3)
    assert bool(decoded.isfinite().all())


def test_prompts_have_tokens_of_the_bases_width(loaded):
    clip = loaded[1]
    tokens = clip.encode_from_tokens(clip.tokenize("a red fox"))
    assert tokens.shape[1:] == (77, 64)


def test_the_image_encoder_reads_pictures(loaded, run_node, picture):
    (encoder,) = run_node("StyleCrafterImageEncoderLoader", encoder_name="small.safetensors")
    with torch.no_grad():
        states = encoder.encode_image(picture)["last_hidden_state"]
    assert states.shape == (1, 7 * 7 + 1, 128)


def test_a_second_time_makes_nothing_anew(small_family, host):
    times = {path: path.stat().st_mtime_ns for path in small_family.glob("*.safetensors")}
    assert len(times) == 5
    shutil.rmtree(small_family.parent / "style network")
    run_script("small_family_run.py", small_family.parent, host.path, "sixteen")
    assert {path: path.stat().st_mtime_ns for path in small_family.glob("*.safetensors")} == times


@pytest.mark.parametrize("stage", ["plain_base", "base"])
def test_eight_subjects_begin_with_the_published_weights(family_of_eight, pytestconfig, stage):
    published = load_file(pytestconfig.rootpath / "weights" / "stylecrafter_small.safetensors")
    made = load_file(family_of_eight / f"{stage}.safetensors")
    assert made.keys() == published.keys()
    learnt = {name for name, tensor in made.items() if not torch.equal(tensor, published[name])}
    assert any(name.startswith("model.diffusion_model.") for name in learnt), "two steps change something"
    decoder = "first_stage_model.taesd_decoder."
    places = ("model.diffusion_model.", decoder) if stage == "base" else ("model.diffusion_model.",)
    assert all(name.startswith(places) for name in learnt)
    assert any(name.startswith(decoder) for name in learnt) == (stage == "base")
    moved = torch.cat([(made[name] - published[name]).flatten() for name in learnt]).float()
    size = torch.cat([published[name].flatten() for name in learnt]).float()
    assert moved.std() < 0.1 * size.std()


def test_plain_pictures_leave_the_temporal_blocks_and_silence_them(family_of_eight, pytestconfig):
    published = load_file(pytestconfig.rootpath / "weights" / "stylecrafter_small.safetensors")
    places = re.compile(r"\.(init_attn\.0|(in|out)put_blocks\.\d+\.2|middle_block\.2)\.")
    inside = [name for name in published if places.search(name)]
    assert len(inside) > 100
    plain, later = (load_file(family_of_eight / f"{stage}.safetensors") for stage in ("plain_base", "base"))
    outputs = [name for name in inside if ".proj_out." in name]
    assert len(outputs) == 2 * 8  # weight and bias of eight blocks
    assert not any(plain[name].any() for name in outputs)
    assert all(torch.equal(plain[name], published[name]) for name in inside if name not in outputs)
    assert not all(torch.equal(later[name], published[name]) for name in inside)


def test_eight_subjects_are_drawn_at_96_pixels(family_of_eight):
    latents = load_file(family_of_eight / "latents.safetensors")
    assert latents["pictures"].shape == (54, 4, 12, 12)
    assert load_file(family_of_eight / "plain_latents.safetensors")["pictures"].shape == (20, 4, 12, 12)


def test_plain_pictures_are_those_of_the_data(family_of_eight):
    """Drawn and encoded without a file between, but for what JPEG takes."""
    lines = (family_of_eight / "data" / "records.jsonl").read_text(encoding="utf-8").splitlines()
    records = [record for record in map(json.loads, lines) if record["file"].startswith("pictures")]
    latents = load_file(family_of_eight / "latents.safetensors")["pictures"].float()
    plain = load_file(family_of_eight / "plain_latents.safetensors")["pictures"].float()
    with safe_open(family_of_eight / "plain_latents.safetensors", "pt") as file:
        captions = json.loads(file.metadata()["captions"])
    found = [place for place, record in enumerate(records) if record["style"] is None]
    assert len(found) == 18
    for place in found:
        number = records[place]["content"]
        assert captions[number] == records[place]["caption"]
        torch.testing.assert_close(plain[number], latents[place], atol=0.5, rtol=0)


@pytest.mark.skipif(torch.version.cuda is None, reason="torch is built without CUDA")
def test_no_step_of_the_base_leaves_the_graphics_card(host):
    run_script("small_card_run.py", host.path)
