# Each target only calls a tool; `.ci/run` calls the same ones.
BIN := .venv/bin

.DEFAULT_GOAL := help
.PHONY: help install run up down test slow everything lint types format bench faults mutants sbom audit docs clean

help:      ## what there is
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "%-10s %s\n", $$1, $$2}' Makefile

install:   ## .venv from the lock, anew only when the lock changed
	@sh .ci/install

run: install      ## tonight's job, once, in this process
	@$(BIN)/rapport run

up: install       ## everything under Airflow's scheduler, UI on http://127.0.0.1:8080
	@$(BIN)/rapport up

down:             ## stop what `make up` and `make run` left running
	@if [ -x $(BIN)/rapport ]; then $(BIN)/rapport down; fi

test: install     ## the suite; of its slow files a third
	@$(BIN)/python -m pytest -n logical --maxprocesses 4 --dist loadfile --no-loadscope-reorder

slow: install     ## the files of which `make test` runs a third each time
	@RAPPORT_SLOW=all $(BIN)/python -m pytest -m slow

everything: install ## a night with every source and destination on, and what each tool then holds
	@$(BIN)/python -m pytest -m everything tests/night

lint: install     ## style of Python and SQL, and the direction of imports
	@$(BIN)/lint-imports --no-cache --no-logo
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/sqlfluff lint dbt_project --processes 2 --disable-progress-bar

format: install   ## put the style right
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

types: install    ## the type checker, strict
	@$(BIN)/mypy

bench: install    ## how fast, against the bare database
	@set -e; for file in benchmarks/bench_*.py; do $(BIN)/python $$file; done

faults: install   ## cause every fault of tests/faults at every place, and count what differs
	@RAPPORT_FAULTS=all $(BIN)/python -m pytest -m faults --timeout 3600

mutants: install  ## take each guard out of a copy, and see a test fail
	@$(BIN)/python tests/faults/mutants.py

sbom: install     ## what is installed, with hashes, as CycloneDX: var/sbom.json
	@mkdir -p var
	@$(BIN)/python .ci/sbom.py var/sbom.json

audit: install    ## ask the advisory database about every locked package, where it can be reached
	@$(BIN)/python .ci/audit.py

docs: install     ## every table and column, from the raw stream to the tool's field; SERVE=8081 serves it
	@$(BIN)/rapport docs $(if $(SERVE),--serve $(SERVE))

clean: down       ## remove everything that was made here, the embedded warehouse too
	@if [ -x $(BIN)/rapport ]; then $(BIN)/rapport db remove --yes; fi
	@rm -rf var .venv .mypy_cache .ruff_cache .pytest_cache dbt_project/target dbt_project/logs
