#!/usr/bin/env bash
# peers.sh [NAME...]: one environment for each peer, and one for this checkout ("ours"), under $BENCH_HOME/venvs.
#
# An environment is made once and then left as it is, so that runs of one day compare the same releases; `peers.sh --fresh`
# makes them anew with the newest releases. "ours" is an editable installation: it always measures the tree as it stands.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
home=${BENCH_HOME:-$HOME/.cache/pynenc-bench}
python=${BENCH_PYTHON:-python3}

declare -A requirements=(
    [huey]="huey redis"
    [dask]="dask[distributed]"
    [celery]="celery[redis]"
    [arq]="arq"
)

install() { # NAME SIGN PIP-ARGUMENT...: makes the environment unless it bears this sign
    local name=$1 sign=$2 venv=$home/venvs/$1
    if [[ -f $venv/.complete && $(<"$venv/.complete") == "$sign" ]]; then
        return
    fi
    echo "peers: making the environment of $name" >&2
    rm -rf "$venv"
    mkdir -p "$home/venvs"
    "$python" -m venv "$venv"
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check "${@:3}"
    echo "$sign" >"$venv/.complete" # last: an interrupted installation is made anew
}

install_ours() {
    local project projects=("$root/pyproject.toml") editable=()
    for project in "$root"/plugins/*/pyproject.toml; do
        [[ -e $project ]] && projects+=("$project")
    done
    for project in "${projects[@]}"; do
        editable+=(--editable "$(dirname "$project")")
    done
    install ours "$root $(cat "${projects[@]}" | cksum)" "${editable[@]}"
}

names=()
for argument in "$@"; do
    case $argument in
        --fresh) rm -rf "$home/venvs" ;;
        *) names+=("$argument") ;;
    esac
done
((${#names[@]})) || names=(ours "${!requirements[@]}")

for name in "${names[@]}"; do
    if [[ $name == ours ]]; then
        install_ours
    elif [[ -n ${requirements[$name]:-} ]]; then
        read -r -a wanted <<<"${requirements[$name]}"
        install "$name" "${wanted[*]}" "${wanted[@]}"
    else
        echo "peers: no peer is called '$name'; there are: ours ${!requirements[*]}" >&2
        exit 2
    fi
done
