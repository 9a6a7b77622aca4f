#!/bin/sh
# Tries to restore the real Orleans and gRPC packages; writes 'packages' or 'compat' into the marker file $1.
marker=$1
log=build/probe/obj/probe.log
mkdir -p build/probe/obj
if timeout 180 "${DOTNET:-dotnet}" restore build/probe/probe.csproj -v q -p:Dependencies=packages >"$log" 2>&1; then
    choice=packages
    echo "Dependencies: the real Orleans and gRPC packages."
else
    choice=compat
    echo "Dependencies: the registry lacks some of the real packages (among them $(grep NU1101 "$log" | grep -oE "find package [A-Za-z.0-9-]+" | sed "s/find package //; s/\.$//" | sort -u | head -n 3 | paste -sd, -))."
    echo "              Building against the in-process stand-ins under Compat/: one process only. 'rm $marker' probes again."
fi
echo "$choice" >"$marker"
