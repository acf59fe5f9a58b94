"""Compile options that the layers share."""

# The core (digest/, protocol/, the session engines of target/ and initiator/) links nothing but the C++ library and
# is embedded by C programs: no exceptions, no run-time type information.
CORE_COPTS = [
    "-fno-exceptions",
    "-fno-rtti",
]
