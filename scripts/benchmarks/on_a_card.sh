#!/usr/bin/env bash
# What a graphics card has to show, in under 8 minutes; run it from the repository on a machine that has one.
#
#   scripts/benchmarks/on_a_card.sh [FOLDER]      FOLDER gets the logs; without one, on_a_card/ here
#   COMFYUI_PATH=... scripts/benchmarks/on_a_card.sh    in that ComfyUI; DynamicVRAM needs 0.15 or newer
#   PUBLISHED=... scripts/benchmarks/on_a_card.sh       a checkout of the authors' code, github.com/GongyeLiu/StyleCrafter
#
# 1. the demo on the card, as the host starts by itself and without DynamicVRAM: the same videos and pictures
# 2. 16 frames of 320x512 in bf16 and fp16, SDXL at 1024x1024, a training step of each stage: time, peak memory
#    beside what the fake card expects, share of the matrix rate
# 3. one styled pass over 16 frames of 320x512 in float32, bf16 and fp16, against float32 on the processor and, where
#    PUBLISHED names it, the published code on the card, on the same random weights
# 4. the first training stage in miniature, against the published step
# 5. the start of the host with the pack and without
#
# Each part has its own limit and goes on without the others; the last lines say what ran.
set -u
folder=${1:-on_a_card}
mkdir -p "$folder"
summary=()

part() { # name, seconds, command...
  local name=$1 limit=$2
  shift 2
  local start=$SECONDS
  timeout "$limit" "$@" >"$folder/$name.log" 2>&1
  summary+=("$name: exit status $?, $((SECONDS - start)) s, $folder/$name.log")
}

nvidia-smi --query-gpu=name,memory.total,driver_version --format=csv >"$folder/card.txt" 2>&1
part demo 95 python scripts/demo.py
cp -r .demo/output "$folder/demo" 2>/dev/null
if grep -q disable-dynamic-vram "${COMFYUI_PATH:-}/comfy/cli_args.py" 2>/dev/null; then
  part demo_without_dynamic_vram 95 python scripts/demo.py --host-option=--disable-dynamic-vram
  cp -r .demo/output "$folder/demo_without_dynamic_vram" 2>/dev/null
else
  summary+=("demo_without_dynamic_vram: left out, this ComfyUI has no DynamicVRAM")
fi
part gpu 120 python scripts/bench.py gpu
part agreement 90 python scripts/bench.py agreement ${PUBLISHED:+--published "$PUBLISHED"}
part train 50 python scripts/bench.py train
part startup 30 python scripts/bench.py startup
printf '%s\n' "${summary[@]}"
