# The command line in a container, from the wheel. Two variants:
#
#   docker build --target cpu -t napari-leukocyte .
#   docker build --target gpu -t napari-leukocyte:gpu .      (CUDA 13; run with --gpus all)
#
#   docker run --rm -v "$PWD:/data" napari-leukocyte run /data/slide.svs --out /data/results
#
# A worker of a scheduler:
#
#   docker run --rm -v "$PWD:$PWD" --entrypoint dask napari-leukocyte worker tcp://HOST:8786

FROM python:3.12-slim AS wheel
WORKDIR /source
COPY . .
# Tags stay outside: --build-arg VERSION=1.2.3 says which it is.
ARG VERSION=
RUN pip install --no-cache-dir build \
    && if [ -n "$VERSION" ]; then export SETUPTOOLS_SCM_PRETEND_VERSION="$VERSION"; fi \
    && python -m build --wheel --outdir /wheel

FROM python:3.12-slim AS cpu
COPY --from=wheel /wheel /wheel
RUN WHEEL="$(ls /wheel/*.whl)" \
    && pip install --no-cache-dir "${WHEEL}[slides]" bokeh \
    && rm -r /wheel \
    && useradd --create-home reader
USER reader
WORKDIR /data
ENTRYPOINT ["napari-leukocyte"]
CMD ["--help"]

# The libraries of CUDA and cuDNN that ONNX Runtime's build for NVIDIA's cards loads come with the
# base, and have to be of the same CUDA: 1.31 is linked against CUDA 13.
FROM nvidia/cuda:13.0.1-cudnn-runtime-ubuntu24.04 AS gpu
RUN apt-get update \
    && apt-get install --no-install-recommends -y python3 python3-venv \
    && rm -rf /var/lib/apt/lists/*
ENV PATH=/opt/venv/bin:$PATH
COPY --from=wheel /wheel /wheel
# Both builds of ONNX Runtime are one module: the one that the wheel asks for has to go first.
RUN python3 -m venv /opt/venv \
    && WHEEL="$(ls /wheel/*.whl)" \
    && pip install --no-cache-dir "${WHEEL}[slides]" bokeh \
    && pip uninstall -y onnxruntime \
    && pip install --no-cache-dir "onnxruntime-gpu>=1.31" \
    && rm -r /wheel \
    && useradd --create-home reader
USER reader
WORKDIR /data
ENTRYPOINT ["napari-leukocyte"]
CMD ["--help"]
