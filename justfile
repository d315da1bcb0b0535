# What one does every day. `just` alone is what has to pass before a commit.

default: format lint test

# Formatting.
format:
    cargo fmt --all

# Lints; a warning is an error.
lint:
    cargo clippy --workspace --all-targets -- -D warnings

# All tests, or those whose name holds FILTER.
test FILTER='':
    cargo test {{FILTER}}

# The local stack.
run *ARGUMENTS:
    cargo run -- {{ARGUMENTS}}

# Load the prepared datasets in Python, as their consumers do.
consumers *ARGUMENTS:
    tests/consumers/run {{ARGUMENTS}}

# Try the API by its own description, with schemathesis.
api:
    tests/api/run

# The dashboard in Chromium; leaves screenshots in tests/browser/screenshots.
browser:
    tests/browser/run

# Lint the deployment's templates.
lint-infra:
    infra/lint

# How fast events are taken in, beside the bare engine.
bench:
    cargo bench -p fincoach-local --bench replay

# Everything that CI runs.
ci:
    .ci/run
