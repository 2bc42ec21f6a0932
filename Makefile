# hubport: meson and ninja do the work; this file names it. `make help` lists what there is.
SHELL := /bin/bash
.DEFAULT_GOAL := build/hubport
MAKEFLAGS += --no-print-directory

SANITIZED_OPTIONS := -Dbuildtype=debug -Doptimization=1 -Db_sanitize=address,undefined -Db_lundef=false

# `make run -- --demo --listen 0.0.0.0:8450` gives serve what follows the goal `run`, as `make run ARGS="..."` does. make takes
# those words for goals, which .DEFAULT answers by nothing, and words with `=` for variables.
ifeq ($(firstword $(MAKECMDGOALS)),run)
override ARGS += $(filter-out run,$(MAKECMDGOALS))
override ARGS += $(foreach name,$(filter --%,$(.VARIABLES)),$(name)=$($(name)))
.DEFAULT:
	@:
endif

# Seconds for each target of `make fuzz`.
FUZZ_SECONDS ?= 60

.PHONY: build/hubport build-test/hubport run test torture bench screenshots fuzz analyze tsan memcheck timing coverage deb docs lint clean help setup setup-test setup-torture

build/hubport: setup build/build.ninja
	@ninja -C build hubport

build-test/hubport: setup-test build-test/build.ninja
	@ninja -C build-test

build/build.ninja: | setup
	@CC=gcc CXX=g++ meson setup build

build-test/build.ninja: | setup-test
	@CC=clang CXX=clang++ meson setup build-test $(SANITIZED_OPTIONS)

setup:
	@scripts/setup build

setup-test:
	@scripts/setup test

setup-torture:
	@scripts/setup torture

run: build/hubport
	@exec build/hubport serve $(ARGS)

test: build/hubport build-test/hubport
	@scripts/test

torture: build/hubport build-test/hubport setup-torture
	@scripts/torture $(ARGS)

bench: export PATH := $(wildcard $(CURDIR)/build-node/bin):$(PATH)
bench: build/hubport setup-test
	@for bench in tests/bench/*.bench.mjs; do node "$$bench" $(ARGS) || exit; done

screenshots: export PATH := $(wildcard $(CURDIR)/build-node/bin):$(PATH)
screenshots: build/hubport setup-test
	@node tests/browser/screenshots.mjs $(ARGS)

deb: docs setup-test
	@scripts/deb

docs: build/hubport
	@scripts/docs build/hubport

fuzz: build-test/hubport
	@scripts/fuzz $(FUZZ_SECONDS)

analyze: setup-torture build/build.ninja build-test/build.ninja
	@ninja -C build hubport >/dev/null # what is made: embedded files
	@scripts/analyze

tsan: setup-torture
	@scripts/tsan $(ARGS)

memcheck: setup-torture build/hubport
	@scripts/memcheck $(ARGS)

timing: setup-torture build/hubport
	@scripts/timing

coverage: setup-torture build/hubport
	@scripts/coverage $(ARGS)

lint:
	@for file in scripts/setup scripts/test scripts/torture scripts/fuzz scripts/analyze scripts/tsan scripts/memcheck scripts/timing scripts/coverage scripts/deb packaging/postinst packaging/prerm .ci/run; do bash -n "$$file" || exit; done
	@find tests -name '*.mjs' -print0 | xargs -0 -r -n 1 node --check

clean:
	rm -rf build build-test build-ui build-analyze build-tsan build-coverage

help:
	@echo "make            install what is missing, build build/hubport"
	@echo "make run        the same, then start the server; make run -- --demo, or make run ARGS=\"--demo\", passes options on"
	@echo "make test       build by gcc and, with sanitizers, by clang; run the unit, integration and browser tests"
	@echo "make torture    break the world around hubport for long, write docs/reliability.md; make torture ARGS=\"redis tsan\" runs parts of it"
	@echo "make bench      measure"
	@echo "make screenshots  every page in both languages and themes, in build-screenshots/"
	@echo "make fuzz       feed the parsers with mutated inputs, 60 s each; make fuzz FUZZ_SECONDS=600"
	@echo "make analyze    have the sources read by clang-tidy, cppcheck and gcc's analyzer"
	@echo "make tsan       integration tests with ThreadSanitizer; make tsan ARGS=\"auth batch\" names them"
	@echo "make memcheck   integration tests under valgrind; ARGS as above"
	@echo "make timing     count the instructions by which wrong guesses at secrets are refused"
	@echo "make coverage   which lines the tests run; ARGS as above"
	@echo "make deb        make build/hubport_*.deb: program, service, man page, completions"
	@echo "make docs       make docs/settings.md, commands.md and api.md from the tables"
	@echo "make lint       check the syntax of the scripts and of the test sources"
	@echo "make clean      remove what was built"
