"""One static archive of a library and all that it needs, for programs that are not built by Bazel."""

load("@bazel_tools//tools/cpp:toolchain_utils.bzl", "find_cpp_toolchain")

def _merged_archive_impl(ctx):
    archives = []
    for library_input in ctx.attr.library[CcInfo].linking_context.linker_inputs.to_list():
        for library in library_input.libraries:
            # Position-independent, so that it goes into plug-ins as well as into programs.
            archive = library.pic_static_library or library.static_library
            if archive and archive not in archives:
                archives.append(archive)
    out = ctx.actions.declare_file(ctx.label.name)
    script = ctx.actions.declare_file(ctx.label.name + ".mri")
    lines = ["create " + out.path] + ["addlib " + archive.path for archive in archives] + ["save", "end", ""]
    ctx.actions.write(script, "\n".join(lines))
    ctx.actions.run_shell(
        outputs = [out],
        inputs = depset([script] + archives, transitive = [find_cpp_toolchain(ctx).all_files]),
        command = "{} -M < {}".format(find_cpp_toolchain(ctx).ar_executable, script.path),
        mnemonic = "MergeArchives",
    )
    return [DefaultInfo(files = depset([out]))]

merged_archive = rule(
    implementation = _merged_archive_impl,
    attrs = {
        "library": attr.label(mandatory = True, providers = [CcInfo]),
        "_cc_toolchain": attr.label(default = "@bazel_tools//tools/cpp:current_cc_toolchain"),
    },
    toolchains = ["@bazel_tools//tools/cpp:toolchain_type"],
)
