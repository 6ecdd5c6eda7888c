#!/usr/bin/env bash
# The comparison in earnest, on the mini corpus: both models and a control, with
# and without pre-training, over several seeds; beside them ESPnet's own aqa task
# and Distill-MOS. Writes <expdir>/study/RESULTS.md. Resumes where it stopped.
set -euo pipefail

# shellcheck disable=SC2034 # read by their names
{
seeds="1 2 3"            # Seeds of training.
expdir=exp/mini          # Directory of experiments.
test_sets="mini_test mini_unseen"
}

# shellcheck source=/dev/null
. utils/parse_options.sh
# shellcheck source=/dev/null
. ./path.sh

study=${expdir}/study
tag=inference_valid.lcc.best
mkdir -p "${study}"

# run <exp> <seed> <options for run.sh>...
run() {
    local exp=$1 seed=$2
    shift 2
    if [ -f "${exp}/.study_done" ]; then
        return
    fi
    mkdir -p "${exp}"
    echo "$(date '+%T') ${exp}"
    ./run.sh --corpus mini --stage 1 --stop_stage 6 --expdir "${expdir}" \
        --mos_exp "${exp}" --train_args "--seed ${seed}" "$@" > "${exp}/run.log" 2>&1 ||
        { tail -n 30 "${exp}/run.log" >&2; exit 1; }
    touch "${exp}/.study_done"
}

names=()
dirs=()
# add <name> <exp> <results directory>: what goes into the tables
add() {
    names+=("$1")
    dirs+=("$2/$3")
}

conf=conf/mini
for seed in ${seeds}; do
    for pretrain in true false; do
        if "${pretrain}"; then
            step="two-step"
        else
            step="one step"
        fi
        for model in ssl_layer_mos sa_ssl_mos cut; do
            exp=${study}/${model}_pretrain_${pretrain}_seed${seed}
            opts=(--pretrain "${pretrain}")
            case "${model}" in
                ssl_layer_mos)
                    name="SSL-Layer-MOS"
                    opts+=(--model ssl_layer_mos)
                    ;;
                sa_ssl_mos)
                    name="SA-SSL-MOS"
                    ;;
                cut)
                    name="SA-SSL-MOS, spectrogram up to 6.9 kHz"
                    opts+=(
                        --pretrain_config "${conf}/model.yaml ${conf}/train.yaml ${conf}/pretrain.yaml ${conf}/cut_spectrogram.yaml"
                        --train_config "${conf}/model.yaml ${conf}/train.yaml ${conf}/finetune.yaml ${conf}/cut_spectrogram.yaml"
                    )
                    ;;
            esac
            run "${exp}" "${seed}" "${opts[@]}"
            add "${name}, ${step}" "${exp}" "${tag}"
        done
    done

    exp=${study}/aqa_seed${seed}
    local/study_aqa.sh --seed "${seed}" --exp "${exp}" \
        --train_sets "mini_pretrain mini_train" --valid_set mini_dev \
        --test_sets "${test_sets}"
    add "ESPnet aqa (Uni-VERSA)" "${exp}" inference
done

for dset in ${test_sets}; do
    python3 local/study_distillmos.py --data_dir "dump/raw/${dset}" \
        --output_dir "${study}/distillmos/inference/${dset}"
done
add "Distill-MOS as it comes" "${study}/distillmos" inference

# In the order of the first seed, with the seeds of a name together
{
    echo "# The study on the mini corpus"
    echo
    echo "\`make study\` on $(date +%F), $(grep -m 1 "model name" /proc/cpuinfo | cut -d: -f2-)," \
        "$(nproc) cores; seeds: ${seeds}; $(git rev-parse --short HEAD 2> /dev/null || true)"
    for dset in ${test_sets}; do
        args=()
        for i in "${!names[@]}"; do
            args+=("${names[i]}=${dirs[i]}/${dset}/scores.json")
        done
        echo
        python3 -m espnet_samos.bin.mos_compare --set "${dset}" "${args[@]}"
    done
} > "${study}/RESULTS.md.tmp"
mv "${study}/RESULTS.md.tmp" "${study}/RESULTS.md"
cat "${study}/RESULTS.md"
