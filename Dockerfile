# One image for all parts; `docker-compose.yml` says which of them a container runs.
FROM python:3.11-slim

RUN apt-get update && apt-get install --yes --no-install-recommends bubblewrap git && rm -rf /var/lib/apt/lists/* \
    && useradd --create-home --uid 10001 parley && install -d -o parley /var/lib/parley

WORKDIR /srv/parley
COPY requirements.lock ./
RUN pip install --no-cache-dir --require-hashes --no-deps -r requirements.lock
COPY . .

USER parley
ENV PARLEY_HOME=/var/lib/parley PYTHONUNBUFFERED=1
VOLUME /var/lib/parley
EXPOSE 8000
CMD ["python", "manage.py", "up", "--roles", "web"]
