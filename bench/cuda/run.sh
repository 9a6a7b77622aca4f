#!/bin/sh
# Builds the w4a4 harness with nvcc, checks every kernel bit for bit, then times them. Needs a Hopper GPU and CUDA 12.8 or later.
#   bench/cuda/run.sh [SEED]        (OUT names the folder for the build and the logs)
set -eu
cd "$(dirname "$0")"
seed=${1:-$(date +%s)}
out=${OUT:-/tmp/w4a4_bench}
mkdir -p "$out"
nvcc -O3 -std=c++17 -gencode=arch=compute_90a,code=sm_90a -Xptxas -v -o "$out/w4a4_bench" w4a4_bench.cu -lcuda 2>"$out/build.log" ||
    { cat "$out/build.log"; exit 1; }
grep -E 'C75[0-9][0-9]|[1-9][0-9]* bytes spill' "$out/build.log" || true
timeout 120 "$out/w4a4_bench" check "$seed" >"$out/check.log" || { grep -v equal "$out/check.log"; exit 1; }
tail -1 "$out/check.log"
timeout 200 "$out/w4a4_bench" time "$seed" | tee "$out/time.log"
