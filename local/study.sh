#!/usr/bin/env bash
# The comparison in earnest, on the mini corpus: both models and a control, with
# and without pre-training, over several seeds; beside them ESPnet's own aqa task
# and Distill-MOS. Writes <expdir>/study/RESULTS.md. Resumes where it stopped.
set -euo pipefail

# shellcheck disable=SC2034 # parse_options.sh reads it
help_message="Usage: $0 [--seeds \"1 2 3\"] [--nj 2] [--expdir exp/mini]"
seeds="1 2 3"   # Seeds of training.
nj=$(nproc)     # Trainings at once, each of one thread.
expdir=exp/mini # Directory of experiments.

# shellcheck source=/dev/null
. utils/parse_options.sh
# shellcheck source=/dev/null
. ./path.sh

test_sets="mini_test mini_unseen"
study=${expdir}/study
tag=inference_valid.lcc.best
conf=conf/mini
mkdir -p "${study}"

echo "$(date '+%T') data and SSL features"
for pretrain in true false; do
    ./run.sh --corpus mini --stage 1 --stop_stage 3 --nj "${nj}" --expdir "${expdir}" \
        --pretrain "${pretrain}" > "${study}/data.log" 2>&1 ||
        { tail -n 30 "${study}/data.log" >&2; exit 1; }
done

# run_once <exp> <command>...: run a command unless it was finished before
run_once() {
    local exp=$1
    shift
    [ -f "${exp}/.study_done" ] && return
    mkdir -p "${exp}"
    echo "$(date '+%T') ${exp}"
    if "$@" > "${exp}/run.log" 2>&1; then
        touch "${exp}/.study_done"
    else
        tail -n 30 "${exp}/run.log" >&2
        return 1
    fi
}

# in_background <command>...: at most ${nj} at once
in_background() {
    if [ "$(jobs -rp | wc -l)" -ge "${nj}" ]; then
        wait -n || exit 1
    fi
    "$@" &
}

names=()
dirs=()
# add <name> <results directory>: what goes into the tables
add() {
    names+=("$1")
    dirs+=("$2")
}

# train_model <name> <exp> <seed> <options of run.sh>...
train_model() {
    local name=$1 exp=$2 seed=$3
    shift 3
    in_background run_once "${exp}" ./run.sh --corpus mini --stage 4 --stop_stage 6 \
        --num_threads 1 --inference_nj 1 --expdir "${expdir}" --mos_exp "${exp}" \
        --train_args "--seed ${seed} ${epochs}" "$@"
    add "${name}" "${exp}/${tag}"
}

cut=${conf}/cut_spectrogram.yaml
for pretrain in true false; do
    if "${pretrain}"; then
        steps="two steps"
        epochs=
    else
        # As many updates as both steps have together: 12 × 33 + 20 × 12 = 53 × 12
        steps="one step"
        epochs="--max_epoch 53"
    fi
    for seed in ${seeds}; do
        suffix=pretrain_${pretrain}_seed${seed}
        train_model "SSL-Layer-MOS, ${steps}" "${study}/ssl_layer_mos_${suffix}" "${seed}" \
            --pretrain "${pretrain}" --model ssl_layer_mos
        train_model "SA-SSL-MOS, ${steps}" "${study}/sa_ssl_mos_${suffix}" "${seed}" \
            --pretrain "${pretrain}"
        train_model "SA-SSL-MOS up to 6.9 kHz, ${steps}" "${study}/cut_${suffix}" "${seed}" \
            --pretrain "${pretrain}" \
            --pretrain_config "${conf}/model.yaml ${conf}/train.yaml ${conf}/pretrain.yaml ${cut}" \
            --train_config "${conf}/model.yaml ${conf}/train.yaml ${conf}/finetune.yaml ${cut}"
    done
done
for seed in ${seeds}; do
    exp=${study}/aqa_seed${seed}
    in_background run_once "${exp}" local/study_aqa.sh --seed "${seed}" --exp "${exp}" \
        --train_sets "mini_pretrain mini_train" --valid_set mini_dev \
        --test_sets "${test_sets}" --nj 1
    add "ESPnet aqa (Uni-VERSA)" "${exp}/inference"
done
for dset in ${test_sets}; do
    in_background run_once "${study}/distillmos/${dset}" \
        python3 local/study_distillmos.py --data_dir "dump/raw/${dset}" \
        --output_dir "${study}/distillmos/inference/${dset}"
done
add "Distill-MOS as it comes" "${study}/distillmos/inference"
while [ -n "$(jobs -rp)" ]; do
    wait -n
done

{
    echo "\`make study\`, $(date +%F)," \
        "$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1), $(nproc) cores," \
        "commit $(git rev-parse --short HEAD 2> /dev/null || echo unknown), seeds ${seeds}."
    for dset in ${test_sets}; do
        scores=()
        for i in "${!names[@]}"; do
            scores+=("${names[i]}=${dirs[i]}/${dset}/scores.json")
        done
        echo
        python3 -m espnet_samos.bin.mos_compare --set "${dset}" "${scores[@]}"
    done
    echo
    echo "Distill-MOS predicts human opinions, and these labels are none: compare its" \
        "correlations, not its MSE."
} > "${study}/RESULTS.md.tmp"
mv "${study}/RESULTS.md.tmp" "${study}/RESULTS.md"
cat "${study}/RESULTS.md"
