# make demo    the story on a real Kafka, live in the terminal; Ctrl-C ends it
#              ONCE=1: once, unattended, judged; INFLUX=1: into a real InfluxDB
# make test    everything CI runs: check, coverage, the slow and the random tests, and those with
#              real servers; FUZZ=600 fuzzes longer; CI=true adds unit313
# make unit    the tests that need nothing but Python, without the slow ones: under a minute
# make unit313 the same under Python 3.13, in a Debian 13 kept in the cache; as root on Debian
# make coverage  the same without the random ones, which must take every branch of pure modules
# make chaos   kill -9 a thousand times; KILLS=200 SEED=7 choose how often, and which schedule
# make bench   a poll next to jmxquery, a lag poll next to Kafka's clients, delivery next to
#              influxdb-client, ten minutes of memory, every --help; MBEANS=200 LAG_GROUPS=30
#              SECONDS=60 shorten it, LINES=10000000 is the long outage
PYTHON ?= python3
export PYTHON
# Tests start in half the time where their byte code is kept, whatever the environment wants.
export PYTHONDONTWRITEBYTECODE :=
BIN := .venv/bin
on = $(filter-out 0,$($(1)))
UNIT := not real and not slow
COVERAGE := $(UNIT) and not hypothesis
RANDOM_OR_SLOW := not real and (hypothesis or slow)
# As many workers as there are cores, each with a copy of the tests.
SPREAD := -n auto --maxprocesses 8 --dist worksteal

.PHONY: demo test unit unit313 coverage check setup chaos bench clean

demo: .venv/run.stamp
	@demo/needs.sh java maven $(if $(call on,INFLUX),go)
	@exec $(BIN)/python -m demo.story

test: check coverage $(if $(filter true,$(CI)),unit313)
	@demo/needs.sh java maven go
	JMXBRIDGE_FUZZ_SECONDS=$(or $(FUZZ),60) $(BIN)/pytest $(SPREAD) -m '$(RANDOM_OR_SLOW)'
	$(BIN)/pytest -m real

unit: setup
	$(BIN)/pytest $(SPREAD) -m '$(UNIT)'

unit313: .venv/3.13/test.stamp
	demo/debian13.sh .venv/3.13/bin/pytest $(SPREAD) -m '$(UNIT)'

coverage: setup
	$(BIN)/pytest $(SPREAD) -m '$(COVERAGE)' --cov --cov-report=
	$(BIN)/coverage report --fail-under=100 --show-missing --skip-covered \
	  --include="$$($(BIN)/python -m tests.test_walls)"

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

.venv/3.13/test.stamp: .venv/run.stamp
	demo/debian13.sh python3 -m venv --clear .venv/3.13
	demo/debian13.sh .venv/3.13/bin/pip install --quiet --disable-pip-version-check -e '.[test]'
	@touch $@

clean:
	rm -rf .venv .hypothesis .mypy_cache .pytest_cache .ruff_cache dist
