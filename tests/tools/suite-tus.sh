#!/usr/bin/env bash
# Uploads between this project and others that speak tus 1.0, tus-js-client and @tus/server: tests/tus/.
# shellcheck source=tests/tools/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

node_20_19() { node -e 'const [a, b] = process.versions.node.split("."); process.exit(a > 20 || (a == 20 && b >= 19) ? 0 : 1)'; }

need Node nodejs command -v node
need npm npm command -v npm
need_rust
node_20_19 || fail "node is older than 20.19, which @tus/server needs: $(node --version). Put a newer one first on PATH"
build_workspace
node_tests tests/tus
