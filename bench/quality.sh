#!/bin/sh
# The quality tables of the README: perplexity of the demo model in several formats, median over the seeds for rotated rows.
#   bench/quality.sh [TEXT [SEEDS]]        (QUAROT names the program, WORK keeps the quantized models)
set -eu
text=${1:-assets/eval.txt}
seeds=${2:-"0 1 2"}
quarot=${QUAROT:-Cli/bin/Release/net10.0/quarot}
work=${WORK:-models/quality}
source=assets/lexi-21m
mkdir -p "$work"

perplexity() { # MODEL
    "$quarot" eval "$1" --text "$text" --json | sed -E 's/.*"perplexity":([0-9.]+).*/\1/'
}

row() { # NAME SEEDS OPTIONS...
    name=$1 runs=$2
    shift 2
    all=""
    for seed in $runs; do
        model="$work/$(echo "$* $seed" | tr -c 'a-z0-9\n' '_')"
        [ -d "$model" ] || "$quarot" quantize "$source" "$model" --seed "$seed" "$@" >/dev/null
        all="$all $(perplexity "$model")"
    done
    median=$(echo "$all" | tr ' ' '\n' | grep . | sort -g | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }')
    printf '| %s | %.2f | %s |\n' "$name" "$median" "$(for p in $all; do printf '%.2f ' "$p"; done)"
}

echo "| format | perplexity | each seed |"
echo "|---|---|---|"
printf '| FP32 | %.2f | |\n' "$(perplexity "$source")"
row "W4A4KV4, not rotated, RTN" 0 --no-rotate --no-clip-search
row "W4A4KV4, not rotated, RTN + clip search" 0 --no-rotate
row "rotated, KV4 alone" "$seeds" --wbits 16 --abits 16
row "rotated, W4A4KV4, RTN" "$seeds" --no-clip-search
row "**rotated, W4A4KV4, RTN + clip search**" "$seeds"
row "rotated, W4A8KV4, RTN" "$seeds" --abits 8 --no-clip-search
row "rotated, W6A6KV6, RTN" "$seeds" --wbits 6 --abits 6 --kbits 6 --vbits 6 --no-clip-search
row "rotated, W8A8KV8, RTN" "$seeds" --wbits 8 --abits 8 --kbits 8 --vbits 8 --no-clip-search
row "rotated, W4A16, RTN + clip search" "$seeds" --abits 16 --kbits 16 --vbits 16
gptq="--weights gptq --recipe paper"
row "rotated, W4A16, GPTQ" "$seeds" $gptq --abits 16 --kbits 16 --vbits 16
row "rotated, W4A4KV4, GPTQ without clip search" "$seeds" $gptq --no-clip-search
row "rotated, W4A4KV4, GPTQ" "$seeds" $gptq
row "rotated, W4A4KV4, GPTQ, groups of 128 (weights and activations)" "$seeds" $gptq --group-size 128 --activation-group-size 128
row "rotated, W4A4KV4, GPTQ, groups of 64 (weights and activations)" "$seeds" $gptq --group-size 64 --activation-group-size 64
row "rotated, W4A8KV4, GPTQ" "$seeds" $gptq --abits 8
row "**rotated, W4A4KV4, full recipe**" "$seeds" --weights gptq
row "rotated, W4A4KV4, full recipe, groups of 128 (weights)" "$seeds" --weights gptq --group-size 128
row "rotated, W4A8KV4, full recipe" "$seeds" --weights gptq --abits 8
