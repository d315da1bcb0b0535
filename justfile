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

# Recall of redaction by kind, on a corpus of published formats; `--release` measures throughput too.
redaction *ARGUMENTS:
    tests/redaction/run {{ARGUMENTS}}

# Try the API by its own description, with schemathesis.
api:
    tests/api/run

# The dashboard in Chromium; leaves screenshots in tests/browser/screenshots.
browser:
    tests/browser/run

# Every payload of events/ by cargo lambda.
lambda:
    tests/lambda/run

# The suites on a second engine, DynamoDB Local.
engines *FILTER:
    tests/engines/run {{FILTER}}

# The state machine, queues, bus and bucket on LocalStack.
localstack *FILTER:
    tests/localstack/run {{FILTER}}

# Lint the deployment's templates.
lint-infra:
    infra/lint

# Licences, sources, advisories and secrets; bills of materials in target/supply-chain.
supply-chain:
    infra/supply-chain

# The long proof under load, kills and faults; writes docs/PROOF.md.
proof:
    cargo test --release --locked -p fincoach-local --test proof -- --ignored --nocapture

# What requests and versions cost, metered.
costs:
    COST_EVENTS=20000 cargo test --locked -p fincoach-local --test proof -- --nocapture metered

# How the functions start and what memory they take, as they are built for Lambda.
start:
    tests/load/start/run

# How fast events are taken in, beside the bare engine.
bench:
    cargo bench -p fincoach-local --bench replay

# Everything that CI runs.
ci:
    .ci/run
