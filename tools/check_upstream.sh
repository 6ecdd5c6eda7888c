#!/usr/bin/env bash
# Check what tools/upstream.sh put into an ESPnet tree, as ESPnet's CI and pre-commit do.
# A tool that is not on the PATH is named and its check left out. ESPnet's versions are
# black 26.10.1, isort 10.0.0b1 and shellcheck 0.10.0; flake8 with flake8-docstrings.
#
# Usage: tools/check_upstream.sh <espnet-tree>
set -euo pipefail

cd "$1"
status=0
# check <name> <command>...
check() {
    local name=$1
    shift
    if ! command -v "$1" > /dev/null; then
        echo "left out: ${name} ($1 is not installed)"
    elif "$@"; then
        echo "passed: ${name}"
    else
        echo "FAILED: ${name}"
        status=1
    fi
}

egs2/TEMPLATE/mos1/setup.sh egs2/test/mos1
for f in cmd.sh conf/slurm.conf conf/queue.conf conf/pbs.conf; do
    for recipe in egs2/*/mos1; do
        check "${recipe}/${f}" diff "egs2/TEMPLATE/asr1/${f}" "${recipe}/${f}"
    done
done
dangling=$(find egs2/*/mos1 -xtype l)
check "links${dangling:+ ${dangling}}" [ -z "${dangling}" ]
rm -r egs2/test/mos1
rmdir egs2/test 2> /dev/null || true

for script in egs2/TEMPLATE/mos1/{setup,mos}.sh egs2/*/mos1/run.sh egs2/*/mos1/local/data.sh; do
    dir=${script%/*}
    [ "${dir##*/}" != local ] || dir=${dir%/*}
    check "shellcheck ${script}" env -C "${dir}" \
        shellcheck -x -e SC2001 -e SC1091 -e SC2086 "${script#"${dir}/"}"
done
check black black --quiet --check test/espnet2/mos
check isort isort --check test/espnet2/mos
check flake8 flake8 test/espnet2/mos
check pycodestyle pycodestyle test/espnet2/mos
exit "${status}"
