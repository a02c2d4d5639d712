# Each target only calls a tool; `.ci/run` calls the same ones.
BIN := .venv/bin

.DEFAULT_GOAL := help
.PHONY: help install run up down test slow everything lint types format bench bench-night growth faults mutants sbom audit docs clean

help:      ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "%-12s %s\n", $$1, $$2}' Makefile

install:   ## create .venv from the lock, if the lock changed
	@sh .ci/install

run: install      ## do one run in this process
	@$(BIN)/rapport run

up: install       ## start everything under Airflow's scheduler, UI on http://127.0.0.1:8080
	@$(BIN)/rapport up

down:             ## stop everything that `make up` and `make run` started
	@if [ -x $(BIN)/rapport ]; then $(BIN)/rapport down; fi

test: install     ## run the tests; of the slow files a third
	@$(BIN)/python -m pytest -n logical --maxprocesses 4 --dist loadfile --no-loadscope-reorder

slow: install     ## run all slow test files
	@RAPPORT_SLOW=all $(BIN)/python -m pytest -m slow

everything: install ## test one run with every source and destination on
	@$(BIN)/python -m pytest -m everything tests/runs

lint: install     ## check the style of Python and SQL, and the order of imports
	@$(BIN)/lint-imports --no-cache --no-logo
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/sqlfluff lint dbt_project --processes 2 --disable-progress-bar

format: install   ## fix the style
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

types: install    ## run the type checker, strict
	@$(BIN)/mypy

bench: install    ## measure speed, compared with the bare database
	@set -e; for file in benchmarks/bench_*.py; do $(BIN)/python $$file; done

bench-night: install ## measure whole runs at several sizes: PEOPLE="2000 20000", JSON=file, AGAINST=file
	@$(BIN)/python benchmarks/bench_night.py --people $(or $(PEOPLE),2000 20000 200000) \
		$(if $(JSON),--json $(JSON)) $(if $(AGAINST),--against $(AGAINST))

growth: install   ## count what a run reads at sizes of the company, PEOPLE="500 1000 2000 4000"
	@RAPPORT_SLOW=all RAPPORT_GROWTH="$(or $(PEOPLE),500 1000 2000 4000)" \
		$(BIN)/python -m pytest -n 0 --timeout 3600 tests/scale

faults: install   ## cause every fault of tests/faults at every place, and count differences
	@RAPPORT_FAULTS=all $(BIN)/python -m pytest -m faults --timeout 3600

mutants: install  ## remove each guard in a copy, and check that a test fails
	@$(BIN)/python tests/faults/mutants.py

sbom: install     ## list installed packages with hashes, as CycloneDX: var/sbom.json
	@mkdir -p var
	@$(BIN)/python .ci/sbom.py var/sbom.json

audit: install    ## check every locked package against the advisory database, if it can be reached
	@$(BIN)/python .ci/audit.py

docs: install     ## document every table and column, with lineage; SERVE=8081 serves the page
	@$(BIN)/rapport docs $(if $(SERVE),--serve $(SERVE))

clean: down       ## delete var/ and .venv/, with the embedded warehouse
	@if [ -x $(BIN)/rapport ]; then $(BIN)/rapport db remove --yes; fi
	@rm -rf var .venv .mypy_cache .ruff_cache .pytest_cache dbt_project/target dbt_project/logs
