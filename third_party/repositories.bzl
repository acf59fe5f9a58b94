"""Debian's libraries under their upstream labels. An embedder that already has a repository of one of these
names keeps its own: what exists is left alone."""

_LIBRARIES = {
    "com_google_absl": "third_party/com_google_absl",
    "com_google_googletest": "third_party/com_google_googletest",
    "com_github_google_benchmark": "third_party/com_github_google_benchmark",
    "isa-l": "third_party/isa-l",
    "openssl": "third_party/openssl",
    "liburing": "third_party/liburing",
    "cli11": "third_party/cli11",
    "nlohmann_json": "third_party/nlohmann_json",
}

def isthmus_debian_libraries(prefix = ""):
    """Declares each library that the workspace does not have yet.

    Args:
      prefix: where Isthmus stands, relative to the calling workspace, with a closing slash; "" for itself.
    """
    for name, path in _LIBRARIES.items():
        if not native.existing_rule(name):
            native.local_repository(name = name, path = prefix + path)
