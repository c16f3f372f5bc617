# shellcheck shell=bash
# The cluster's certificates and kubeconfigs. Sourced after settings.sh.
# They last a year; one that ends within a day, or was signed by an earlier authority, is made again.

valid() { # name
  [ -s "$pki/$1.crt" ] && [ -s "$pki/$1.key" ] && openssl x509 -in "$pki/$1.crt" -noout -checkend 86400 >/dev/null 2>&1 &&
    openssl verify -CAfile "$pki/ca.crt" "$pki/$1.crt" >/dev/null 2>&1
}

authority() {
  ! valid ca || return 0
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$pki/ca.key" -out "$pki/ca.crt" -days 365 \
    -subj "/CN=galsync-lab $(date -u +%Y%m%dT%H%M%SZ)" -addext basicConstraints=critical,CA:TRUE \
    -addext keyUsage=critical,keyCertSign,cRLSign 2>/dev/null
}

certificate() { # name subject alternative-names
  ! valid "$1" || return 0
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$pki/$1.key" -out "$pki/$1.csr" -subj "$2" 2>/dev/null
  openssl x509 -req -in "$pki/$1.csr" -CA "$pki/ca.crt" -CAkey "$pki/ca.key" -CAcreateserial -days 365 -out "$pki/$1.crt" \
    -extfile <(printf 'subjectAltName=%s\nkeyUsage=critical,digitalSignature\nextendedKeyUsage=serverAuth,clientAuth\n' "$3") 2>/dev/null
  rm -f "$pki/$1.csr"
}

write_kubeconfig() { # certificate's name, file
  local temporary=$2.new
  rm -f "$temporary"
  (
    export KUBECONFIG=$temporary
    "$binaries/kubectl" config set-cluster galsync-lab --server="$api_server" --certificate-authority="$pki/ca.crt" --embed-certs
    "$binaries/kubectl" config set-credentials "$1" --client-certificate="$pki/$1.crt" --client-key="$pki/$1.key" --embed-certs
    "$binaries/kubectl" config set-context galsync-lab --cluster=galsync-lab --user="$1"
    "$binaries/kubectl" config use-context galsync-lab
  ) >/dev/null
  chmod 600 "$temporary"
  mv -f "$temporary" "$2"
}

write_certificates() {
  local name
  mkdir -p "$pki" "$config"
  chmod 700 "$pki" "$config"
  authority
  certificate etcd /CN=etcd "IP:127.0.0.1,DNS:localhost"
  certificate apiserver /CN=kube-apiserver \
    "IP:$gateway,IP:$kubernetes_service,IP:127.0.0.1,DNS:localhost,DNS:kubernetes,DNS:kubernetes.default,DNS:kubernetes.default.svc,DNS:kubernetes.default.svc.cluster.local"
  certificate apiserver-client /O=system:masters/CN=kube-apiserver DNS:kube-apiserver
  certificate front-proxy /CN=front-proxy DNS:front-proxy
  certificate admin /O=system:masters/CN=admin DNS:admin
  certificate kubelet "/O=system:nodes/CN=system:node:$node" "DNS:$node,IP:$gateway"
  certificate controller-manager /CN=system:kube-controller-manager "DNS:kube-controller-manager,DNS:localhost,IP:127.0.0.1"
  certificate scheduler /CN=system:kube-scheduler "DNS:kube-scheduler,DNS:localhost,IP:127.0.0.1"
  certificate proxy /CN=system:kube-proxy DNS:kube-proxy
  certificate coredns /CN=galsync-lab:coredns DNS:coredns
  if [ ! -s "$pki/service-accounts.pub" ]; then
    openssl genrsa -out "$pki/service-accounts.key" 2048 2>/dev/null
    openssl rsa -in "$pki/service-accounts.key" -pubout -out "$pki/service-accounts.pub" 2>/dev/null
  fi
  for name in kubelet controller-manager scheduler proxy coredns; do
    write_kubeconfig "$name" "$config/$name.kubeconfig"
  done
  write_kubeconfig admin "$kubeconfig"
}
