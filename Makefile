# The verbs of this repository. `make help` lists them.
DOTNET ?= dotnet
CONFIG := Release
QUAROT := Cli/bin/$(CONFIG)/net10.0/quarot
DEMO   := models/lexi-21m-w4a4kv4
ASK    := What is a compiler?
PORT   ?= 50051
COMPAT_TESTS := Compat.Grpc Compat.Orleans Cluster

export DOTNET_CLI_TELEMETRY_OPTOUT := 1
export DOTNET_NOLOGO := 1

.DEFAULT_GOAL := build
.PHONY: help build run demo test test-compat fuzz format format-fix eval clean

help: ## list the verbs
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | awk -F'\t' '{ printf "  make %-12s %s\n", $$1, $$2 }'

.dependencies: build/probe.sh build/probe/probe.csproj Directory.Packages.props
	@build/probe.sh $@

build: .dependencies ## build everything (Release)
	@$(DOTNET) build QuaRot.Cluster.sln -c $(CONFIG) -v q -clp:NoSummary

$(DEMO)/config.json: | build
	@$(QUAROT) quantize assets/lexi-21m $(DEMO) --seed 1

run: build $(DEMO)/config.json ## start the whole cluster in one process, ask it a question, stay up
	@$(QUAROT) serve $(DEMO) --shards 2 --port $(PORT) --ask "$(ASK)" --chat

demo: build $(DEMO)/config.json ## the same first answer, then stop
	@$(QUAROT) serve $(DEMO) --shards 2 --port 0 --data data/demo --ask "$(ASK)" --exit

test: build ## run all tests
	@tests/run.sh $(CONFIG)

test-compat: .dependencies ## run the tests that meet Orleans or gRPC on the stand-ins, beside a build with the real packages
	@if [ "$$(cat .dependencies)" = compat ]; then echo "The stand-ins are the chosen dependencies: 'make test' runs on them."; exit 1; fi
	@for t in $(COMPAT_TESTS); do $(DOTNET) build tests/$$t -c $(CONFIG) -p:Dependencies=compat -v q -clp:NoSummary || exit 1; done
	@tests/run.sh $(CONFIG) compat $(COMPAT_TESTS)

fuzz: build ## a million damaged files, frames and messages (FUZZ_SEED=n for others)
	@FUZZ_CASES=$(or $(FUZZ_CASES),140000) tests/Fuzz/bin/$(CONFIG)/net10.0/QuaRot.Fuzz.Tests -noColor -noLogo

eval: build $(DEMO)/config.json ## perplexity of the demo model on the shipped text
	@$(QUAROT) eval $(DEMO) --text assets/eval.txt

format: ## check the formatting of the code
	@$(DOTNET) format QuaRot.Cluster.sln --verify-no-changes --no-restore --exclude-diagnostics QRC0001

format-fix: ## mend the formatting of the code
	@$(DOTNET) format QuaRot.Cluster.sln --no-restore

clean: ## remove what was built and quantized
	@rm -rf models data .dependencies && find . -name node_modules -prune -o -type d \( -name bin -o -name obj \) -print0 | xargs -0 rm -rf
