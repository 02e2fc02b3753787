# All images of Cloister. From source:
#   docker build --target operator -t cloister.dev/operator .
#   docker build --target node -t cloister.dev/node .
#   docker build --target sandbox-base -t cloister.dev/sandbox-base .
# images/build makes them without Docker, without a registry, and from the binaries in build/.

ARG BASE=debian:12-slim
# Where the files of our own programs come from: `build` compiles them, `prebuilt` takes what images/build laid out. (Debian
# 12's buildah finds the stage only if the argument is given, default or not.)
ARG ROOTS=build

# What an agent's commands run in, unless the Sandbox names an image of its own.
FROM ${BASE} AS sandbox-base
RUN --mount=type=bind,source=images/sandbox-base,target=/mnt/sandbox-base /mnt/sandbox-base/setup
# pip: this file system is thrown away with the sandbox, so Debian's guard against mixing pip's packages with apt's
# would only be in an agent's way.
ENV LANG=C.UTF-8 \
    HOME=/home/user \
    SHELL=/bin/bash \
    PATH=/home/user/.local/bin:/usr/local/bin:/usr/bin:/bin \
    PIP_BREAK_SYSTEM_PACKAGES=1 \
    PIP_DISABLE_PIP_VERSION_CHECK=1
# By number: `runAsNonRoot` can't tell what a name means.
USER 1000:1000
WORKDIR /workspace
# Stays until it is told to go: as process 1, sleep alone would ignore SIGTERM and cost every deletion the grace period.
CMD ["/bin/sh", "-c", "trap 'exit 0' TERM INT; sleep infinity & wait"]
ARG VERSION=dev
LABEL org.opencontainers.image.title="Cloister sandbox base" \
      org.opencontainers.image.description="Shell, git, curl and Python 3 on Debian 12, for sandboxes of AI agents" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}"

FROM ${BASE} AS build
WORKDIR /src
# Alone first: the packages are then fetched anew only when their list changes.
COPY tools/setup tools/setup
RUN tools/setup --only build && rm -rf /var/lib/apt/lists
COPY . .
RUN cmake --preset release && cmake --build --preset release --target cloister-operator cloister-node cloister-runsc
RUN images/collect-root /out/operator build/release/operator/cloister-operator \
 && images/collect-root /out/node build/release/node/agent/cloister-node build/release/node/runsc/cloister-runsc

FROM scratch AS prebuilt
COPY build/images/roots/ /out/

FROM ${ROOTS} AS roots

FROM scratch AS operator
COPY --from=roots /out/operator/ /
USER 65532:65532
ENTRYPOINT ["/cloister-operator"]
ARG VERSION=dev
LABEL org.opencontainers.image.title="Cloister operator" \
      org.opencontainers.image.description="Runs AI agents' code in sandboxes on Kubernetes: the controllers" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}"

# Root, as it calls runsc and keeps the memory of sandboxes; its DaemonSet leaves it next to none of root's powers.
FROM scratch AS node
COPY --from=roots /out/node/ /
USER 0:0
ENTRYPOINT ["/cloister-node"]
ARG VERSION=dev
LABEL org.opencontainers.image.title="Cloister node" \
      org.opencontainers.image.description="Saves and restores the sandboxes of a node: cloister-node, and cloister-runsc for it" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}"
