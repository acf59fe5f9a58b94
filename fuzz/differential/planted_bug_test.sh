#!/bin/bash
# The replay finds the bug that was planted in the example's parser, from seeds that do not show it, and says what differs.
set -euo pipefail
fuzzer=$1 corpus=$2
said=$("$fuzzer" -rounds=0 "$corpus" 2>&1) || { echo "a seed shows the bug by itself: $said"; exit 1; }
if said=$("$fuzzer" -rounds=2000 "$corpus" 2>&1); then
  echo "the planted bug was not found: $said"
  exit 1
fi
grep -q "yours" <<<"$said" || { echo "nothing says what differs: $said"; exit 1; }
