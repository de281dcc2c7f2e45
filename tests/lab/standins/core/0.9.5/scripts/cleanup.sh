#!/usr/bin/env bash
# Core's cleanup, as a stand-in: it plans unless told, and asks twice.
set -u
. "$(dirname "${BASH_SOURCE[0]}")/runtime-contract.sh"
[[ ${1:-} == --apply ]] || exit 0
prompt_yesno confirm n 'Apply the full destructive cleanup?'
[[ $confirm == y ]] || exit 0
printf 'Type CLEAN to continue: '
IFS= read -r typed || true
[[ $typed == CLEAN ]] || { log 'Cleanup cancelled because confirmation text did not match.' && exit 0; }
for unit in k3s k3s-agent; do sudo systemctl stop $unit 2>/dev/null; sudo systemctl disable $unit 2>/dev/null; done
for script in /usr/local/bin/k3s-uninstall.sh /usr/local/bin/k3s-killall.sh; do
  if [[ -x $script ]]; then sudo "$script" || true; fi
done
sudo rm -rf /var/lib/rancher/k3s /etc/rancher/k3s
log 'Cleanup completed'
