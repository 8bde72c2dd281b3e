#!/usr/bin/env bash
# Swift on a Debian or Ubuntu host: a Debian 13 (trixie) chroot with Debian's own swiftlang (Swift 6.0: SwiftPM, XCTest,
# swift-testing, swift format). Needs root. One to two minutes, 535 MB of download and 2.6 GB of disk, once.
#
#   swift-chroot.sh setup        make it if it is not there; safe to repeat, to interrupt and to run twice at once
#   swift-chroot.sh run CMD...   run CMD in it, in the current folder; its exit status is CMD's
#   swift-chroot.sh path         print where it lies
#
# `run` shows the git top level of the current folder (or that folder) inside at the same path, with /proc and /dev. The
# host's network is shared: 127.0.0.1 inside is the host's, so tests in Swift reach an office that runs outside. The
# environment passes through but for HOME, PATH, TMPDIR and LANG. Every mount lives in a private mount namespace: nothing
# stays mounted, so a plain `rm -rf` removes the chroot.
#
# XUNCHENG_SWIFT_ROOT    where it lies                      (default ~/.cache/xuncheng/trixie)
# XUNCHENG_SWIFT_BIND    more folders to show, "/a:/b"      (for example a cargo target folder outside the checkout)
# XUNCHENG_SWIFT_MIRROR  Debian mirror to install from      (default the host's own if it runs Debian, else deb.debian.org)
set -euo pipefail

root=${XUNCHENG_SWIFT_ROOT:-${XDG_CACHE_HOME:-$HOME/.cache}/xuncheng/trixie}
packages="swiftlang libc6-dev libstdc++-14-dev"
want="trixie $packages"

die() { echo "swift-chroot: $*" >&2; exit 1; }

# inside ROOT BINDS CMD...: become CMD in ROOT, with /proc, /dev and the colon-separated BINDS mounted for it alone.
inside() {
    # shellcheck disable=SC2016  # the script between the quotes expands its own variables, inside the namespace
    exec unshare --mount --propagation private /bin/bash -c '
        set -e
        root=$1 binds=$2 cwd=$PWD
        shift 2
        mount -t proc proc "$root/proc"
        mount --rbind /dev "$root/dev"
        IFS=:
        for folder in $binds; do
            mkdir -p "$root$folder"
            mount --rbind "$folder" "$root$folder"
        done
        [ -n "$binds" ] || cwd=/
        unset IFS OLDPWD
        export HOME=/root TMPDIR=/tmp LANG=C.UTF-8 PATH=/usr/sbin:/usr/bin:/sbin:/bin
        exec chroot "$root" /bin/sh -c "cd \"\$0\" && exec \"\$@\"" "$cwd" "$@"
    ' swift-chroot "$@"
}

network_files() { cp -L --remove-destination /etc/hosts /etc/resolv.conf "$1/etc/"; }

ready() { [ "$(cat "$root/.xuncheng-swift" 2>/dev/null)" = "$want" ]; }

mirror() {
    local host=
    [ "$(. /etc/os-release && echo "$ID")" != debian ] ||
        host=$(sed -n 's/^URIs: *//p' /etc/apt/sources.list.d/debian.sources 2>/dev/null | head -1)
    echo "${XUNCHENG_SWIFT_MIRROR:-${host:-http://deb.debian.org/debian}}"
}

setup() (
    ! ready || exit 0
    [ "$(id -u)" = 0 ] || die "needs root"
    mkdir -p "$(dirname "$root")"
    exec 9>"$root.lock"
    flock 9
    ! ready || exit 0
    part=$root.part
    for folder in "$root" "$part"; do
        ! grep -q " $folder/" /proc/mounts || die "something is mounted under $folder: unmount it first"
    done
    export DEBIAN_FRONTEND=noninteractive
    if ! command -v debootstrap >/dev/null || [ ! -e /usr/share/keyrings/debian-archive-keyring.gpg ]; then
        apt-get update -q
        apt-get install -y -q --no-install-recommends debootstrap debian-archive-keyring
    fi
    rm -rf --one-file-system "$part"
    unshare --mount --propagation private \
        debootstrap --variant=minbase --keyring=/usr/share/keyrings/debian-archive-keyring.gpg \
        trixie "$part" "$(mirror)" /usr/share/debootstrap/scripts/sid
    network_files "$part"
    # The host's own apt settings (a proxy, for example) hold inside too.
    cp -n /etc/apt/apt.conf.d/* "$part/etc/apt/apt.conf.d/" 2>/dev/null || true
    (inside "$part" "" apt-get update -q)
    # shellcheck disable=SC2086  # a list of words
    (inside "$part" "" apt-get install -y -q --no-install-recommends $packages)
    (inside "$part" "" apt-get clean)
    (inside "$part" "" swiftc --version)
    echo "$want" >"$part/.xuncheng-swift"
    rm -rf --one-file-system "$root"
    mv "$part" "$root"
)

case ${1:-} in
    setup)
        setup
        ;;
    run)
        shift
        [ $# -gt 0 ] || die "run what?"
        setup >&2
        network_files "$root"
        top=$(git rev-parse --show-toplevel 2>/dev/null || pwd)
        inside "$root" "$top${XUNCHENG_SWIFT_BIND:+:$XUNCHENG_SWIFT_BIND}" "$@"
        ;;
    path)
        echo "$root"
        ;;
    *)
        sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "$0" >&2
        exit 2
        ;;
esac
