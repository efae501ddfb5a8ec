# make simulate SEEDS=10000 FIRST=0 PLATFORM=zendesk; make test-crash KILLS=200; make demo ARGS="--seed 7"; make test ARGS="tests/rules -k calendar"; make lock ARGS=--upgrade
ARGS =
SEEDS = 100
KILLS = 200
FIRST = 0
PLATFORM = jira
BIN = .venv/bin
LOCK = $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header $(ARGS)

# In brackets so that the pattern does not find itself.
REGISTRIES = py[p]i\.(org|io|python)|[p]ythonhosted\.|[n]pmjs\.|[n]pmmirror\.|[c]rates\.io|[r]ubygems\.|[g]olang\.org

.PHONY: setup demo bench test simulate test-crash check format lock clean

setup:
	@./bootstrap

demo: setup
	@$(BIN)/hoist demo $(ARGS)

bench: setup
	@$(BIN)/python -m benchmarks $(ARGS)

test: setup
	@$(BIN)/python -m pytest -n auto $(ARGS)

simulate: setup
	@$(BIN)/python -m tests.simulation --seeds $(SEEDS) --first $(FIRST) --platform $(PLATFORM) $(ARGS)

test-crash: setup
	@$(BIN)/python -m tests.crashes --kills $(KILLS) --platform $(PLATFORM) $(ARGS)

check: setup
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	@if grep -n '://' requirements/*.txt; then echo 'A lock names a host: write it with "make lock".'; exit 1; fi
	@if git grep --no-index --exclude-standard -nIE '$(REGISTRIES)' -- .; then echo 'A file names the host of a registry.'; exit 1; fi

format: setup
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

lock: setup
	$(LOCK) pyproject.toml -o requirements/runtime.txt
	$(LOCK) pyproject.toml --all-extras requirements/build.in -o requirements/development.txt -c requirements/runtime.txt
	$(LOCK) requirements/uv.in -o requirements/uv.txt
	$(LOCK) requirements/pysnow.in -o requirements/pysnow.txt

clean:
	rm -rf .venv .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache build dist hoist.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
