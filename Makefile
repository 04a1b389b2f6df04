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
LOCK := $(UV) pip compile --quiet --generate-hashes --no-emit-index-url --python-version 3.13 --no-annotate \
	--custom-compile-command 'make lock'
POLICY := functions/exchange/policy.yaml
EVENT := events/granted-push-github.json

# CI measures what the tests reach, and fails where it is less than pyproject.toml says.
COVERAGE := $(if $(CI),--cov --cov-report=term:skip-covered)

# A person sees what is fetched; a log need not hold it.
QUIET := $(if $(CI),--quiet)

export SAM_CLI_TELEMETRY := 0

.PHONY: help setup demo serve test check format bench load fuzz mutants api-check ci-systems lock build events sam-image sam-build sam-check \
	emulator-check sam-invoke sam-api deploy live-check clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' Makefile

# ------------------------------------------------------------------------------------------------ using it

setup: .venv/stamp ## everything the other targets need, from nothing but Python 3 or uv; they run it themselves

demo: .venv/stamp ## logins and a refusal on this machine, shown and checked; PROVIDER=gitlab shows one CI system's
	@$(PYTHON) -m sandbox demo $(if $(PROVIDER),--provider $(PROVIDER))

serve: .venv/stamp ## the whole service on this machine, until Ctrl-C; PROVIDER=gitlab for its jobs' tokens
	@$(PYTHON) -m sandbox serve $(if $(PROVIDER),--provider $(PROVIDER))

# ------------------------------------------------------------------------------------------------ changing it

test: .venv/stamp ## all tests; PYTEST_FLAGS are handed on, COVERAGE=--cov measures
	@$(BIN)/pytest $(COVERAGE) $(PYTEST_FLAGS)

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
	$(LOCK) $(UPGRADE) requirements/layer.in -o layers/token_exchange/requirements.txt
	$(LOCK) $(UPGRADE) requirements/dev.in -o requirements/dev.txt
	$(LOCK) $(UPGRADE) requirements/sam.in -o requirements/sam.txt
	$(LOCK) $(UPGRADE) requirements/uv.in -o requirements/uv.txt
	$(LOCK) $(UPGRADE) requirements/lambda-image.in -o requirements/lambda-image.txt
	$(LOCK) $(UPGRADE) requirements/aws-cli.in -o requirements/aws-cli.txt
	$(LOCK) $(UPGRADE) requirements/schemathesis.in -o requirements/schemathesis.txt
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

clean: ## remove what was built and what the sandbox keeps
	rm -rf .aws-sam .sandbox .fuzz .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache .coverage .coverage.*

# ------------------------------------------------------------------------------------------------ tools

$(UV):
	@sh requirements/find-uv.sh $@

.venv/stamp: requirements/dev.txt layers/token_exchange/requirements.txt pyproject.toml | $(UV)
	@echo "setup: Python 3.13 and the libraries of requirements/dev.txt, in .venv" >&2
	@$(UV) venv $(QUIET) --allow-existing --python 3.13 .venv
	@VIRTUAL_ENV=.venv $(UV) pip sync $(QUIET) --require-hashes requirements/dev.txt
	@VIRTUAL_ENV=.venv $(UV) pip install $(QUIET) --no-deps --no-build-isolation --editable .
	@touch $@

.tools/sam/stamp: requirements/sam.txt | $(UV)
	@echo "setup: the SAM CLI of requirements/sam.txt, in .tools/sam" >&2
	@$(UV) venv $(QUIET) --allow-existing --python 3.13 .tools/sam
	@VIRTUAL_ENV=.tools/sam $(UV) pip sync $(QUIET) --require-hashes requirements/sam.txt
	@touch $@

.tools/aws-cli/stamp: requirements/aws-cli.txt | $(UV)
	@echo "setup: the AWS CLI of requirements/aws-cli.txt, in .tools/aws-cli" >&2
	@$(UV) venv $(QUIET) --allow-existing --python 3.13 .tools/aws-cli
	@VIRTUAL_ENV=.tools/aws-cli $(UV) pip sync $(QUIET) --require-hashes requirements/aws-cli.txt
	@touch $@

.tools/schemathesis/stamp: requirements/schemathesis.txt | $(UV)
	@echo "setup: Schemathesis of requirements/schemathesis.txt, in .tools/schemathesis" >&2
	@$(UV) venv $(QUIET) --allow-existing --python 3.13 .tools/schemathesis
	@VIRTUAL_ENV=.tools/schemathesis $(UV) pip sync $(QUIET) --require-hashes requirements/schemathesis.txt
	@touch $@

.tools/gitlab-ci-local/stamp: requirements/gitlab-ci-local/package-lock.json
	@echo "setup: gitlab-ci-local of requirements/gitlab-ci-local, in .tools/gitlab-ci-local" >&2
	@mkdir -p $(@D)
	@cp requirements/gitlab-ci-local/*.json $(@D)
	@npm ci --prefix $(@D) --no-audit --no-fund --silent
	@touch $@

.tools/lambda-runtime/stamp: requirements/lambda-image.txt | $(UV)
	@echo "setup: Lambda's runtime loop of requirements/lambda-image.txt, in .tools/lambda-runtime" >&2
	@$(UV) pip install $(QUIET) --require-hashes --python-version 3.13 --target .tools/lambda-runtime -r $<
	@touch $@
