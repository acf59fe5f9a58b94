#!/bin/bash
# The two smallest embedders against each other.
set -u
coproc TARGET { examples/smallest_target 0; }
read -r port <&"${TARGET[0]}"
examples/smallest_initiator "$port" iqn.2026-11.example:any
