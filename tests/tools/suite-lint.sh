#!/usr/bin/env bash
# Style that a machine can judge. Each check counts as one test, and all are run.
# shellcheck source=tests/tools/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

need shellcheck shellcheck command -v shellcheck
need_rust

passed=0 failed=0
check() {
    local name=$1 output=$COUNTS.check
    shift
    step "$name"
    if "$@" 2>&1 | tee "$output"; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        { echo "   $name:"; tail -n 60 "$output"; } >>"$FAILURES"
    fi
    rm -f "$output"
}

# Each test that docs/traces.md names is in the file that it names.
traces() {
    local file name missing=0
    # shellcheck disable=SC2016  # backticks of a table
    while read -r file name; do
        grep -q "fn $name()" "$file" || {
            echo "docs/traces.md: there is no $name in $file"
            missing=1
        }
    done < <(sed -nE 's/^\| .* \| `([^`]*)`: `([^`]*)` \|$/\1 \2/p' docs/traces.md)
    return "$missing"
}

scripts() { git ls-files -- test .ci/run tests/peers/run '*.sh'; }

check "cargo fmt" cargo fmt --all --check
check "cargo clippy" cargo_locked clippy --workspace --all-targets -- -D warnings
check "tests of docs/traces.md" traces
mapfile -t files < <(scripts)
check "shellcheck of ${#files[@]} scripts" shellcheck --external-sources "${files[@]}"

count "$passed" "$failed"
[ "$failed" = 0 ]
