#!/usr/bin/env bash
# Train a model to compare clips, on pairs that listeners compared. The result is in <exp>,
# for samos compare --model <exp>. Interrupted, the same command goes on where it stopped.
#
# Options are read and written through their names, other scripts are where the recipe
# runs:
# shellcheck disable=SC1091,SC2034
set -euo pipefail

train_set=                         # Directory of pairs to learn from (mos_prepare_pairs)
valid_set=                         # Directory of pairs that the best epoch is chosen on
init=small                         # Trained model to start from, as samos --model; none
model_config=                      # model.yaml, with --init none
pairs_config=conf/pairs.yaml       # What is trained, and how
exp=exp/pairs                      # Where the result goes
ngpu=0                             # Number of GPUs
num_threads=$(env -u OMP_NUM_THREADS nproc) # Threads of the training
help_message="Usage: $0 --train_set <dir> --valid_set <dir> [options]
Options with their defaults:
$(sed -nE '/^[a-z_]+=.* # /{s/([a-z_]+)=(\S*)/--\1 \2/g;s/ +# /\t/p}' "$0" | expand -t 45)"

. ./path.sh
. ./cmd.sh
. local/check_args.sh
. utils/parse_options.sh

if [ -z "${train_set}" ] || [ -z "${valid_set}" ]; then
    echo "${help_message}" >&2
    exit 2
fi
if [ "${init}" = none ] && [ -z "${model_config}" ]; then
    echo "$0: error: --init none needs --model_config" >&2
    exit 2
fi

opts=()
if [ "${init}" != none ]; then
    # the files that samos would take
    found=$(python3 -c \
        'import sys; from espnet_samos.model_zoo.find import find_model
print(*find_model(sys.argv[1]), sep="\n")' "${init}")
    { read -r model_config && read -r weights; } <<< "${found}"
    opts+=(--init_param "${weights}")
fi
python3 -m espnet_samos.bin.merge_config \
    --keys {ssl,spectrogram}_{frontend,encoder}{,_conf} head head_conf preprocessor_conf \
    --output "${exp}/model.yaml" -- "${model_config}"
python3 -m espnet_samos.bin.merge_config \
    --output "${exp}/train.yaml" --keep -- "${exp}/model.yaml" "${pairs_config}"
for part in train valid; do
    set_name="${part}_set"
    dir=${!set_name}
    for input in wav.scp,speech,clip utt2fs,fs,text_int wav_b.scp,speech_b,clip \
        utt2fs_b,fs_b,text_int ccr,ccr,text_float; do
        opts+=("--${part}_data_path_and_name_and_type" "${dir}/${input}")
    done
    opts+=("--${part}_shape_file" "${dir}/ccr")
done
echo "$0: training: ${exp}/log/train.log" >&2
OMP_NUM_THREADS=${num_threads} ${cuda_cmd} --gpu "${ngpu}" "${exp}/log/train.log" \
    python3 -m espnet_samos.bin.mos_train_pairs --config "${exp}/train.yaml" \
    --ngpu "${ngpu}" --resume true --output_dir "${exp}" "${opts[@]}"
echo "$0: samos compare --model ${exp} <folder of A> <folder of B>" >&2
