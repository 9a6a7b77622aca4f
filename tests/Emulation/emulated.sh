#!/bin/sh
# Runs a command with the emulated GPU in the place of the driver and of NVRTC.
#   tests/Emulation/emulated.sh tests/Kernels/bin/Release/net10.0/QuaRot.Kernels.Tests -class '*Gpu*'
#   EMULATOR_CAPABILITY=80 tests/Emulation/emulated.sh ...     (86 without it; EMULATOR_DEVICES: 2 without it)
set -eu
folder=$("$(dirname "$0")/build.sh")
unset QUAROT_NVRTC
export EMULATOR_DEVICES="${EMULATOR_DEVICES:-2}"
LD_LIBRARY_PATH=$folder${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH} exec "$@"
