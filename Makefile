# One command each; the work is in scripts/.
.DEFAULT_GOAL := help
.PHONY: help setup lint test demo demo-kill requirements clean

help: ## show this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

setup: ## make .venv, and as root install the Debian packages that are missing
	@scripts/setup

lint: setup ## check style, types, import rules, Dockerfile and compose.yaml
	@scripts/lint

test: setup lint ## check everything, then run every test (PYTEST_ADDOPTS narrows it)
	@.venv/bin/python -m pytest

demo: setup ## pull a real image through the whole gateway (IMAGE=ref: from the network)
	@scripts/demo

demo-kill: setup ## the same, with each service, the broker and mongod killed during the pull
	@scripts/demo --kill

requirements: ## pin the dependencies anew, as of a week ago (needs uv)
	@scripts/pin-requirements

clean: ## remove what these commands made in this directory
	rm -rf .venv build dist .coverage* .hypothesis .mypy_cache .pytest_cache .ruff_cache .import_linter_cache
	find cli services shared tests bench -name __pycache__ -prune -exec rm -rf {} +
