"""Steps of the small family's base with every tensor on a graphics card that is not there: `… HOST`.

In torch's fake mode tensors have a device and no values: two devices in one operation raise, and so does
whatever reads a value, for which a card would have to be waited for. The gradient is left out: torch's engine
asks the card itself.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path += [str(ROOT / "scripts"), str(ROOT)]


def main(host: Path) -> None:
    from stylecrafter_core.training.host.find import activate

    activate(host, cpu=True, exact_attention=True)
    import torch
    from torch._subclasses.fake_tensor import FakeTensorMode

    from lab.family import base, learning
    from stylecrafter_core.comfy_host.model import build_model
    from stylecrafter_core.training.optimiser import make_optimiser

    def normal(shape: tuple[int, ...], random: torch.Generator, device: torch.device) -> torch.Tensor:
        return torch.randn(*shape, device=device)  # a card's generator needs a card

    base.normal = learning.normal = normal
    card = torch.device("cuda:0")
    this = base.Round(4, 1e-3, noise_offset=0.3, noise_gain=0.2)
    with FakeTensorMode():
        model = build_model(base.unet_spec(), torch.float32, None, card)
        unet = model.diffusion_model
        rows = torch.zeros(9, dtype=torch.long)
        shown = base.Shown(
            torch.zeros(9, 4, 12, 12).half(),
            torch.zeros(9, 8, 4, 12, 12).half(),
            torch.zeros(1, 77, base.networks.CONTEXT),
            rows,
            rows,
        ).to(card)
        weights = dict(unet.named_parameters())
        for step, one in ((0, this), (1, this), (0, replace(this, plain=True, wider=8, muon=True))):
            optimiser = make_optimiser(one.optimiser(), weights.items())
            loss = base.round_loss(model, shown, 0, one, 0, step)
            for weight in weights.values():
                weight.grad = torch.zeros_like(weight)
            torch.nn.utils.clip_grad_norm_(weights.values(), 1.0)
            optimiser.step()
            assert loss.device == card, loss.device
        assert {weight.device for weight in weights.values()} == {card}


if __name__ == "__main__":
    main(Path(sys.argv[1]))
