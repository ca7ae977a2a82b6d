# syntax=docker/dockerfile:1.7
# Two stages: the first builds from the locks, the second has neither compiler nor build tools nor pip of its own.
FROM python:3.11.13-slim-bookworm AS build
WORKDIR /src
COPY requirements.lock requirements-image.lock ./
RUN python -m venv /opt/build \
    && /opt/build/bin/pip install --no-cache-dir --require-hashes -r requirements.lock \
    && python -m venv /opt/creditgate \
    && /opt/creditgate/bin/pip install --no-cache-dir --require-hashes -r requirements-image.lock
COPY pyproject.toml README.md ./
COPY connector connector
COPY adapters adapters
COPY sandbox sandbox
COPY mappings mappings
COPY policies policies
RUN /opt/build/bin/pip wheel --no-cache-dir --no-deps --no-build-isolation --wheel-dir /opt/wheels . \
    && /opt/creditgate/bin/pip install --no-cache-dir --no-deps --no-index /opt/wheels/creditgate-*.whl \
    && /opt/creditgate/bin/pip uninstall --yes pip setuptools

FROM python:3.11.13-slim-bookworm
RUN groupadd --gid 10001 creditgate \
    && useradd --uid 10001 --gid creditgate --home-dir /data --create-home --shell /usr/sbin/nologin creditgate
COPY --from=build /opt/creditgate /opt/creditgate
ENV PATH=/opt/creditgate/bin:$PATH \
    CREDITGATE_HOME=/data \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
USER 10001:10001
WORKDIR /data
VOLUME /data
EXPOSE 8080
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s --retries=3 \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8080/healthz', timeout=4)"]
ENTRYPOINT ["creditgate"]
CMD ["serve", "--host", "0.0.0.0", "--port", "8080"]
