# One image for every service; `docker run … rapport run` works by itself too, with its own Postgres.
FROM python:3.12-slim-bookworm

RUN useradd --create-home --uid 10001 rapport \
    && install -d -o rapport -g rapport /opt/rapport /opt/rapport/var /opt/rapport/var/exports \
       /opt/rapport/in
USER rapport
WORKDIR /opt/rapport
ENV PATH=/opt/rapport/.venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    RAPPORT_HOME=/opt/rapport

COPY --chown=rapport:rapport requirements.lock ./
RUN python -m venv .venv \
    && pip install --no-cache-dir --no-deps --require-hashes -r requirements.lock

COPY --chown=rapport:rapport . .
RUN pip install --no-cache-dir --no-deps --no-build-isolation -e .

VOLUME ["/opt/rapport/var", "/opt/rapport/var/exports"]
ENTRYPOINT ["rapport"]
CMD ["--help"]
