# What both generations of the stand-in have alike: prompts, faults, the run manifest. Sourced.
#
# It follows the contract of productive-k3s Core as klubster meets it: questions on standard output, one line of
# standard input each, defaults for an empty one; a manifest in runs/ written when the script ends; sudo, dpkg and
# systemctl as they are. What it installs are the stand-ins for K3s and Helm. /etc/core-faults, one word a line,
# makes it go wrong:
#   does-nothing        exits 0 before it has asked
#   fails-at-WHAT       fails at k3s, helm, longhorn
#   asks-more           asks something nobody knows
#   hangs               never ends
#   download-fails      the installer cannot be fetched, and success is reported all the same
#   no-token            the server's token file is empty
#   fails-preflight     a host check fails
#   skips-longhorn      leaves that part out, and reports success
#   pods-never-come     Rancher's pods do not, and Core only warns
#   rancher-is-silent   nobody answers at its address
#   slow                each component takes two seconds
# shellcheck shell=bash
has_fault() { grep -qsx -e "$1" /etc/core-faults; }
log() { printf '[INFO] %s\n' "$*"; }
die() { printf '[ERROR] %s\n' "$*" >&2; exit 1; }

prompt() {
  local val
  printf '%s [%s]: ' "$3" "$2"
  IFS= read -r val || true
  printf -v "$1" '%s' "${val:-$2}"
}
prompt_yesno() {
  local val
  printf '%s [%s] (y/n): ' "$3" "$2"
  IFS= read -r val || true
  val=${val:-$2}
  [[ $val == [yYnN] ]] || { log "Invalid input, using default: $2" && val=$2; }
  printf -v "$1" '%s' "${val,,}"
}

declare -A RESULT=()
RANCHER_HOST='' REGISTRY_HOST=''
MODE='' STEP='' DRY=apply
begin_run() {
  mkdir -p runs
  RUN=$(date +%Y%m%d-%H%M%S)-$$-$RANDOM$RANDOM
  trap 'write_run $?' EXIT
  # What it is told of telemetry; an endpoint would make it send by itself.
  echo "${TELEMETRY_ENABLED:-} ${TELEMETRY_ENDPOINT-unset} ${TELEMETRY_SESSION_ID:-} ${TELEMETRY_COMPONENT:-}" >telemetry-context
  sudo -n true
}
write_run() {
  local status=success name first=1 file=runs/$FAMILY-$RUN.json
  (($1 == 0)) || status=failed
  {
    printf '{"run_id":"%s","script":"%s","mode":"%s","status":"%s","exit_code":%d,' "$RUN" "$FAMILY" "$DRY" "$status" "$1"
    printf '"current_step":"%s","settings":{"bootstrap_mode":"%s"},"components":{' "$STEP" "$MODE"
    for name in "${!RESULT[@]}"; do
      ((first)) || printf ','
      first=0
      printf '"%s":{"detected_before":"unknown","planned_action":"install","result":"%s"}' "$name" "${RESULT[$name]}"
    done
    printf '}}\n'
  } >"$file.tmp"
  printf '{"run_id":"%s","settings":{"base_domain":"%s","rancher_host":"%s"}}\n' "$RUN" "${DOMAIN:-}" \
    "${RANCHER_HOST:-}" >"${file%.json}.private-context"
  chmod 0600 "$file.tmp"
  mv "$file.tmp" "$file"
}

pause() { if has_fault slow; then sleep 2; fi; }
at() {
  STEP=$1
  if has_fault "fails-at-$1"; then die "$1 failed (fault)"; fi
  pause
}
is_active() { systemctl is-active --quiet "$1"; }

ask_base() {
  if is_active k3s; then
    prompt_yesno _ y 'Existing k3s installation detected. Continue using it without changes? [required]'
    RESULT[cluster_runtime]=reused
  else
    prompt_yesno _ y 'k3s was not detected. Install it now? [required]'
    RESULT[cluster_runtime]=installed
  fi
  if command -v helm >/dev/null; then
    prompt_yesno _ y 'Helm is already installed. Continue using it without changes? [required]'
    RESULT[helm]=reused
  else
    prompt_yesno _ y 'Helm was not detected. Install it now? [required]'
    RESULT[helm]=installed
  fi
}
ask_agent() {
  if is_active k3s; then die 'Agent mode cannot be used on a node where the k3s service is already active.'; fi
  if is_active k3s-agent; then
    prompt_yesno _ y 'Existing k3s agent installation detected. Continue using it without changes? [required]'
    RESULT[cluster_runtime]=reused
  else
    prompt_yesno _ y 'k3s agent was not detected. Install it now? [required]'
    prompt URL https://server.example.local:6443 'Agent server URL'
    prompt TOKEN change-me-token 'Agent cluster token'
    RESULT[cluster_runtime]=installed
  fi
}
proceed() {
  local go
  if has_fault asks-more; then prompt_yesno _ n 'Is it all right to format /dev/sda?'; fi
  prompt_yesno go y 'Proceed with this plan?'
  [[ $go == y ]] || { log 'Apply cancelled before applying changes.' && exit 0; }
}

run_shell() { bash -lc "$1" </dev/null; }
install_base() {
  at k3s
  if has_fault hangs; then sleep infinity; fi
  # As Core does: a download that fails is lost in the pipe.
  if [[ ${RESULT[cluster_runtime]} == installed && $MODE == agent ]]; then
    printf -v command 'curl -sfL https://get.k3s.io | K3S_URL=%q K3S_TOKEN=%q INSTALL_K3S_EXEC=agent sh -' "$URL" "$TOKEN"
    run_shell "$command"
  elif [[ ${RESULT[cluster_runtime]} == installed ]]; then
    run_shell 'curl -sfL https://get.k3s.io | sh -'
  fi
  [[ $MODE != agent ]] || return 0
  at helm
  if [[ ${RESULT[helm]} == installed ]]; then run_shell 'curl -sfL https://raw.githubusercontent.com/helm/helm/main/scripts/get-helm-3 | bash'; fi
  if has_fault no-token; then
    rm -f /var/lib/rancher/k3s/server/node-token
    touch /var/lib/rancher/k3s/server/node-token
  fi
  if has_fault download-fails; then return 0; fi
  local deadline=$((SECONDS + 60))
  until k3s kubectl get --raw /readyz >/dev/null 2>&1; do
    ((SECONDS < deadline)) || die 'k3s did not become ready'
    sleep 1
  done
}

kDeployments='longhorn-system/longhorn-driver-deployer cattle-system/rancher registry/registry cert-manager/cert-manager'
present() { k3s kubectl get deployment "${1#*/}" -n "${1%/*}" -o name >/dev/null 2>&1; }
# install_stack WHAT…: deployments of these names.
install_stack() {
  local one available
  for one in $kDeployments; do
    at "$(basename "${one%/*}" | sed 's/-system//;s/cattle/rancher/')"
    available=yes
    if has_fault pods-never-come && [[ $one == */rancher ]]; then available=no; fi
    if has_fault skips-longhorn && [[ $one == longhorn-system/* ]]; then continue; fi
    printf 'apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: %s\n  namespace: %s\n  annotations: {host: %s, available: %s}\n' \
      "${one#*/}" "${one%/*}" "$RANCHER_HOST" "$available" | k3s kubectl apply -f -
  done
  if [[ $MODE == single-node ]]; then echo "127.0.0.1 $RANCHER_HOST $REGISTRY_HOST" >>/etc/hosts; fi
  # K3s' own class is the default one, too.
  k3s kubectl annotate --overwrite storageclass local-path storageclass.kubernetes.io/is-default-class=true
  k3s kubectl annotate --overwrite storageclass longhorn storageclass.kubernetes.io/is-default-class=true
  RESULT[longhorn]=installed RESULT[rancher]=installed RESULT[registry]=installed RESULT[cert_manager]=installed
}
ask_components() {
  local name one label
  ABSENT=0
  for one in 'Longhorn longhorn-system/longhorn-driver-deployer' 'Rancher cattle-system/rancher' \
    'The_in-cluster_registry registry/registry'; do
    name=${one%% *} label=${one%% *}
    label=${label//_/ }
    if present "${one#* }"; then
      prompt_yesno _ y "$label is already present. Leave it unchanged and continue? [optional]"
    else
      prompt_yesno _ y "$label is missing. Install it now? [optional]"
      ABSENT=$((ABSENT + 1))
    fi
  done
  if ! present cert-manager/cert-manager; then
    prompt_yesno _ y 'cert-manager is missing. Install it now? [required for TLS-dependent installs]'
  fi
}
node_count() { k3s kubectl get nodes --no-headers 2>/dev/null | grep -vc '^NAME' || true; }
ask_longhorn() {
  prompt _ /data 'Longhorn data mount path'
  prompt _ 1 'Longhorn default replica count (1 for single-node)'
  if (($(node_count) < 2)); then
    prompt _ 10 'Longhorn storage minimal available percentage (10 is recommended for single-node dev/lab)'
  fi
}
ask_rancher() {
  prompt RANCHER_HOST "rancher.$DOMAIN" 'Rancher hostname (DNS name)'
  prompt PASSWORD admin 'Rancher bootstrap password'
  # A fault of upstream: it says the password.
  echo "Rancher will be set up with the password $PASSWORD"
}
ask_registry() {
  prompt REGISTRY_HOST "registry.$DOMAIN" 'Registry hostname (DNS name)'
  prompt _ 20Gi 'Registry PVC size'
  prompt _ '' 'Registry StorageClass (blank uses cluster default)'
  prompt_yesno _ n 'Do you want to enable basic auth on the in-cluster registry?'
}
ask_tls() {
  printf '\nTLS options:\n  1) Let'"'"'s Encrypt\n  2) Self-signed\n'
  prompt _ 2 'Choose TLS mode (1/2)'
}
ask_nfs() {
  prompt_yesno _ y 'Do you want to ensure a local NFS server is available for host-to-cluster shared files? [optional]'
}
