"""What every archive of the corpus is made of: a package that is good but for one thing."""
from tar_bytes import END, gzipped, member

ACCEPT = "accept"
REFUSED = "ArchiveRefused"
TOO_LARGE = "TooLarge"

MANIFEST = """apiVersion: infra.productive-k3s.io/v1
kind: Profile
metadata: { name: corpus, version: 1.0.0 }
spec:
  modes:
    single-node:
      steps:
        - { id: one, run: [bin/one] }
"""

GOOD = member("profile.yaml", MANIFEST) + member("bin/one", "#!/bin/sh\n", mode=0o755)


def tar(*members):
    return GOOD + b"".join(members) + END


def archive(*members):
    """A good package with these members more."""
    return gzipped(tar(*members))


def refused(name, words, *members):
    return (name, REFUSED, words, archive(*members))


def accepted(name, *members):
    return (name, ACCEPT, "", archive(*members))
