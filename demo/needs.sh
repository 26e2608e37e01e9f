#!/bin/sh
# Installs the tools that are named and missing: demo/needs.sh venv java maven go mmdebstrap
# Root on Debian: installs what is missing. Elsewhere: names each missing thing in a line, exit 1.
set -u

# what is looked for, Debian's package
lack() {
    packages="$packages $2"
    lines="${lines}missing: $1 (Debian: apt-get install $2)
"
}

jdk_package() {
    for name in openjdk-17-jdk-headless openjdk-21-jdk-headless; do
        if apt-cache show "$name" >/dev/null 2>&1; then
            echo "$name"
            return
        fi
    done
    echo default-jdk-headless
}

has_python() { "${PYTHON:-python3}" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }
has_venv() { "${PYTHON:-python3}" -c 'import ensurepip, venv' 2>/dev/null; }
has_java() {
    version=$(javac -version 2>&1) && major=${version#javac } && [ "${major%%.*}" -ge 17 ] 2>/dev/null
}
has_maven() { command -v mvn >/dev/null; }
has_go() { command -v go >/dev/null; }
has_mmdebstrap() { command -v mmdebstrap >/dev/null; }

look() {
    packages=""
    lines=""
    for name in "$@"; do
        case $name in
        venv) has_venv || lack "Python's venv and ensurepip" python3-venv ;;
        java) has_java || lack "a JDK, 17 or newer, with javac" "$(jdk_package)" ;;
        maven) has_maven || lack "Maven (mvn)" maven ;;
        go) has_go || lack "Go, 1.19 or newer" golang-go ;;
        mmdebstrap) has_mmdebstrap || lack mmdebstrap mmdebstrap ;;
        *) echo "needs.sh: unknown need: $name" >&2 && exit 2 ;;
        esac
    done
}

if ! has_python; then
    echo "missing: Python 3.11 or newer (${PYTHON:-python3})" >&2
    exit 1
fi
look "$@"
if [ -n "$packages" ] && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "installing$packages" >&2
    export DEBIAN_FRONTEND=noninteractive
    # shellcheck disable=SC2086 # a list
    apt-get update -qq >&2 && apt-get install -y -qq --no-install-recommends $packages >&2
    look "$@"
fi
if [ -n "$packages" ]; then
    printf '%s' "$lines" >&2
    exit 1
fi
