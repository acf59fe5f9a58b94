#!/bin/bash -eu
# Builds the fuzzers of the engines for OSS-Fuzz: with $CXX and $CXXFLAGS, linked with $LIB_FUZZING_ENGINE, into $OUT, each
# with NAME_seed_corpus.zip, NAME.dict and NAME.options. Needs a C++20 compiler and GoogleTest's sources, not Bazel.
#
# Not here: config_file, url and secret_file (the programs' front-ends bring Abseil, CLI11 and JSON) and failalloc, which
# replaces operator new. tools/test fuzzers builds all of this and runs it.

set -eu  # also where Bash is called with this file
cd "$(dirname "${BASH_SOURCE[0]}")"
[[ -d ../../protocol ]] && cd ../.. || cd "$SRC/isthmus"
: "${CC:=clang-14}" "${CXX:=clang++-14}" "${CFLAGS:=}" "${CXXFLAGS:=}" "${LIB_FUZZING_ENGINE:=-fsanitize=fuzzer}"
: "${OUT:?where the fuzzers go}" "${WORK:=$(mktemp -d)}" "${GOOGLETEST:=/usr/src/googletest/googletest}"

# The engines, what the fuzzers share, and no tests, programs, or what needs a library.
sources=$(ls digest/*.cc protocol/*.cc protocol/*/*.cc protocol/connection/testing/*.cc target/*.cc initiator/*.cc \
  transport/simulated_tcp.cc transport/offload/*.cc transport/offload/testing/*.cc examples/example_device.cc |
  grep -v -e '_test\.cc$' -e '_main\.cc$' -e '/print_' -e 'dump_tables' -e '/isal' -e 'kernel_check' \
    -e 'openssl_hashes')
shared="fuzz/raw_pdu.cc fuzz/pdu_mutator.cc fuzz/script.cc fuzz/cells.cc"
fuzzers="chap_codec digest login_initiator login_target offload pair_mitm pdu_decode pdu_split session_initiator
  session_target text"

mkdir -p "$WORK/objects"
compile() {  # SOURCE: its object file
  local object="$WORK/objects/${1//\//_}.o"
  # A kernel that is not optimised is a hundred times slower, and so is what uses it.
  local optimise=""
  [[ $1 == digest/kernel_* ]] && optimise=-O3
  # shellcheck disable=SC2086
  $CXX $CXXFLAGS $optimise -std=c++20 -I. -I"$GOOGLETEST/include" -I"$GOOGLETEST" -c "$1" -o "$object"
}
export -f compile
export CXX CXXFLAGS WORK GOOGLETEST
printf '%s\n' $sources $shared "$GOOGLETEST/src/gtest-all.cc" | xargs -P "$(nproc)" -I{} bash -euc 'compile "$1"' _ {}
rm -f "$WORK/engines.a"
ar rcs "$WORK/engines.a" "$WORK"/objects/*.o

link() {  # NAME SOURCE...
  local name=$1 folder=$2
  shift 2
  # shellcheck disable=SC2086
  $CXX $CXXFLAGS -std=c++20 -I. -I"$GOOGLETEST/include" "$@" "$WORK/engines.a" $LIB_FUZZING_ENGINE -lpthread -o "$OUT/$name"
  zip -q -j -r "$OUT/${name}_seed_corpus.zip" "$folder/corpus/$name"
  cp "fuzz/options/$name.options" "$OUT/"
  local dict
  dict=$(sed -n 's/^dict = //p' "fuzz/options/$name.options")
  if [[ -n $dict ]]; then
    cp "fuzz/$dict" "$OUT/$name.dict"
    sed -i "s/^dict = .*/dict = $name.dict/" "$OUT/$name.options"
  fi
}
export -f link
export OUT LIB_FUZZING_ENGINE
printf '%s\n' $fuzzers | xargs -P "$(nproc)" -I{} bash -euc 'link "$1_fuzzer" fuzz "fuzz/$1_fuzzer.cc"' _ {}
link differential_fuzzer fuzz/differential fuzz/differential/*.cc
