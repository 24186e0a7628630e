# One image for every role: server, worker, watcher, dashboard and bootstrap are commands of it.
# Build: docker build -t aljibe .        Run: docker run --rm aljibe doctor
ARG BASE_IMAGE=debian:12.11-slim

FROM ${BASE_IMAGE} AS system
# tini is process 1: it passes signals on, and reaps what a killed run leaves behind.
# hadolint ignore=DL3005,DL3008
RUN apt-get update \
 && apt-get upgrade --yes \
 && apt-get install --yes --no-install-recommends ca-certificates python3 tini tzdata \
 && rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/cache/ldconfig/aux-cache /var/log/*

FROM system AS builder
# hadolint ignore=DL3008
RUN apt-get update \
 && apt-get install --yes --no-install-recommends python3-venv
COPY requirements.lock /build/requirements.lock
# Wheels only: what builds itself while it is installed would bring tools that no hash pins.
RUN python3 -m venv /opt/venv \
 && /opt/venv/bin/python -m pip install --no-cache-dir --no-compile --disable-pip-version-check \
      --only-binary :all: --require-hashes --requirement /build/requirements.lock \
 && /opt/venv/bin/python -m pip uninstall --yes --quiet pip setuptools
COPY . /app
# The clock of the build goes into no file: the same sources give the same bytes.
ARG SOURCE_DATE_EPOCH=0
RUN printf '/app\n' >/opt/venv/lib/python3.11/site-packages/aljibe.pth \
 && ln -s /app/deploy/aljibe /opt/venv/bin/aljibe \
 && /opt/venv/bin/python -m compileall -q -j 0 --invalidation-mode unchecked-hash /opt/venv/lib /app
# Each domain as dbt parses it: the first run of an empty volume starts with it.
RUN mkdir /app/parsed \
 && ALJIBE_HOME=/tmp/parse ALJIBE_PARSE_DIR=/app/parsed \
      /opt/venv/bin/python -m lakehouse.transform.parse_ahead \
 && rm -rf /tmp/parse

FROM system AS runtime
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="Aljibe" \
      org.opencontainers.image.description="A lakehouse for small data teams" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
# A number, so that a platform can tell without looking that it is not root.
RUN groupadd --gid 10001 aljibe \
 && useradd --uid 10001 --gid 10001 --home-dir /data --no-create-home --shell /usr/sbin/nologin aljibe \
 && install --directory --owner=10001 --group=10001 --mode=0750 /data
COPY --from=builder /opt/venv /opt/venv
COPY --from=builder /app /app
ENV PATH=/opt/venv/bin:/usr/local/bin:/usr/bin:/bin \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    HOME=/data \
    ALJIBE_HOME=/data \
    ALJIBE_PROJECT=/app \
    ALJIBE_BIN=/opt/venv/bin \
    ALJIBE_PARSE_DIR=/app/parsed \
    PREFECT_UI_STATIC_DIRECTORY=/tmp/prefect-ui \
    PREFECT_SERVER_ANALYTICS_ENABLED=false \
    DO_NOT_TRACK=1
WORKDIR /app
USER 10001:10001
VOLUME /data
EXPOSE 4200 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=10s --start-period=120s --retries=3 CMD ["/app/deploy/healthcheck"]
ENTRYPOINT ["/usr/bin/tini", "--", "/app/deploy/entrypoint"]
CMD ["worker"]
