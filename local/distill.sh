#!/usr/bin/env bash
# Distill a light SSL frontend from Distill-MOS, on sets that mos.sh has formatted (its
# stage 2). The result is <exp>/valid.loss.best.pth, for ssl_frontend_conf.init_file.
# Interrupted, the same command goes on where it stopped.
#
# Options are read and written through their names, other scripts are where the recipe
# runs:
# shellcheck disable=SC1091,SC2034
set -euo pipefail

train_set=broad_train+broad_neural # Set to learn from
valid_set=broad_dev                # Set that the best epoch is chosen on
conf=conf/small                    # Folder of model.yaml and distill.yaml
exp=exp/small/distill              # Where the result goes
dumpdir=dump                       # Directory of formatted data
nj=$(env -u OMP_NUM_THREADS nproc) # Jobs that compute the teacher's features
num_threads=${nj}                  # Threads of the training
help_message="Usage: $0 [options]
Options with their defaults:
$(sed -nE '/^[a-z_]+=.* # /{s/([a-z_]+)=(\S*)/--\1 \2/g;s/ +# /\t/p}' "$0" | expand -t 45)"

. ./path.sh
. local/cmd.sh
. local/check_args.sh
. utils/parse_options.sh

dirs=("${dumpdir}/raw/${train_set}" "${dumpdir}/raw/${valid_set}")
feats=("${exp}/feats/train" "${exp}/feats/valid")
mkdir -p "${exp}"

# the teacher, in the windows that the model will have
python3 -m espnet_samos.bin.merge_config --keys preprocessor_conf \
    --output "${exp}/teacher.yaml" -- "${conf}/model.yaml"
join=(python3 -m espnet_samos.bin.mos_join_ssl_feats --data_dirs "${dirs[@]}"
    --feats_dirs "${feats[@]}")
if ! "${join[@]}" > /dev/null 2>&1; then
    echo "$0: computing features of Distill-MOS: ${exp}/log/feats.*.log" >&2
    ${train_cmd} JOB=1:"${nj}" "${exp}/log/feats.JOB.log" \
        python3 -m espnet_samos.bin.mos_dump_ssl_feats --config "${exp}/teacher.yaml" \
        --ssl_frontend distillmos --ssl_frontend_conf layer=0 \
        --job JOB --num_jobs "${nj}" --data_dirs "${dirs[@]}" --output_dirs "${feats[@]}"
    "${join[@]}"
fi

python3 -m espnet_samos.bin.merge_config \
    --keys ssl_frontend_conf preprocessor_conf \
    --output "${exp}/student.yaml" -- "${conf}/model.yaml"
python3 -m espnet_samos.bin.merge_config \
    --output "${exp}/train.yaml" -- "${exp}/student.yaml" "${conf}/distill.yaml"
opts=()
for n in 0 1; do
    part=$([ "${n}" = 0 ] && echo train || echo valid)
    opts+=(
        "--${part}_data_path_and_name_and_type" "${dirs[n]}/wav.scp,speech,clip"
        "--${part}_data_path_and_name_and_type" "${dirs[n]}/utt2fs,fs,text_int"
        "--${part}_data_path_and_name_and_type"
        "${feats[n]}/ssl_feats.scp,teacher_feats,ssl_feats"
        "--${part}_shape_file" "${dirs[n]}/utt2fs"
    )
done
echo "$0: distilling: ${exp}/log/train.log" >&2
OMP_NUM_THREADS=${num_threads} ${cuda_cmd} "${exp}/log/train.log" \
    python3 -m espnet_samos.bin.ssl_distill --config "${exp}/train.yaml" --ngpu 0 \
    --resume true --output_dir "${exp}" "${opts[@]}"
