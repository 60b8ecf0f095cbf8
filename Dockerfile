# One image, four commands: imagegw api | puller | converter | shipper.
FROM debian:12-slim AS build

SHELL ["/bin/bash", "-o", "pipefail", "-c"]
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends python3-venv \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY requirements.txt requirements-build.txt ./
RUN python3 -m venv /opt/imagegw \
    && python3 -m venv /opt/build \
    && /opt/imagegw/bin/pip install --no-cache-dir --require-hashes -r requirements.txt \
    && /opt/build/bin/pip install --no-cache-dir --require-hashes -r requirements-build.txt
COPY pyproject.toml README.md LICENSE ./
COPY shared shared
COPY services services
COPY cli cli
RUN /opt/build/bin/hatchling build -t wheel -d dist \
    && /opt/imagegw/bin/pip install --no-cache-dir --no-deps --no-index dist/*.whl

FROM debian:12-slim

# The versions of Debian's packages are the release's; a security update must not need a change here.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends \
        ca-certificates libmunge2 openssh-client python3 squashfs-tools squashfs-tools-ng \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 5000 --user-group --home-dir /var/lib/imagegw --create-home imagegw \
    && install -d -o imagegw -g imagegw /store /images
COPY --from=build /opt/imagegw /opt/imagegw
ENV PATH=/opt/imagegw/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    GWCONFIG=/etc/imagegw/imagemanager.json
USER 5000:5000
WORKDIR /var/lib/imagegw
EXPOSE 5000
STOPSIGNAL SIGTERM
ENTRYPOINT ["imagegw"]
CMD ["api"]
