"""One pass of the published code: `… CHECKOUT FRAMES HEIGHT WIDTH OUT`; in a process of its own.

CHECKOUT is a folder with the authors' repository; its modules have names that ComfyUI has, too. Weights and
inputs are those of `random_weights`; OUT gets the predicted noise [1, 4, FRAMES, HEIGHT, WIDTH] in float32.
"""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from types import ModuleType

import torch
import yaml
from random_weights import TIMESTEP, adapter_tensors, inputs, unet_tensors
from torch.nn.functional import scaled_dot_product_attention

CONFIG = "configs/inference_video_320_512.yaml"


def main(checkout: Path, frames: int, height: int, width: int, out: Path) -> None:
    sys.path.insert(0, str(checkout))
    _stand_in()
    config = yaml.safe_load((checkout / CONFIG).read_text(encoding="utf-8"))["model"]["params"]
    device = "cuda" if torch.cuda.is_available() else "cpu"
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    unet = _build(config["unet_config"], use_checkpoint=False)
    unet.load_state_dict(unet_tensors())
    adapter = _build(config["adapter_config"])
    adapter.create_cross_attention_adapter(unet)
    adapter.load_state_dict(adapter_tensors())
    unet.eval().to(device)
    adapter.eval().to(device)
    given = {name: tensor.to(device) for name, tensor in inputs(frames, height, width).items()}
    with torch.inference_mode():
        style = adapter(given["clip_tokens"])
        scale = adapter.scale_predictor(torch.cat([style, given["text"]], dim=1))
        noise = unet(
            given["x"],
            torch.tensor([TIMESTEP], device=device),
            context=given["text"],
            append_to_context=style,
            scale_scalar=scale,
        )
    torch.save(noise.cpu(), out)


def _stand_in() -> None:
    """For packages that the published code imports: cv2 is used beside the networks only; xformers in them.

    Without xformers the published code takes another way, which forgets the scale of the style's attention.
    torch's own attention is the same function.
    """
    xformers, operations = ModuleType("xformers"), ModuleType("xformers.ops")
    operations.memory_efficient_attention = lambda q, k, v, **_: scaled_dot_product_attention(q, k, v)
    xformers.ops = operations
    sys.modules.update({"cv2": ModuleType("cv2"), "xformers": xformers, "xformers.ops": operations})


def _build(config: dict, **changes: object) -> torch.nn.Module:
    module, _, name = config["target"].rpartition(".")
    return getattr(importlib.import_module(module), name)(**{**config["params"], **changes})


if __name__ == "__main__":
    main(Path(sys.argv[1]), *map(int, sys.argv[2:5]), Path(sys.argv[5]))
