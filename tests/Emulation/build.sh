#!/bin/sh
# Builds the emulated CUDA driver and compiler (one library for both) under the names that the loader is asked for, and prints the folder.
#   tests/Emulation/build.sh [FOLDER]
set -eu
here=$(cd "$(dirname "$0")" && pwd)
folder=${1:-$here/obj/emulator}
mkdir -p "$folder"
target=$folder/libemulatedcuda.so
# Several test programs may build at once: each writes a file of its own and moves it there.
if [ ! -e "$target" ] || [ -n "$(find "$here/Cuda" "$0" -newer "$target")" ]; then
    "${CXX:-g++}" -std=c++20 -O2 -ftree-vectorize -march=x86-64-v3 -ffp-contract=off -U_FORTIFY_SOURCE -fcf-protection=none -fPIC -shared \
        -fno-semantic-interposition -Wall -Wextra -Wl,-Bsymbolic -Wl,-soname,libemulatedcuda.so "-DEMULATOR_HEADERS=\"$here/Cuda\"" "$here"/Cuda/*.cpp -o "$target.$$" -ldl -lpthread
    mv "$target.$$" "$target"
fi
for name in libcuda.so.1 libnvrtc.so.12 libnvrtc.so.13; do ln -sf libemulatedcuda.so "$folder/$name"; done
echo "$folder"
