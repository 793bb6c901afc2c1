# Two commands: `make say TEXT="..."` speaks, `make test` runs every check that CI runs.
VENV ?= .venv
PYTHON ?= python3
TEXT ?= Hello! This is Sonorant. It turns written words into speech, on any computer.
OUT ?= say.wav
export TEXT OUT

.PHONY: say test lint types tests clean

say: $(VENV)/.core
	@$(VENV)/bin/sonorant say --text "$$TEXT" --output "$$OUT"

test: lint types tests

lint: $(VENV)/.all
	$(VENV)/bin/ruff check

types: $(VENV)/.all
	$(VENV)/bin/mypy

tests: $(VENV)/.all
	OMP_NUM_THREADS=1 $(VENV)/bin/pytest -n 2 --dist loadfile

# The core alone: enough to speak, no torch.
$(VENV)/.core: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/pip install --quiet --upgrade pip
	$(VENV)/bin/pip install --quiet --editable .
	@touch $@

# Everything: training, export and the checks.
$(VENV)/.all: $(VENV)/.core
	$(VENV)/bin/pip install --quiet --editable ".[train,eval,dev]"
	@touch $@

clean:
	rm -rf build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis
