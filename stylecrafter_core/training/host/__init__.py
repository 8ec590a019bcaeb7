"""The trainer's side of ComfyUI: which one to use, frozen bases, new adapters, the styled network."""
