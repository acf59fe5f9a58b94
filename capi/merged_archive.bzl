"""One static archive of a library and all that it needs, for programs that are not built by Bazel. Only the functions of a
version script are to be seen in it: its C++ symbols meet neither those of a host's own copy, at another version, nor those of
the templates that both instantiate."""

load("@bazel_tools//tools/cpp:toolchain_utils.bzl", "find_cpp_toolchain")

# Everything becomes one object, so that what its parts need of each other is resolved in it, and need not be seen outside.
# Groups are dissolved: a linker would take another file's instance of one for ours, and drop symbols that are local by then.
# Symbols that are unique in a process (static members of templates, under g++) cannot be made local unless they are weak first.
_COMMAND = """
set -eu
sed -n 's/^ *\\(isthmus_[a-z0-9_]*\\);$/\\1/p' {map} > {work}.shown
test -s {work}.shown
{ld} -r --force-group-allocation --whole-archive {archives} -o {work}.all
{nm} {work}.all | awk '$2 == "u" {{ print $3 }}' > {work}.unique
{objcopy} --weaken-symbols={work}.unique {work}.all
{objcopy} --keep-global-symbols={work}.shown {work}.all {work}.o
rm -f {out}
{ar} rcsD {out} {work}.o
rm -f {work}.shown {work}.all {work}.unique {work}.o
"""

def _merged_archive_impl(ctx):
    archives = []
    for library_input in ctx.attr.library[CcInfo].linking_context.linker_inputs.to_list():
        for library in library_input.libraries:
            # Position-independent, so that it goes into plug-ins as well as into programs.
            archive = library.pic_static_library or library.static_library
            if archive and archive not in archives:
                archives.append(archive)
    out = ctx.actions.declare_file(ctx.label.name)
    toolchain = find_cpp_toolchain(ctx)
    ctx.actions.run_shell(
        outputs = [out],
        inputs = depset([ctx.file.map] + archives, transitive = [toolchain.all_files]),
        command = _COMMAND.format(
            ar = toolchain.ar_executable,
            archives = " ".join([archive.path for archive in archives]),
            ld = toolchain.ld_executable,
            map = ctx.file.map.path,
            nm = toolchain.nm_executable,
            objcopy = toolchain.objcopy_executable,
            out = out.path,
            # Also the name of the object in the archive.
            work = out.dirname + "/isthmus",
        ),
        mnemonic = "MergeArchives",
    )
    return [DefaultInfo(files = depset([out]))]

merged_archive = rule(
    implementation = _merged_archive_impl,
    attrs = {
        "library": attr.label(mandatory = True, providers = [CcInfo]),
        "map": attr.label(mandatory = True, allow_single_file = [".map"]),
        "_cc_toolchain": attr.label(default = "@bazel_tools//tools/cpp:current_cc_toolchain"),
    },
    toolchains = ["@bazel_tools//tools/cpp:toolchain_type"],
)
