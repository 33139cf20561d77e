# docker build -t vsr-stability .
# docker run --rm -it --gpus all --ipc host -v "$PWD":/work vsr-stability vsr-grid my_grid.py
#   --gpus needs NVIDIA's container toolkit; --ipc host gives data loaders their shared memory
FROM python:3.12-slim
RUN apt-get update \
    && apt-get install -y --no-install-recommends make \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /opt/vsr-stability
COPY . .
RUN PIP_NO_CACHE_DIR=1 make setup
ENV PATH=/opt/vsr-stability/.venv/bin:$PATH
WORKDIR /work
CMD ["bash"]
