#!/usr/bin/env bash
# Every test of the Rust workspace. Some drive the `xuncheng` binary and one compares positions with exiftool.
# shellcheck source=tests/tools/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

need exiftool libimage-exiftool-perl command -v exiftool
need_rust
build_workspace

step "cargo test"
output=$COUNTS.output
status=0
cargo_locked test --workspace --no-fail-fast 2>&1 | tee "$output" || status=$?

results=$(grep '^test result:' "$output" || true)
tally() { grep -o "[0-9]* $1" <<<"$results" | sum; }
# A test program that crashed has no result line; cargo alone tells of it.
programs_failed=$(grep -c '^error: test failed, to rerun pass\|^error: doctest failed, to rerun pass' "$output" || true)
results_failed=$(grep -c '^test result: FAILED' "$output" || true)
crashed=$((programs_failed > results_failed ? programs_failed - results_failed : 0))

# What a reader needs of a failure: the tests' own output. A crash or a compile error is readable only in what came before.
if [ -n "$results" ] && [ "$crashed" = 0 ]; then
    awk '/^failures:$/ { show = 1 } (show || /^error/) && lines++ < 400 { print "   " $0 } /^test result:/ { show = 0 }' \
        "$output" >"$FAILURES"
else
    tail -n 120 "$output" >"$FAILURES"
fi
rm -f "$output"

count "$(tally passed)" "$(($(tally failed) + crashed))" "$(tally ignored)"
exit "$status"
