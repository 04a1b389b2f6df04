# Every task of this project, one command each. `make` without a target lists them.
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules

UV := .tools/bin/uv
BIN := .venv/bin
PYTHON := $(BIN)/python
SAM := .tools/sam/bin/sam
# `sam build` uses the python3.13 and the pip on the path.
WITH_SAM := PATH="$(CURDIR)/.tools/sam/bin:$$PATH" SAM="$(CURDIR)/$(SAM)" SAM_PYTHON="$(CURDIR)/.tools/sam/bin/python"
LOCK := $(UV) pip compile --quiet --generate-hashes --no-emit-index-url --no-annotate \
	--custom-compile-command 'make lock' $(UPGRADE)
# Isolated from Python settings in the environment, and in several processes (tests/conftest.py).
PYTEST := $(PYTHON) -I -X utf8 -m pytest -n auto --dist worksteal
CORE_TESTS := $(addprefix tests/,core issuer_keys loading presets http reporting) $(wildcard tests/test_*.py)
POLICY := functions/exchange/policy.yaml
STACK := ecr-token-exchange
DEPLOY_FLAGS = --stack '$(STACK)' --region '$(REGION)' --policy '$(POLICY)' --roles '$(ROLES)' --topic '$(TOPIC)' \
	--url '$(URL)' --docs '$(DOCS)' --parameters '$(PARAMETERS)'
EVENT := events/granted-push-github.json

# An environment contains the path at which it was created, which its stamp records. If the checkout was moved, or the
# environment's Python no longer exists, it is created again.
ENVIRONMENTS := .venv .tools/sam .tools/aws-cli .tools/schemathesis .tools/bench .tools/deploy-emulator \
	.tools/release
BROKEN := $(shell for made in $(ENVIRONMENTS); do [ ! -e $$made/stamp ] || \
	{ [ "$$(cat $$made/stamp)" = "$$(pwd -P)" ] && [ -x $$made/bin/python ]; } || echo $$made/stamp; done)
WRITE_STAMP = @pwd -P >$@

export SAM_CLI_TELEMETRY := 0
# uv trusts the system's certificate authorities, as curl does: uv's own list lacks a company's authority.
SYSTEM_CERTIFICATES := /etc/ssl/certs/ca-certificates.crt /etc/pki/tls/certs/ca-bundle.crt /etc/ssl/cert.pem
export UV_SYSTEM_CERTS ?= $(if $(wildcard $(SYSTEM_CERTIFICATES)),true,false)

.PHONY: help setup demo serve test test-core check format bench load drill fuzz mutants api-check ci-systems audit-dependencies lock build events pictures steps \
	sam-image sam-build sam-check emulator-check architecture-check sam-invoke sam-api release release-check deploy undeploy \
	deploy-check live-check clean $(BROKEN)

# ------------------------------------------------------------------------------------------------ use

help: ## list these targets
	@awk -F ':.*## ' '/^# --+ / { sub(/^# -+ /, ""); title = "\n" $$0 ":\n" } \
		/^[a-z-]+:.*## / { printf "%s  make %-18s %s\n", title, $$1, $$2; title = "" }' Makefile

setup: .venv/stamp ## install what the other targets need, with only curl and Python or uv; they run it when needed

demo: .venv/stamp ## run and check logins and a refusal on this machine; PROVIDER=gitlab for one CI system's
	@$(PYTHON) -m sandbox demo $(if $(PROVIDER),--provider $(PROVIDER))

serve: .venv/stamp ## run the whole service on this machine until Ctrl-C; PROVIDER=gitlab, SERVE_FLAGS='--port 8090'
	@$(PYTHON) -m sandbox serve $(if $(PROVIDER),--provider $(PROVIDER)) $(SERVE_FLAGS)

# ------------------------------------------------------------------------------------------------ development

test: .venv/stamp ## run all tests; PYTEST_FLAGS='-k glob' runs some, COVERAGE=--cov measures coverage
	@$(PYTEST) $(PYTEST_FLAGS) $(COVERAGE)

test-core: .venv/stamp ## run the tests of the decision in seconds: verification, policy, providers, session policies
	@$(PYTEST) $(CORE_TESTS) $(PYTEST_FLAGS)

check: .venv/stamp .tools/sam/stamp ## check formatting, lint, types, import rules and templates
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/cfn-lint template.yaml deploy/*.yaml live_check/*.yaml
	$(SAM) validate --lint

format: .venv/stamp ## format the code, and apply ruff's fixes
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: sam-build .tools/lambda-runtime/stamp .tools/aws-cli/stamp .tools/bench/stamp ## measure performance; BENCH_FLAGS are passed on
	@$(PYTHON) -m bench $(BENCH_FLAGS)

pictures: .venv/stamp ## redraw the pictures in docs/pictures; needs vim, chromium and its driver
	@$(PYTHON) -m sandbox pictures
	@$(PYTHON) -m tests.pictures

steps: .venv/stamp ## rewrite the documents' login steps, from what `token-exchange step` prints
	@$(PYTHON) -m tests.docs.written_steps

load: .venv/stamp ## run a thousand jobs at once, with bad tokens and throttling by AWS; LOAD_FLAGS are passed on
	@$(PYTHON) -m sandbox load $(LOAD_FLAGS)

drill: .venv/stamp .tools/aws-cli/stamp ## break the sandbox, follow the runbooks, and report how long jobs failed; NAME=kill-switch for one
	@$(PYTHON) -m sandbox drill $(NAME)

fuzz: .venv/stamp ## test with hostile input for a minute, against a reference; FUZZ_FLAGS are passed on
	@$(PYTHON) -m fuzz $(FUZZ_FLAGS)

mutants: .venv/stamp ## check that tests notice a sample of faulty changes; MUTANTS_FLAGS are passed on
	@$(PYTHON) -m mutants $(MUTANTS_FLAGS)

api-check: .venv/stamp .tools/schemathesis/stamp ## test a running service against docs/openapi.yaml, in less than a minute
	@$(PYTHON) -m sandbox.api_check

ci-systems: .tools/gitlab-ci-local/stamp .tools/aws-cli/stamp ## install what the tests of docs/ci's pipelines need; needs node, npm and rsync

audit-dependencies: .venv/stamp .tools/release/stamp ## look up known vulnerabilities of all locked packages; ADVISORIES=FOLDER uses a copy of OSV's
	@$(PYTHON) requirements/audit_dependencies.py .tools/release/bin/pip-audit $(ADVISORIES)

lock: $(UV) ## rewrite the requirement files; UPGRADE=--upgrade uses the newest versions
	$(LOCK) --python-version 3.13 requirements/layer.in -o layers/token_exchange/requirements.txt
	$(LOCK) --universal --python-version 3.12 requirements/dev.in -o requirements/dev.txt
	$(LOCK) --python-version 3.13 requirements/sam.in -o requirements/sam.txt
	$(LOCK) --python-version 3.13 requirements/uv.in -o requirements/uv.txt
	$(LOCK) --python-version 3.13 requirements/lambda-image.in -o requirements/lambda-image.txt
	$(LOCK) --python-version 3.13 requirements/deploy-emulator.in -o requirements/deploy-emulator.txt
	$(LOCK) --universal --python-version 3.12 requirements/release.in -o requirements/release.txt
	$(LOCK) --python-version 3.13 requirements/aws-cli.in -o requirements/aws-cli.txt
	$(LOCK) --python-version 3.13 requirements/schemathesis.in -o requirements/schemathesis.txt
	$(LOCK) --universal --python-version 3.12 requirements/bench.in -o requirements/bench.txt
	npm install --prefix requirements/gitlab-ci-local --package-lock-only --omit-lockfile-registry-resolved --silent

# ------------------------------------------------------------------------------------------------ Lambda's image

events: .venv/stamp ## write new tokens into events/, valid for an hour; FLAGS=--placeholders removes them
	@$(PYTHON) -m sandbox events $(FLAGS)

sam-image: $(UV) ## get Lambda's base image for the container engine: pull it, or build a stand-in
	@UV="$(CURDIR)/$(UV)" sh sandbox/lambda_image/build.sh

sam-build: .venv/stamp .tools/sam/stamp ## build for the sandbox, in .sandbox/build
	@$(WITH_SAM) $(PYTHON) -m sandbox.lambda_build

sam-check: .venv/stamp .tools/sam/stamp sam-image ## run every event in Lambda's image, and check each answer
	@$(WITH_SAM) $(PYTHON) -m sandbox.lambda_check

emulator-check: .venv/stamp .tools/sam/stamp .tools/lambda-runtime/stamp ## run the built function in Lambda's runtime emulator, without docker, and measure its start
	@$(WITH_SAM) $(PYTHON) -m sandbox.emulator_check

architecture-check: .venv/stamp .tools/sam/stamp .tools/lambda-runtime/stamp ## run what `make build` made on its own architecture, with qemu if this machine has another one
	@$(PYTHON) -m sandbox.architecture_check

sam-invoke: sam-build sam-image ## run one event in Lambda's image, while `make serve` runs; EVENT=events/…
	@.tools/sam/bin/python sandbox/sam_on_loopback.py local invoke --config-env sandbox --event "$(EVENT)"

sam-api: sam-build sam-image ## run the HTTP API in Lambda's image until Ctrl-C, while `make serve` runs
	@.tools/sam/bin/python sandbox/sam_on_loopback.py local start-api --config-env sandbox

# ------------------------------------------------------------------------------------------------ deployment

build: .venv/stamp .tools/sam/stamp ## build what is deployed, in .aws-sam/build, and compare it with the lock; SAM_FLAGS are passed on
	@$(WITH_SAM) $(SAM) build $(SAM_FLAGS)
	@$(PYTHON) deploy/compile_bytecode.py .aws-sam/build
	@$(PYTHON) deploy/check_layer.py .aws-sam/build $(UV)
	@$(PYTHON) deploy/settle_architecture.py .aws-sam/build samconfig.toml

release: .venv/stamp .tools/release/stamp ## build the last commit's wheel, layers, bill of materials and checksums, in dist
	@$(PYTHON) deploy/release.py dist $(UV) .tools/release/bin/cyclonedx-py

# In another folder and time zone, with other rights for new files and another order of sets.
release-check: release ## build the release a second time, in different conditions, and compare every byte
	@mkdir -p .sandbox/release/temporary
	@umask 077; TZ=Asia/Kathmandu LC_ALL=C PYTHONHASHSEED=7 TMPDIR="$(CURDIR)/.sandbox/release/temporary" \
		$(PYTHON) deploy/release.py .sandbox/release/again $(UV) .tools/release/bin/cyclonedx-py >/dev/null
	@diff dist/SHA256SUMS .sandbox/release/again/SHA256SUMS
	@cd .sandbox/release/again && sha256sum --check --quiet SHA256SUMS
	@echo "release-check: both builds have the same bytes"

deploy: .venv/stamp ## check policy and credentials, build, deploy; ROLES=, STACK=, REGION=, TOPIC=, URL=, DOCS=, POLICY=, PARAMETERS=
	@$(PYTHON) -m deploy.up --check $(DEPLOY_FLAGS)
	@$(MAKE) build
	@$(WITH_SAM) $(PYTHON) -m deploy.up $(DEPLOY_FLAGS)

undeploy: .venv/stamp ## remove the deployed stack; STACK=, REGION=, CONFIRM=the stack's name, LOGS=delete removes audit lines too
	@$(PYTHON) -m deploy.down --stack '$(STACK)' --region '$(REGION)' --confirm '$(CONFIRM)' --logs '$(or $(LOGS),keep)'

deploy-check: .venv/stamp .tools/sam/stamp .tools/deploy-emulator/stamp ## deploy to an emulator of AWS on this machine: a failed creation, all sources of the policy, a deletion
	@$(WITH_SAM) $(PYTHON) -m deploy_check

live-check: build ## test in your own account what AWS does not document; lists what it creates, and removes it
	@$(WITH_SAM) $(PYTHON) -m live_check $(LIVE_FLAGS)

clean: ## remove build results and the sandbox's files; `rm -rf .venv .tools` removes what setup installed
	rm -rf .aws-sam dist .sandbox .fuzz .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache .coverage .coverage.*

# ------------------------------------------------------------------------------------------------ tools

$(UV):
	@sh requirements/find-uv.sh $@

# Lambda runs Python 3.13. The demo and the tests also run on 3.12, which Ubuntu 24.04 has.
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

.tools/deploy-emulator/stamp: requirements/deploy-emulator.txt | $(UV)
	@sh requirements/make-environment.sh $(UV) .tools/deploy-emulator $< 3.13
	$(WRITE_STAMP)

.tools/release/stamp: requirements/release.txt | $(UV)
	@sh requirements/make-environment.sh $(UV) .tools/release $< 3.13 3.12
	$(WRITE_STAMP)

.tools/schemathesis/stamp: requirements/schemathesis.txt | $(UV)
	@sh requirements/make-environment.sh $(UV) .tools/schemathesis $< 3.13 3.12
	$(WRITE_STAMP)

.tools/bench/stamp: requirements/bench.txt | $(UV)
	@sh requirements/make-environment.sh $(UV) .tools/bench $< 3.13 3.12
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
