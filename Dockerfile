# syntax=docker/dockerfile:1
# Two stages: the first builds wheels from the lock, the second has neither compiler nor build tools.
FROM python:3.11-slim-bookworm AS build
WORKDIR /src
COPY requirements.lock ./
RUN python -m venv /opt/creditgate \
    && /opt/creditgate/bin/pip install --no-cache-dir --require-hashes -r requirements.lock
COPY pyproject.toml README.md ./
COPY connector connector
COPY adapters adapters
COPY sandbox sandbox
COPY mappings mappings
COPY policies policies
RUN /opt/creditgate/bin/pip install --no-cache-dir --no-deps --no-build-isolation .

FROM python:3.11-slim-bookworm
RUN groupadd --gid 10001 creditgate \
    && useradd --uid 10001 --gid creditgate --home-dir /data --create-home --shell /usr/sbin/nologin creditgate
COPY --from=build /opt/creditgate /opt/creditgate
ENV PATH=/opt/creditgate/bin:$PATH \
    CREDITGATE_HOME=/data \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
USER creditgate
WORKDIR /data
VOLUME /data
EXPOSE 8080
ENTRYPOINT ["creditgate"]
CMD ["serve", "--host", "0.0.0.0", "--port", "8080"]
