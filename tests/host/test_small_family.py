"""The small family's recipe, a few steps of everything: its files are ones that the nodes load."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

pytestmark = pytest.mark.launched


@pytest.fixture(scope="module")
def made(host, tmp_path_factory) -> Path:
    """The recipe's work folder."""
    folder = tmp_path_factory.mktemp("small")
    script = Path(__file__).with_name("small_family_run.py")
    done = subprocess.run(
        [sys.executable, str(script), str(folder), str(host.path)],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return folder / "work"


@pytest.fixture(scope="module")
def loaded(host, pack, run_node, made):
    """MODEL, CLIP and VAE from the base, by the pack's loader."""
    shutil.copy(made / "base.safetensors", host.models("checkpoints") / "small.safetensors")
    shutil.copy(made / "image_encoder.safetensors", host.models("clip_vision") / "small.safetensors")
    names = {"ckpt_name": "small.safetensors", "adapter_name": "none", "temporal_name": "none"}
    return run_node("StyleCrafterVideoModelLoader", **names)[:3]


@pytest.fixture(scope="module")
def picture(made) -> torch.Tensor:
    """The first picture, [1, H, W, 3] in 0..1."""
    with Image.open(made / "data" / "pictures" / "00000.jpg") as file:
        return torch.from_numpy(np.array(file)).float()[None] / 255


def test_the_hosts_autoencoder_gives_the_latents_that_were_learnt_from(loaded, made, picture):
    model, _, vae = loaded
    with torch.no_grad():
        latents = model.model.process_latent_in(vae.encode(picture))
    recorded = load_file(made / "latents.safetensors")["pictures"][:1].float()
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


def test_a_second_time_makes_nothing_anew(made, host):
    times = {path: path.stat().st_mtime_ns for path in made.glob("*.safetensors")}
    assert len(times) == 5
    shutil.rmtree(made.parent / "style network")
    script = Path(__file__).with_name("small_family_run.py")
    subprocess.run([sys.executable, str(script), str(made.parent), str(host.path)], check=True)
    assert {path: path.stat().st_mtime_ns for path in made.glob("*.safetensors")} == times
