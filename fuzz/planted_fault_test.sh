#!/bin/bash
# A fuzzer whose rule is broken on purpose ends with a message: planted_fault_test FUZZER CORPUS MESSAGE.
set -euo pipefail
if said=$("$1" -rounds=200 "$2" 2>&1); then
  echo "nothing was found: $said"
  exit 1
fi
grep -q "$3" <<<"$said" || { echo "ended, but without \"$3\": $said"; exit 1; }
