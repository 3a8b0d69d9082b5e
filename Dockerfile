# One image for all six processes. The command of a container selects the process. Health checks: docker-compose.yml.
FROM python:3.11-slim AS packages
COPY compose/requirements.txt .
RUN pip install --no-cache-dir --root-user-action=ignore --require-hashes --ignore-installed --prefix=/packages \
      --requirement requirements.txt

FROM python:3.11-slim
LABEL org.opencontainers.image.title="Liên Thông" \
      org.opencontainers.image.description="Vietnam's interconnected public services, complete, deterministic and invented" \
      org.opencontainers.image.version="0.1.0" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.base.name="python:3.11-slim"
ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 SECRETS_DIR=/var/lib/lienthong/secrets
RUN groupadd --system --gid 10001 lienthong \
 && useradd --system --uid 10001 --gid lienthong --no-create-home --shell /usr/sbin/nologin lienthong \
 && for reader in . portal province_gateway identity payment kafka postgres; do \
      install --directory --owner=lienthong --group=lienthong --mode=0750 "$SECRETS_DIR/$reader"; done
COPY --from=packages /packages /usr/local
WORKDIR /srv/lienthong
COPY compose/ready.py compose/draw_secrets.py compose/
COPY contracts contracts
COPY shared shared
COPY services services
# Compiled now, because the folder is read-only later. The sources do not change, so Python need not compare them (unchecked-hash).
RUN python -m compileall -q --invalidation-mode unchecked-hash .
USER 10001:10001
