#!/bin/sh
# Runs built test programs and sums up. The last line reads 'N passed, N failed, N skipped'.
#   tests/run.sh [CONFIG]               all of them, as built with the chosen dependencies
#   tests/run.sh CONFIG compat NAME...  the named ones, as built with -p:Dependencies=compat beside the others
# With REQUIRE_TOOLS=1 a test that was skipped because a tool is missing counts as failed; a GPU is no tool that could be installed.
config=${1:-Release} mode=${2:-}
[ $# -gt 2 ] && shift 2 && only=" $* "
cd "$(dirname "$0")/.." || exit 1
if command -v npm >/dev/null 2>&1 && [ ! -d tests/foreign/node_modules ]; then
    (cd tests/foreign && npm ci --silent --no-fund --no-audit) || echo "npm ci failed: the foreign client's tests will be skipped"
fi
total=0 failed=0 skipped=0 without_gpu=0

# run_tests TITLE LOG COMMAND...: runs a test program and adds up.
run_tests() {
    title=$1 log=$2
    shift 2
    echo "== $title"
    timeout -k 10 1800 "$@" -noColor -noLogo >"$log" 2>&1
    code=$?
    summary=$(grep -E 'Total: [0-9]+, Errors: ' "$log" | tail -n 1)
    number() { echo "$summary" | sed -E "s/.*$1: ([0-9]+).*/\1/"; }
    if [ -z "$summary" ]; then
        cat "$log"; echo "$title ended with code $code and no summary"; failed=$((failed + 1)) total=$((total + 1)); return
    fi
    t=$(number Total) e=$(number Errors) f=$(number Failed) s=$(number Skipped)
    without_gpu=$((without_gpu + $(grep -cE '^ +needs a GPU: ' "$log")))
    # What passed needs no words but for its skips; a failure shows everything.
    if [ "$code" -eq 0 ]; then
        grep -A 1 -F '[SKIP]' "$log" | grep -vE '^--$'; echo "$summary"
    else
        cat "$log"
    fi
    total=$((total + t)) failed=$((failed + f + e)) skipped=$((skipped + s))
    if [ "$code" -ne 0 ] && [ $((f + e)) -eq 0 ]; then
        echo "$title ended with code $code"; failed=$((failed + 1)); total=$((total + 1))
    fi
}

for project in tests/*/*.csproj; do
    name=$(basename "$project" .csproj)
    folder=$(dirname "$project")
    case "${only:- $(basename "$folder") }" in *" $(basename "$folder") "*) ;; *) continue ;; esac
    run_tests "$name${mode:+ ($mode)}" "$folder/obj/test${mode:+-$mode}.log" "$folder/bin/${mode:+$mode/}$config/net10.0/$name"
done

# Every test of a GPU once more, row by row, on the one in software, whether or not there is a real one.
if [ -z "$mode" ]; then
    if why=$(tests/Emulation/why_not.sh); then
        for folder in tests/Compat.ManagedCuda tests/Kernels; do
            name=QuaRot.$(basename "$folder").Tests
            run_tests "$name (emulated GPU)" "$folder/obj/test-emulated.log" tests/Emulation/emulated.sh "$folder/bin/$config/net10.0/$name" -preEnumerateTheories -trait device=gpu
        done
    else
        echo "== emulated GPU"; echo "    [SKIP] $why"
        total=$((total + 1)) skipped=$((skipped + 1))
    fi
fi
passed=$((total - failed - skipped))
if [ "${REQUIRE_TOOLS:-0}" = 1 ] && [ "$skipped" -gt "$without_gpu" ]; then
    echo "Skipped tests count as failures here (REQUIRE_TOOLS=1)."
    failed=$((failed + skipped - without_gpu)) skipped=$without_gpu
fi
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
