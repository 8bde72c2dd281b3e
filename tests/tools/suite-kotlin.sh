#!/usr/bin/env bash
# The Kotlin library over freshly generated bindings, on the JVM, against the real core and a real office.
# shellcheck source=tests/tools/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

java_17() { [ "$(java -version 2>&1 | sed -n 's/.*version "\([0-9]*\).*/\1/p')" -ge 17 ]; }

need "Java 17" "openjdk-17-jdk-headless|default-jdk-headless" java_17
need Maven maven command -v mvn
need_rust
java_17 || fail "java is older than 17: $(java -version 2>&1 | head -n 1). Put a newer one first on PATH"
build_workspace

step "generating Kotlin"
library=$(ffi_library)
rm -rf android/shared/generated
"$built/uniffi-bindgen" generate "$library" --language kotlin --no-format --out-dir android/shared/generated

step "mvn test"
rm -rf android/*/target/surefire-reports
status=0
# Without the daemon: it outlives Maven and keeps over a gigabyte.
(cd android && mvn -q -B test -Dkotlin.compiler.daemon=false \
    -Dnative.dir="$built" -Dxuncheng.bin="$XUNCHENG_BIN") || status=$?

shopt -s nullglob
reports=(android/*/target/surefire-reports/TEST-*.xml)
[ ${#reports[@]} = 0 ] || count_junit "${reports[@]}"
exit "$status"
