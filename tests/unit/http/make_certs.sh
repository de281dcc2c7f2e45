#!/bin/sh
# Throw-away certificates for the tests: make_certs.sh DIR
set -eu
cd "$1"
new_ca() { # NAME
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 \
    -subj "/CN=$1" -keyout "$1.key" -out "$1.pem" \
    -addext "basicConstraints=critical,CA:TRUE" 2>/dev/null
}
new_ca ca
new_ca other-ca

: > index.txt
echo 01 > serial
cat > ca.conf <<CONF
[ca]
default_ca = one
[one]
database = index.txt
new_certs_dir = .
serial = serial
certificate = ca.pem
private_key = ca.key
default_md = sha256
policy = any
unique_subject = no
copy_extensions = copy
[any]
commonName = supplied
CONF

issue() { # NAME SAN START END
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=$1" \
    -addext "subjectAltName=$2" -keyout "$1.key" -out "$1.csr" 2>/dev/null
  openssl ca -batch -notext -config ca.conf -in "$1.csr" -out "$1.pem" \
    -startdate "$3" -enddate "$4" 2>/dev/null
}
issue server "IP:127.0.0.1,DNS:node1" 20000101000000Z 20990101000000Z
issue future "IP:127.0.0.1" 20900101000000Z 20990101000000Z
issue expired "IP:127.0.0.1" 20000101000000Z 20010101000000Z
issue client "DNS:node2" 20000101000000Z 20990101000000Z
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=self \
  -addext "subjectAltName=IP:127.0.0.1" -keyout self.key -out self.pem 2>/dev/null
