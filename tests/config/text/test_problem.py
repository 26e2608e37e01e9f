"""Problems as text."""

from jmxbridge.config.text.problem import MAX_SHOWN, ConfigError, Problem, printable


def test_problem_with_a_line_shows_it() -> None:
    """Place, key, message and suggestion, then the line with a caret under the mistake."""
    problem = Problem("f.yaml", 14, 5, "targets[0].jxm", "unknown key", "- jxm: a:1", (2, 3), "jmx")

    assert str(problem) == (
        'f.yaml:14:5: error: targets[0].jxm: unknown key (did you mean "jmx"?)\n'
        "    14 | - jxm: a:1\n"
        "       |   ^^^"
    )


def test_problem_of_a_whole_file_is_one_line() -> None:
    """Line 0 has neither place nor excerpt."""
    assert str(Problem("f.yaml", 0, 0, "", "no such file")) == "f.yaml: error: no such file"


def test_printable_escapes_control_characters() -> None:
    """A message that quotes a file cannot move the cursor of a terminal."""
    assert printable("a\x1b[31mé\ud800") == "a\\x1b[31mé\\ud800"


def test_config_error_is_in_order_and_bounded() -> None:
    """A screenful is shown, in the order of the file; `problems` has all of them."""
    problems = [Problem("f", line, 1, "", "bad") for line in range(MAX_SHOWN + 7, 0, -1)]

    error = ConfigError(problems)

    assert len(error.problems) == MAX_SHOWN + 7
    assert str(error).startswith("f:1:1: error: bad\n")
    assert str(error).endswith("\n… and 7 more")


def test_config_error_with_few_problems_shows_all() -> None:
    """There is no line about more where there are no more."""
    assert str(ConfigError([Problem("f", 0, 0, "", "bad")])) == "f: error: bad"
