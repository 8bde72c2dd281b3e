#!/usr/bin/env bash
# The office console in headless Chromium, driven by playwright-core: tests/browser/.
# shellcheck source=tests/tools/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

# browser: prints the one to drive. Ubuntu's chromium-browser may be an empty shell that only points to a snap.
browser() {
    local candidate
    for candidate in ${XUNCHENG_CHROMIUM:+"$XUNCHENG_CHROMIUM"} chromium chromium-browser google-chrome; do
        if candidate=$(command -v "$candidate") && "$candidate" --version >/dev/null 2>&1; then
            echo "$candidate"
            return
        fi
    done
    return 1
}
# shellcheck disable=SC2317  # called by `need`
chinese_font() { fc-list :lang=zh | grep -q .; }

need Chromium "chromium|chromium-browser" browser
need "Chinese fonts" "fontconfig fonts-noto-cjk" chinese_font
need Node nodejs command -v node
need npm npm command -v npm
need_rust
XUNCHENG_CHROMIUM=$(browser) ||
    fail "no browser that runs: install Chromium or Google Chrome, or name one in XUNCHENG_CHROMIUM"
export XUNCHENG_CHROMIUM
build_workspace

node_tests tests/browser
