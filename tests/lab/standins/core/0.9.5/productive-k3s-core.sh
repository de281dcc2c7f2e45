#!/usr/bin/env bash
# Core's command line, as a stand-in: `stack install --tgz FILE`.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
[[ ${1:-} == stack && ${2:-} == install && ${3:-} == --tgz ]] || exit 2
[[ -r $4 ]] || exit 4
overlay=$(mktemp -d)
mkdir "$overlay/addons"
cp "$here/scripts/addon-host-runtime.sh" "$overlay/"
PRODUCTIVE_K3S_ADDONS_REPO_DIR=$overlay exec "$here/scripts/apply.sh" --mode stack
