#!/usr/bin/env bash
# What a graphics card has to show, in under 8 minutes; run it from the repository on a machine that has one.
#
#   scripts/benchmarks/on_a_card.sh [FOLDER]      FOLDER gets the logs; without one, on_a_card/ here
#
# 1. the demo: the host's own start on the card, a styled picture and video through it
# 2. 16 frames of 320x512 in bf16 and fp16, SDXL at 1024x1024: time, peak memory, share of the matrix rate;
#    docs/benchmarks.md holds the peaks and times that the fake card expects
# 3. the start of the host with the pack and without
# 4. the first training stage, against the published step
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
part demo 150 python scripts/demo.py
part gpu 170 python scripts/bench.py gpu
part startup 60 python scripts/bench.py startup
part train 80 python scripts/bench.py train
printf '%s\n' "${summary[@]}"
