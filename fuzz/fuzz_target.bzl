"""One rule for a fuzz target: what replays its corpus in an ordinary test, and what libFuzzer drives."""

load("@rules_cc//cc:defs.bzl", "cc_binary", "cc_library", "cc_test")

def fuzz_target(name, srcs, deps, corpus = None, dict = None, max_len = 4096, rounds = 100, size = "small",
                local_defines = [], replay_test = True, cells_test = False):
    """Defines a fuzz target from a file that has LLVMFuzzerTestOneInput.

    NAME_test runs every file of the corpus and, of each, `rounds` mutations that are the same on every run.
    NAME does that too, or fuzzes when built with --config=fuzz:

        bazel run --config=fuzz //fuzz:NAME -- -max_total_time=60

    Args:
      name: of the target; ends in _fuzzer.
      srcs: its sources; LLVMFuzzerCustomMutator and -CrossOver are used if they are there (fuzz/entry_points.h).
      deps: what it links.
      corpus: folder of seeds in this package; corpus/NAME if not given.
      dict: dictionary for libFuzzer.
      max_len: of an input, in bytes, for both.
      rounds: mutations of each seed in the test.
      size: of the test.
      local_defines: of its sources.
      replay_test: whether there is a NAME_test.
      cells_test: whether there is a NAME_cells_test: the corpus reaches every state that can be (fuzz/cells.h).
    """
    folder = corpus or "corpus/" + name
    data = native.glob([folder + "/**"], allow_empty = True)
    arguments = ["-max_len=%d" % max_len]
    if data:
        arguments.append(native.package_name() + "/" + folder)
    if dict:
        data = data + [dict]
    cc_library(
        name = name + "_input",
        testonly = True,
        srcs = srcs,
        alwayslink = True,
        local_defines = local_defines,
        deps = deps + [str(Label("//fuzz:entry_points"))],
    )
    cc_binary(
        name = name,
        testonly = True,
        args = arguments + (["-dict=$(location %s)" % dict] if dict else []),
        data = data,
        linkopts = select({
            str(Label("//fuzz:libfuzzer")): ["-fsanitize=fuzzer"],
            "//conditions:default": [],
        }),
        deps = [":" + name + "_input"] + select({
            str(Label("//fuzz:libfuzzer")): [],
            "//conditions:default": [str(Label("//fuzz:replay_main"))],
        }),
    )
    if replay_test:
        cc_test(
            name = name + "_test",
            size = size,
            args = arguments + ["-rounds=%d" % rounds],
            data = data,
            deps = [
                ":" + name + "_input",
                str(Label("//fuzz:replay_main")),
            ],
        )
    if cells_test:
        cc_test(
            name = name + "_cells_test",
            size = "small",
            args = arguments + ["-rounds=0", "-cells"],
            data = data,
            deps = [
                ":" + name + "_input",
                str(Label("//fuzz:replay_main")),
            ],
        )
