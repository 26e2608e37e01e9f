# make demo    the story on a real Kafka, live in the terminal; Ctrl-C ends it
#              ONCE=1: once, unattended, judged; INFLUX=1: into a real InfluxDB
# make test    everything CI runs: check, then every test, with real servers; FUZZ=600 fuzzes longer
# make unit    the tests that need nothing but Python
# make chaos   kill -9 a thousand times; KILLS=200 SEED=7 choose how often, and which schedule
# make bench   a poll beside jmxquery, a lag poll beside Kafka's clients, delivery beside
#              influxdb-client, ten minutes of memory, every --help; MBEANS=200 LAG_GROUPS=30
#              SECONDS=60 shorten it, LINES=10000000 is the long outage
PYTHON ?= python3
export PYTHON
BIN := .venv/bin
on = $(filter-out 0,$($(1)))

.PHONY: demo test unit check setup chaos bench clean

demo: .venv/run.stamp
	@demo/needs.sh java maven $(if $(call on,INFLUX),go)
	@exec $(BIN)/python -m demo.story

test: check
	@demo/needs.sh java maven go
	JMXBRIDGE_FUZZ_SECONDS=$(or $(FUZZ),60) $(BIN)/pytest

unit: setup
	$(BIN)/pytest -m 'not real'

check: setup
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy

chaos: setup
	@demo/needs.sh go
	JMXBRIDGE_KILLS=$(or $(KILLS),1000) JMXBRIDGE_SEED=$(or $(SEED),0) \
	  $(BIN)/pytest -s tests/real/test_chaos_kill.py

bench: setup
	@demo/needs.sh java maven go
	$(BIN)/python -m bench.jmx_poll
	$(BIN)/python -m bench.load
	$(BIN)/python -m bench.lag_poll
	$(BIN)/python -m bench.delivery
	$(BIN)/python -m bench.run_memory
	$(BIN)/python -m bench.help

setup: .venv/test.stamp

.venv/run.stamp: pyproject.toml
	@demo/needs.sh venv
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check -e .
	@touch $@

.venv/test.stamp: .venv/run.stamp
	$(BIN)/pip install --quiet --disable-pip-version-check -e '.[test]'
	@touch $@

clean:
	rm -rf .venv .hypothesis .mypy_cache .pytest_cache .ruff_cache dist
