# The five commands that people use. Everything else is in .ci/run.
.PHONY: demo test lint generate ci

demo:      ## the whole run against embedded stand-ins
	go run . demo

test:      ## the tests; what needs a component that is absent skips with a reason
	go test ./...

lint:      ## formatting, vet and the linters, with the versions of .ci/run
	.ci/run lint

generate:  ## the pages, goldens of the house and the walls of the linter that are made from the code
	go generate ./...
	go test . -run Walls -update

ci:        ## everything: real components, race detector, fuzzing, benchmarks, image
	.ci/run
