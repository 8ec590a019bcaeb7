"""Where pretraining starts: a U-Net that answers with its own input, which is nearly right for noise."""

from __future__ import annotations

from ...spec import UNetSpec
from .networks import Tensors

RESIDUALS = ("out_layers.3.weight", "proj_out.weight")
FIRST, MERGE, LAST = "input_blocks.0.0.weight", "output_blocks.3.0.skip_connection.weight", "out.2.weight"


def answer_with_the_input(tensors: Tensors, spec: UNetSpec) -> None:
    """Changes the tensors of `networks.unet_tensors` so that ε_θ(x) is x, normalised per channel.

    Every residual branch adds zero. The latent's channels run through the outermost skip connection, x and
    −x side by side, since the last activation gives silu(x) − silu(−x) = x; the norm before it sees one
    channel at a time where there are as many channels as groups (32).
    """
    for name, tensor in tensors.items():
        if name.endswith(RESIDUALS):
            tensor.zero_()
    channels = spec.in_channels
    tensors[FIRST][:channels].zero_()
    tensors[MERGE][: 2 * channels].zero_()
    tensors[LAST].zero_()
    for i in range(channels):
        skipped = spec.model_channels + i  # what comes from below stands before what was skipped
        tensors[FIRST][i, i, 1, 1] = 1
        tensors[MERGE][i, skipped], tensors[MERGE][channels + i, skipped] = 1, -1
        tensors[LAST][i, i, 1, 1], tensors[LAST][i, channels + i, 1, 1] = 1, -1
