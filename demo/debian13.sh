#!/bin/sh
# Runs a command under Debian 13, whose Python is 3.13: demo/debian13.sh COMMAND [ARGUMENT...]
# Root on Debian only. mmdebstrap makes the root file system once; it is kept in the cache. Devices,
# DNS, certificates, pip's settings, /tmp and the current directory are the machine's own, mounted
# for as long as the command runs and visible to it alone.
set -eu

if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
    echo "missing: Debian 13 with Python 3.13 (mmdebstrap makes it, as root on Debian)" >&2
    exit 1
fi
"$(dirname "$0")/needs.sh" mmdebstrap
cache=${XDG_CACHE_HOME:-$HOME/.cache}
root=$cache/jmxbridge-test/debian-13
if [ ! -d "$root" ]; then
    echo "making $root" >&2
    mkdir -p "$cache/jmxbridge-test" "$cache/pip"
    half=$(mktemp -d "$root.XXXXXX")
    trap 'rm -rf "$half"' EXIT
    mmdebstrap --quiet --variant=minbase --include=python3,python3-venv,ca-certificates \
        trixie "$half" >&2
    chmod 755 "$half"
    mv -T "$half" "$root" || [ -d "$root" ] # another run may have been faster
fi

# shellcheck disable=SC2016 # expanded by the inner shell
exec unshare --mount sh -euc '
    root=$1 cache=$2
    shift 2
    for path in /dev /proc /sys /tmp /etc/resolv.conf /etc/hosts /etc/ssl/certs /etc/pip.conf \
        ${PIP_FIND_LINKS:-} "$cache/pip" "$PWD"; do
        [ -e "$path" ] || continue
        if [ -d "$path" ]; then
            mkdir -p "$root$path"
        elif [ ! -e "$root$path" ]; then
            : >"$root$path"
        fi
        mount --rbind "$path" "$root$path"
    done
    exec chroot "$root" env -C "$PWD" PATH=/usr/sbin:/usr/bin:/sbin:/bin "$@"
' sh "$root" "$cache" "$@"
