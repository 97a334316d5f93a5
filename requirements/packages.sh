#!/bin/sh
# Brings the Debian packages of a list.  Called by `./hil` before there is a Python environment.
#
# usage: packages.sh LIST PURPOSE
#
# LIST holds one package a line, `#` begins a comment. As root, what is missing is installed: without recommended packages, and
# without starting a service. Otherwise one line says how to install it. Exit 0 when all is there; 1 when something is missing
# afterwards, which the caller may go on without. Without dpkg there is nothing to say: names of other systems are not known.
set -eu

list=$1
purpose=$2

say() { printf 'hil: %s\n' "$*" >&2; }

sum_up() { # sets $missing and $count: packages of the list that are not installed
    found=" $(dpkg-query -W -f '${db:Status-Status}=${Package} ' 2>/dev/null) "
    missing=
    count=0
    while read -r package _; do
        case $package in '' | '#'*) continue ;; esac
        case $found in *" installed=$package "*) continue ;; esac
        missing="$missing $package"
        count=$((count + 1))
    done <"$list"
    missing=${missing# }
}

show_progress() { # apt's status lines (APT::Status-Fd) as one line that changes, on a terminal
    while IFS=: read -r kind _ percent _; do
        [ -t 2 ] || continue
        case $kind in
            dlstatus) printf '\rhil: downloading  %3d %%' "${percent%%.*}" >&2 ;;
            pmstatus) printf '\rhil: installing   %3d %%' "${percent%%.*}" >&2 ;;
        esac
    done
    if [ -t 2 ]; then printf '\r\033[K' >&2; fi
}

install() {
    # RUNLEVEL=1: invoke-rc.d starts nothing; SYSTEMD_OFFLINE: systemctl enables, but does not start
    # shellcheck disable=SC2086 # $missing is a list of words
    {
        DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 SYSTEMD_OFFLINE=1 \
            apt-get install -y -q --no-install-recommends -o DPkg::Lock::Timeout=300 -o APT::Status-Fd=3 $missing \
            3>&1 >>"$log" 2>&1 </dev/null || :
    } | show_progress
    sum_up
    [ -z "$missing" ]
}

command -v dpkg-query >/dev/null 2>&1 || exit 0
sum_up
[ -n "$missing" ] || exit 0

if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null 2>&1; then
    say "$count Debian packages for $purpose are missing; install them as root:" \
        "apt-get install -y --no-install-recommends $missing"
    exit 1
fi

log=$(mktemp)
trap 'rm -f "$log"' EXIT
say "installing $count Debian packages for $purpose, up to some minutes: $missing"
if ! install; then
    say "not all could be installed; asking apt's sources for news and trying again"
    apt-get update -q >>"$log" 2>&1 </dev/null || :
    if ! install; then
        say "these could not be installed: $missing. apt said last:"
        tail -n 6 "$log" >&2
        exit 1
    fi
fi
say "installed"
