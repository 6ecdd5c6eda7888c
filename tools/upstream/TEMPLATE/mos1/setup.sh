#!/usr/bin/env bash
# Make a recipe of the task mos: egs2/TEMPLATE/mos1/setup.sh egs2/<corpus>/mos1
set -euo pipefail

if [ $# -ne 1 ]; then
    echo "Usage: $0 <target-dir>" >&2
    exit 2
fi
dir=$1
mkdir -p "${dir}"
template=${dir}/../../TEMPLATE
if [ ! -d "${template}/asr1" ]; then
    echo "$0: error: no ${template}/asr1: the target has to be egs2/<corpus>/mos1" >&2
    exit 1
fi

for f in cmd.sh conf local; do
    cp -r "${template}/asr1/${f}" "${dir}"
done
for f in path.sh db.sh scripts pyscripts steps utils; do
    ln -sfn "../../TEMPLATE/asr1/${f}" "${dir}/${f}"
done
ln -sfn ../../TEMPLATE/mos1/mos.sh "${dir}/mos.sh"
for f in check_args.sh data.sh; do
    ln -sfn "../../../TEMPLATE/mos1/local/${f}" "${dir}/local/${f}"
done
