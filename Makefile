# Everything there is to do here, each with one command. `make` alone lists it.
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules

UV := .tools/bin/uv
BIN := .venv/bin
PYTHON := $(BIN)/python
SAM := .tools/sam/bin/sam
# `sam build` takes the python3.13 and the pip that it finds on the path.
WITH_SAM := PATH="$(CURDIR)/.tools/sam/bin:$$PATH" SAM="$(CURDIR)/$(SAM)" SAM_PYTHON="$(CURDIR)/.tools/sam/bin/python"
LOCK := $(UV) pip compile --quiet --generate-hashes --no-emit-index-url --no-annotate \
	--custom-compile-command 'make lock' $(UPGRADE)
# Isolated from the Python settings of the caller's environment, and in as many processes as there are processors.
PYTEST := $(PYTHON) -I -X utf8 -m pytest -n auto --dist worksteal
CORE_TESTS := $(addprefix tests/,core issuer_keys loading presets http reporting) $(wildcard tests/test_*.py)
POLICY := functions/exchange/policy.yaml
EVENT := events/granted-push-github.json

# An environment holds the path that it was made at, and its stamp says it: where the checkout was moved, or the
# environment's Python is gone, it is made anew.
ENVIRONMENTS := .venv .tools/sam .tools/aws-cli .tools/schemathesis
BROKEN := $(shell for made in $(ENVIRONMENTS); do [ ! -e $$made/stamp ] || \
	{ [ "$$(cat $$made/stamp)" = "$$(pwd -P)" ] && [ -x $$made/bin/python ]; } || echo $$made/stamp; done)
WRITE_STAMP = @pwd -P >$@

export SAM_CLI_TELEMETRY := 0
# uv trusts whom curl trusts: a company's certificate authority is one of the system's, not one of those that uv brings.
SYSTEM_CERTIFICATES := /etc/ssl/certs/ca-certificates.crt /etc/pki/tls/certs/ca-bundle.crt /etc/ssl/cert.pem
export UV_SYSTEM_CERTS ?= $(if $(wildcard $(SYSTEM_CERTIFICATES)),true,false)

.PHONY: help setup demo serve test test-core check format bench load fuzz mutants api-check ci-systems lock build events \
	sam-image sam-build sam-check emulator-check sam-invoke sam-api deploy live-check clean $(BROKEN)

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' Makefile

# ------------------------------------------------------------------------------------------------ using it

setup: .venv/stamp ## everything the other targets need, from nothing but curl, and Python or uv; they run it themselves

demo: .venv/stamp ## logins and a refusal on this machine, shown and checked; PROVIDER=gitlab shows one CI system's
	@$(PYTHON) -m sandbox demo $(if $(PROVIDER),--provider $(PROVIDER))

serve: .venv/stamp ## the whole service on this machine, until Ctrl-C; PROVIDER=gitlab, SERVE_FLAGS='--port 8090'
	@$(PYTHON) -m sandbox serve $(if $(PROVIDER),--provider $(PROVIDER)) $(SERVE_FLAGS)

# ------------------------------------------------------------------------------------------------ changing it

test: .venv/stamp ## all tests; PYTEST_FLAGS are handed on, COVERAGE=--cov measures
	@$(PYTEST) $(PYTEST_FLAGS) $(COVERAGE)

test-core: .venv/stamp ## the tests of what decides, in seconds: verification, policy, providers, session policies
	@$(PYTEST) $(CORE_TESTS) $(PYTEST_FLAGS)

check: .venv/stamp .tools/sam/stamp ## formatting, lint, types, import rules, templates
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/cfn-lint template.yaml deploy/*.yaml
	$(SAM) validate --lint

format: .venv/stamp ## format the code, and mend what ruff can mend
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: sam-build .tools/lambda-runtime/stamp .tools/aws-cli/stamp ## how fast it is; BENCH_FLAGS are handed on
	@$(PYTHON) -m bench $(BENCH_FLAGS)

load: .venv/stamp ## a thousand jobs at once, with bad tokens and an AWS that throttles; LOAD_FLAGS are handed on
	@$(PYTHON) -m sandbox load $(LOAD_FLAGS)

fuzz: .venv/stamp ## hostile input for a minute, held against a reference; FUZZ_FLAGS are handed on
	@$(PYTHON) -m fuzz $(FUZZ_FLAGS)

mutants: .venv/stamp ## a sample of changes that tests should notice; MUTANTS_FLAGS are handed on
	@$(PYTHON) -m mutants $(MUTANTS_FLAGS)

api-check: .venv/stamp .tools/schemathesis/stamp ## a running service against docs/openapi.yaml, for less than a minute
	@$(PYTHON) -m sandbox.api_check

ci-systems: .tools/gitlab-ci-local/stamp .tools/aws-cli/stamp ## what runs the pipelines of docs/ci in the tests; needs node, npm and rsync

lock: $(UV) ## write the requirement files anew; UPGRADE=--upgrade takes the newest versions
	$(LOCK) --python-version 3.13 requirements/layer.in -o layers/token_exchange/requirements.txt
	$(LOCK) --universal --python-version 3.12 requirements/dev.in -o requirements/dev.txt
	$(LOCK) --python-version 3.13 requirements/sam.in -o requirements/sam.txt
	$(LOCK) --python-version 3.13 requirements/uv.in -o requirements/uv.txt
	$(LOCK) --python-version 3.13 requirements/lambda-image.in -o requirements/lambda-image.txt
	$(LOCK) --python-version 3.13 requirements/aws-cli.in -o requirements/aws-cli.txt
	$(LOCK) --python-version 3.13 requirements/schemathesis.in -o requirements/schemathesis.txt
	npm install --prefix requirements/gitlab-ci-local --package-lock-only --omit-lockfile-registry-resolved --silent

# ------------------------------------------------------------------------------------------------ in Lambda's image

events: .venv/stamp ## new tokens in events/, good for an hour; FLAGS=--placeholders takes them out
	@$(PYTHON) -m sandbox events $(FLAGS)

sam-image: $(UV) ## Lambda's base image in the container engine: pulled, or a stand-in that is built
	@UV="$(CURDIR)/$(UV)" sh sandbox/lambda_image/build.sh

sam-build: .venv/stamp .tools/sam/stamp ## a build for the sandbox, in .sandbox/build
	@$(WITH_SAM) $(PYTHON) -m sandbox.lambda_build

sam-check: .venv/stamp .tools/sam/stamp sam-image ## every event in Lambda's image, each answer checked
	@$(WITH_SAM) $(PYTHON) -m sandbox.lambda_check

emulator-check: .venv/stamp .tools/sam/stamp .tools/lambda-runtime/stamp ## the built function in Lambda's runtime emulator, without docker; how long it starts
	@$(WITH_SAM) $(PYTHON) -m sandbox.emulator_check

sam-invoke: sam-build sam-image ## one event in Lambda's image, beside `make serve`; EVENT=events/…
	@.tools/sam/bin/python sandbox/sam_on_loopback.py local invoke --config-env sandbox --event "$(EVENT)"

sam-api: sam-build sam-image ## the HTTP API in Lambda's image, beside `make serve`, until Ctrl-C
	@.tools/sam/bin/python sandbox/sam_on_loopback.py local start-api --config-env sandbox

# ------------------------------------------------------------------------------------------------ deploying it

build: .venv/stamp .tools/sam/stamp ## what is deployed, in .aws-sam/build, held against the lock; SAM_FLAGS
	@$(WITH_SAM) $(SAM) build $(SAM_FLAGS)
	@$(PYTHON) deploy/compile_bytecode.py .aws-sam/build
	@$(PYTHON) deploy/check_layer.py .aws-sam/build $(UV)

deploy: .venv/stamp ## build and deploy to AWS, once the policy loads
	@$(PYTHON) deploy/check_policy.py $(POLICY)
	@$(MAKE) build
	@$(WITH_SAM) $(SAM) deploy --guided

live-check: build ## what AWS leaves open, seen in an account of yours; it says what it makes, and removes it
	@$(WITH_SAM) $(PYTHON) -m live_check $(LIVE_FLAGS)

clean: ## remove what was built and what the sandbox keeps; `rm -rf .venv .tools` removes what setup made
	rm -rf .aws-sam .sandbox .fuzz .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache .coverage .coverage.*

# ------------------------------------------------------------------------------------------------ tools

$(UV):
	@sh requirements/find-uv.sh $@

# Python 3.13 is what Lambda runs. The demo and the tests also run on 3.12, which Ubuntu 24.04 has.
.venv/stamp: requirements/dev.txt layers/token_exchange/requirements.txt pyproject.toml | $(UV)
	@sh requirements/make-environment.sh $(UV) .venv $< 3.13 3.12
	@$(UV) pip install --quiet --python $(PYTHON) --no-deps --no-build-isolation --editable .
	$(WRITE_STAMP)

.tools/sam/stamp: requirements/sam.txt | $(UV)
	@sh requirements/make-environment.sh $(UV) .tools/sam $< 3.13
	$(WRITE_STAMP)

.tools/aws-cli/stamp: requirements/aws-cli.txt | $(UV)
	@sh requirements/make-environment.sh $(UV) .tools/aws-cli $< 3.13 3.12
	$(WRITE_STAMP)

.tools/schemathesis/stamp: requirements/schemathesis.txt | $(UV)
	@sh requirements/make-environment.sh $(UV) .tools/schemathesis $< 3.13 3.12
	$(WRITE_STAMP)

.tools/gitlab-ci-local/stamp: requirements/gitlab-ci-local/package-lock.json
	@echo "setup: gitlab-ci-local of requirements/gitlab-ci-local, in .tools/gitlab-ci-local" >&2
	@mkdir -p $(@D)
	@cp requirements/gitlab-ci-local/*.json $(@D)
	@npm ci --prefix $(@D) --no-audit --no-fund --silent
	@touch $@

.tools/lambda-runtime/stamp: requirements/lambda-image.txt | $(UV)
	@echo "setup: Lambda's runtime loop of requirements/lambda-image.txt, in .tools/lambda-runtime" >&2
	@$(UV) pip install --quiet --require-hashes --python-version 3.13 --target .tools/lambda-runtime -r $<
	@touch $@
