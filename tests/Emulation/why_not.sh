#!/bin/sh
# Succeeds where GPUs can be emulated; else says what is missing.
fail() { echo "needs $1"; exit 1; }
[ "$(uname -sm)" = "Linux x86_64" ] || fail "Linux on x86-64"
for feature in avx2 fma f16c; do grep -qw "$feature" /proc/cpuinfo || fail "a processor with $feature"; done
command -v "${CXX:-g++}" >/dev/null 2>&1 || fail "g++"
