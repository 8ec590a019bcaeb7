"""Names under which this pack's data travels through the host."""

STYLE = "stylecrafter_style"  # in a condition's model_conds, and as keyword of the diffusion model
NUM_FRAMES = "stylecrafter_num_frames"  # in transformer_options: frames of one video
INDEPENDENT_FRAMES = "stylecrafter_independent_frames"  # in transformer_options: rows are pictures
WRAPPER = "stylecrafter"  # key of the wrappers and additional models on a MODEL
DUAL_CFG = "stylecrafter_dual_cfg"  # key of the wrapper that brings dual guidance to plain samplers
GUIDANCE_INTERVAL = "stylecrafter_guidance_interval"  # in transformer_options: (start, end) in 0..1
ROLES = "stylecrafter_roles"  # in transformer_options: 0 (positive) or 1 (negative) for each condition
FRAME_WINDOWS = "stylecrafter_frame_windows"  # key of the wrapper that runs context windows over frames
