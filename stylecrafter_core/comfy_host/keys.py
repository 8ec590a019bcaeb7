"""Names under which this pack's data travels through the host."""

STYLE = "stylecrafter_style"  # in a condition's model_conds, and as keyword of the diffusion model
NUM_FRAMES = "stylecrafter_num_frames"  # in transformer_options: frames of one video
WRAPPER = "stylecrafter"  # key of the wrappers and additional models on a MODEL
